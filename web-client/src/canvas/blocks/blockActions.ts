/**
 * What a block on screen can do beyond what every block can: "Download CSV", "View as table". Its view publishes them
 * while it is mounted, the frame's menu and the palette list them.
 */
import type { LucideIcon } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'

export type BlockAction = { label: string; icon?: LucideIcon; run: () => void; testId?: string }

const NONE: readonly BlockAction[] = []
const published = createStore<Record<string, readonly BlockAction[]>>(() => ({}))

const sameList = (a: readonly BlockAction[], b: readonly BlockAction[]): boolean =>
  a.length === b.length &&
  a.every(
    (one, index) => one.label === b[index]?.label && one.icon === b[index]?.icon && one.testId === b[index]?.testId,
  )

/** Lists `actions` in the menu of this block. They need not be memoised: what runs is always the newest. */
export function useBlockActions(id: string, actions: readonly BlockAction[]): void {
  const latest = useRef(actions)
  latest.current = actions
  const shown = useRef<readonly BlockAction[]>(NONE)

  useEffect(() => {
    if (sameList(shown.current, actions)) return
    const list = actions.map((action, index) => ({ ...action, run: () => latest.current[index]?.run() }))
    shown.current = list
    published.setState({ [id]: list })
  })

  useEffect(
    () => () => {
      // A second view of the block (full screen) may have published its own since.
      if (published.getState()[id] !== shown.current) return
      shown.current = NONE
      const { [id]: _gone, ...rest } = published.getState()
      published.setState(rest, true)
    },
    [id],
  )
}

export const useActionsOf = (id: string): readonly BlockAction[] => useStore(published, (all) => all[id] ?? NONE)

export const actionsOf = (id: string): readonly BlockAction[] => published.getState()[id] ?? NONE

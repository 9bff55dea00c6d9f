/**
 * A menu that opens from a button.
 *
 * The menu machinery is a fifth of the shell and nobody opens a menu in the first second: it is loaded when the page is
 * idle. A press before that loads it at once and opens the menu then.
 */
import { cloneElement, type ReactElement, type ReactNode, useState, useSyncExternalStore } from 'react'
import { whenIdle } from './idle'

export type MenuItem = {
  label: string
  icon?: ReactNode
  keys?: string
  danger?: boolean
  disabled?: boolean
  /** An entry that is on or off says so, with a tick. */
  checked?: boolean
  testId?: string
  onSelect: () => void
}

export type MenuProps = {
  /** One focusable element, usually a Button or IconButton. */
  trigger: ReactElement<{ onClick?: () => void }>
  /** Null draws a line, a text names what follows it. */
  items: readonly (MenuItem | string | null)[]
  align?: 'start' | 'center' | 'end'
  /** After choosing, leave the focus where the chosen action put it, if anywhere, instead of on the trigger. */
  keepFocus?: boolean
}

type Implementation = typeof import('./MenuRadix').default
let loaded: Implementation | null = null
let loading = false
const waiting = new Set<() => void>()

const load = (): void => {
  if (loading) return
  loading = true
  import('./MenuRadix').then(
    (module) => {
      loaded = module.default
      for (const notify of waiting) notify()
    },
    () => {
      // Offline before the first caching: the next press tries again.
      loading = false
    },
  )
}

const subscribe = (notify: () => void): (() => void) => {
  waiting.add(notify)
  const stop = loaded === null ? whenIdle(load) : () => undefined
  return () => {
    stop()
    waiting.delete(notify)
  }
}

export function Menu(props: MenuProps) {
  const Radix = useSyncExternalStore(subscribe, () => loaded)
  const [pressed, setPressed] = useState(false)
  if (Radix !== null) return <Radix {...props} defaultOpen={pressed} />
  const open = (): void => {
    setPressed(true)
    load()
  }
  return cloneElement(props.trigger, { onClick: open })
}

/** The settings of the selected block: beside the canvas, or as a sheet over it where there is no room for both. */
import { X } from 'lucide-react'
import { lazy, Suspense, useEffect } from 'react'
import { useStore } from 'zustand'
import { useMedia } from '../app/useMedia'
import { blocksMap } from '../doc/schema'
import { useY } from '../doc/useY'
import type { CanvasSession } from '../sync/session'
import { IconButton } from '../ui/Button'
import { Inspector } from './blocks/registry'
import { select, setPanel, type UiStore } from './ui'

const Several = lazy(() => import('./Several'))

/** With less than this a panel beside the canvas would squeeze it. */
const NARROW = '(max-width: 1199px)'

type PanelProps = { session: CanvasSession; ui: UiStore; readOnly: boolean }

export function Panel({ session, ui, readOnly }: PanelProps) {
  const open = useStore(ui, (state) => state.panel)
  const selected = useStore(ui, (state) => state.selected)
  const dragging = useStore(ui, (state) => state.preview !== null)
  const narrow = useMedia(NARROW)
  const blocks = blocksMap(session.doc)
  const ids = useY(blocks, () => selected.filter((id) => blocks.has(id)))
  // Somebody deleted what we had selected.
  useEffect(() => {
    if (ids.length !== selected.length) select(ui, ids)
  }, [ids, selected, ui])
  // Over the canvas an empty sheet would only be in the way, and so would any while a block is dragged.
  if (!open || readOnly || (narrow && (ids.length === 0 || dragging))) return null
  const id = ids.length === 1 ? ids[0] : undefined
  const block = id === undefined ? undefined : blocks.get(id)
  const close = (): void => {
    setPanel(ui, false)
    if (id !== undefined) document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)?.focus()
  }
  return (
    <aside
      className="panel"
      aria-label="Settings"
      data-testid="inspector"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented || !narrow) return
        event.stopPropagation()
        close()
      }}
    >
      {narrow && (
        <div className="panel-close">
          <IconButton label="Close settings" icon={<X />} data-testid="panel-close" onClick={close} />
        </div>
      )}
      {id !== undefined && block !== undefined ? (
        <Inspector key={id} id={id} block={block} session={session} />
      ) : ids.length > 1 ? (
        <Suspense fallback={null}>
          <Several session={session} ui={ui} />
        </Suspense>
      ) : (
        <p className="panel-empty">Select a block to see its settings.</p>
      )}
    </aside>
  )
}

/** What opens over a canvas by a command: the palette, the sheet of keys, the add menu; and its clipboard. Mounted once. */
import { lazy, Suspense, useEffect } from 'react'
import { useStore } from 'zustand'
import { orNothing, withQueries } from '../app/loading'
import type { CanvasSession } from '../sync/session'
import { useIdle } from '../ui/idle'
import { toast } from '../ui/Toast'
import { isCopied } from './copy'
import { takesKeys } from './keys'
import { openDialog, type UiStore } from './ui'

/** A press on `/` is followed by typing at once: the menu is there before it is asked for. */
const loadPicker = () => import('./AddPicker')
const AddPicker = lazy(loadPicker)
const Palette = lazy(withQueries(() => import('./Palette')))
const Clipboard = lazy(orNothing(() => import('./Clipboard')))
const CanvasUsage = lazy(withQueries(() => import('../platform/usage/CanvasUsage')))
const Shortcuts = lazy(() => import('./Shortcuts'))

export function CanvasDialogs({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const idle = useIdle()
  useEffect(() => {
    if (idle) void loadPicker().catch(() => undefined)
  }, [idle])
  // Who goes to a canvas to paste does so at once: blocks do not wait for the rest of the clipboard.
  useEffect(() => {
    const onPaste = (event: ClipboardEvent): void => {
      const text = event.clipboardData?.getData('text/plain') ?? ''
      if (event.defaultPrevented || !isCopied(text) || takesKeys(event.target) || ui.getState().mode !== 'edit') return
      event.preventDefault()
      import('./paste').then(
        ({ paste }) => paste(session, ui, text),
        () => toast('Pasting needs a part of the page that could not be loaded. Try again.'),
      )
    }
    document.addEventListener('paste', onPaste)
    return () => document.removeEventListener('paste', onPaste)
  }, [session, ui])
  const adding = useStore(ui, (state) => state.adding !== null)
  const dialog = useStore(ui, (state) => state.dialog)
  return (
    <Suspense fallback={null}>
      <Clipboard session={session} ui={ui} />
      {adding && <AddPicker session={session} ui={ui} />}
      {dialog === 'palette' && <Palette session={session} ui={ui} />}
      {dialog === 'shortcuts' && <Shortcuts ui={ui} />}
      {dialog === 'usage' && <CanvasUsage canvasId={session.canvasId} onClose={() => openDialog(ui, null)} />}
    </Suspense>
  )
}

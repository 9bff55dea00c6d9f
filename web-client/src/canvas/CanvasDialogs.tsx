/** What opens over a canvas by a command: the palette, the sheet of keys, the add menu; and its clipboard. Mounted once. */
import { lazy, Suspense } from 'react'
import { useStore } from 'zustand'
import type { CanvasSession } from '../sync/session'
import { AddPicker } from './AddPicker'
import type { UiStore } from './ui'
import { useClipboard } from './useClipboard'

const Palette = lazy(() => import('./Palette'))
const Shortcuts = lazy(() => import('./Shortcuts'))

export function CanvasDialogs({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  useClipboard(session, ui)
  const dialog = useStore(ui, (state) => state.dialog)
  return (
    <>
      <AddPicker session={session} ui={ui} />
      <Suspense fallback={null}>
        {dialog === 'palette' && <Palette session={session} ui={ui} />}
        {dialog === 'shortcuts' && <Shortcuts ui={ui} />}
      </Suspense>
    </>
  )
}

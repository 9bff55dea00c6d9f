/**
 * The server has closed the canvas for us for good. If there are changes that it never took, nothing is thrown away
 * without asking.
 */
import { lazy, Suspense, useState } from 'react'
import { useLocation } from 'wouter'
import { useStore } from 'zustand'
import { blockJson, blocksMap, canvasName } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { unsaved } from '../sync/status'
import { Button } from '../ui/Button'

const LostDialog = lazy(() => import('./LostDialog'))

const ACCESS_LOST = new Set([4401, 4403, 4404])
/** The server will refuse what is kept here each time: without a way to let go of it the canvas would never open again. */
const REFUSED = new Set([4400, 4413])

export function Lost({ session }: { session: CanvasSession }) {
  const sync = useStore(session.store, (state) => state.sync)
  const status = useStore(session.store, (state) => state.status)
  const ready = useStore(session.store, (state) => state.ready)
  const [dismissed, setDismissed] = useState(false)
  const [, navigate] = useLocation()
  if (sync.closed === null || !ready) return null
  const { code } = sync.closed
  const left = unsaved(sync)
  if (left === 0 || dismissed || !(ACCESS_LOST.has(code) || REFUSED.has(code))) {
    return (
      <div className="banner" role="alert" data-testid="closed-banner">
        <span>{status.detail}</span>
        <Button
          size="normal"
          onClick={() => (ACCESS_LOST.has(code) && code !== 4401 ? navigate('/') : location.reload())}
        >
          {code === 4401 ? 'I have signed in' : ACCESS_LOST.has(code) ? 'All canvases' : 'Reload'}
        </Button>
      </div>
    )
  }
  const discard = async (): Promise<void> => {
    await session.discard()
    if (REFUSED.has(code)) location.reload()
    else navigate('/')
  }
  return (
    <Suspense>
      <LostDialog
        count={left}
        detail={status.detail}
        onKeep={() => setDismissed(true)}
        onDownload={() => download(session)}
        onDiscard={() => void discard()}
      />
    </Suspense>
  )
}

/** The canvas as it is here, as canvas JSON, which `POST /v1/canvases` takes back. */
const download = (session: CanvasSession): void => {
  const name = canvasName(session.doc)
  const blocks = [...blocksMap(session.doc).entries()].map(([id, block]) => blockJson(id, block))
  const file = new Blob([JSON.stringify({ name, canvas: { blocks } }, null, 2)], { type: 'application/json' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, '-') || 'canvas'}.json`
  link.click()
  URL.revokeObjectURL(link.href)
}

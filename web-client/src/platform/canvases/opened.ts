/** A canvas that somebody opened is one of their recent ones. */
import { useEffect } from 'react'
import { api, visitToken } from '../../app/api'
import type { CanvasSession } from '../../sync/session'

/** Says so once the server has answered for the canvas: before that there may be no server, or no such canvas. */
export const useMarkOpened = (session: CanvasSession): void => {
  useEffect(() => {
    // Guests of another program come by token and have no home page here.
    if (visitToken() !== undefined) return
    let told = false
    const look = (): void => {
      const { kind } = session.store.getState().status
      if (told || (kind !== 'saved' && kind !== 'read-only')) return
      told = true
      // Nobody waits for it.
      void api<void>(`/v1/canvases/${encodeURIComponent(session.canvasId)}/opened`, { method: 'PUT' }).catch(
        () => undefined,
      )
    }
    look()
    return session.store.subscribe(look)
  }, [session])
}

/** A canvas that somebody opened is one of their recent ones. */
import { useEffect } from 'react'
import { visitToken } from '../../app/api'
import type { CanvasSession } from '../../sync/session'
import { markOpened } from './api'

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
      markOpened(session.canvasId)
    }
    look()
    return session.store.subscribe(look)
  }, [session])
}

/** When the server last confirmed a change of ours, on this page. One store per session, watching from the start. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { CanvasSession } from '../sync/session'
import { isSaved, unsaved } from '../sync/status'

type LastSaved = StoreApi<{ at: number | null }>
const stores = new WeakMap<CanvasSession, LastSaved>()

export const lastSaved = (session: CanvasSession): LastSaved => {
  const known = stores.get(session)
  if (known !== undefined) return known
  const made: LastSaved = createStore(() => ({ at: null }))
  stores.set(session, made)
  let before = unsaved(session.store.getState().sync)
  session.store.subscribe(({ sync }) => {
    const left = unsaved(sync)
    if (before > 0 && left === 0 && isSaved(sync)) made.setState({ at: Date.now() })
    // Changes given up are not saved: what was waiting counts until the server has all of it.
    if (left > 0 || isSaved(sync)) before = left
  })
  return made
}

/** When the server last confirmed a change of ours, on this page. One store per session, watching from the start. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { CanvasSession } from '../sync/session'
import { isSaved } from '../sync/status'

type LastSaved = StoreApi<{ at: number | null }>
const stores = new WeakMap<CanvasSession, LastSaved>()

export const lastSaved = (session: CanvasSession): LastSaved => {
  const known = stores.get(session)
  if (known !== undefined) return known
  const made: LastSaved = createStore(() => ({ at: null }))
  stores.set(session, made)
  let { acked } = session.store.getState().sync
  session.store.subscribe(({ sync }) => {
    // The first confirmation on a socket answers what we had, perhaps nothing.
    if (sync.acked > acked && isSaved(sync) && sync.sent > 1) made.setState({ at: Date.now() })
    acked = sync.acked
  })
  return made
}

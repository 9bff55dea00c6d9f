/** Who is signed in. The last answer is kept on this device, so that a canvas opens when the server is away. */
import { useEffect, useState } from 'react'
import type { Person } from '../protocol/messages'
import { ApiError, api, visitToken } from './api'

export type Me = { user: Person; organization: { id: string; name: string }; role: string }

const KEY = 'jabiru.me'
/** Who a token stands for is true of its tab only. */
const storage = (): Storage => (visitToken() === undefined ? localStorage : sessionStorage)

const kept = (): Me | undefined => {
  try {
    const text = storage().getItem(KEY)
    return text === null ? undefined : (JSON.parse(text) as Me)
  } catch {
    return undefined
  }
}

const keep = (me: Me): void => {
  try {
    storage().setItem(KEY, JSON.stringify(me))
  } catch {
    // Without storage the page simply does not open offline.
  }
}

/** The person this device last knew, without asking the server. */
export const lastMe = kept

export const forgetMe = (): void => {
  localStorage.removeItem(KEY)
  sessionStorage.removeItem(KEY)
}

/** Whose copies this device keeps; it outlives the session, which may end without a word. */
const OWNER = 'jabiru.device-owner'

/** What the person before left here is not for this one, not even what was never sent. A visit by token keeps its own. */
const takeDevice = async (me: Me): Promise<void> => {
  if (visitToken() !== undefined) return
  try {
    const owner = localStorage.getItem(OWNER)
    if (owner !== null && owner !== me.user.id) await import('./leave').then(({ forgetDevice }) => forgetDevice())
    localStorage.setItem(OWNER, me.user.id)
  } catch {
    // Without storage nothing was kept.
  }
}

const load = async (): Promise<Me> => {
  try {
    const me = await api<Me>('/v1/me')
    await takeDevice(me)
    keep(me)
    return me
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) forgetMe()
    const last = error.status === 0 || error.status >= 500 ? kept() : undefined
    if (last !== undefined) return last
    throw error
  }
}

type Answer = { me: Me | undefined; error: unknown }

/**
 * Asked once for each page: while a canvas is open its socket says when the session has ended, without closing it. The
 * last answer shows at once, because a network that hangs must not keep a canvas on this device from opening.
 */
export const useMe = (): Answer & { retry: () => void } => {
  const [answer, setAnswer] = useState<Answer>(() => ({ me: kept(), error: null }))
  const [attempt, setAttempt] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks again
  useEffect(() => {
    let gone = false
    load().then(
      (me) => gone || setAnswer((last) => ({ me: sameMe(last.me, me) ? last.me : me, error: null })),
      (error: unknown) => gone || setAnswer({ me: undefined, error }),
    )
    return () => {
      gone = true
    }
  }, [attempt])
  return { ...answer, retry: () => setAttempt((count) => count + 1) }
}

/** The same person keeps their object: a canvas is opened for it, and must not be opened again for a copy. */
const sameMe = (a: Me | undefined, b: Me): boolean => JSON.stringify(a) === JSON.stringify(b)

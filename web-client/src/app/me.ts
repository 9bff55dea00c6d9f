/** Who is signed in. The last answer is kept on this device, so that a canvas opens when the server is away. */
import { useQuery } from '@tanstack/react-query'
import type { Person } from '../protocol/messages'
import { ApiError, api } from './api'

export type Me = { user: Person; organization: { id: string; name: string }; role: string }

const KEY = 'jabiru.me'

const load = async (): Promise<Me> => {
  try {
    const me = await api<Me>('/v1/me')
    localStorage.setItem(KEY, JSON.stringify(me))
    return me
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) forgetMe()
    const kept = localStorage.getItem(KEY)
    if ((error.status === 0 || error.status >= 500) && kept !== null) return JSON.parse(kept) as Me
    throw error
  }
}

export const forgetMe = (): void => localStorage.removeItem(KEY)

/** Asked once for each page: while a canvas is open its socket says when the session has ended, without closing it. */
export const useMe = () =>
  useQuery({
    queryKey: ['me'],
    queryFn: load,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    refetchOnWindowFocus: false,
  })

/** Who is here, from awareness: people, not connections. Two windows of one person are one entry with two clients. */
import { useSyncExternalStore } from 'react'
import type { Awareness } from 'y-protocols/awareness'
import type { Person } from '../protocol/messages'
import type { CanvasSession } from '../sync/session'
import { colorsOf } from './colors'
import { type Peer, readPeer } from './state'

export type Here = Person & {
  /** The windows of this person, oldest first by number; ours is not among them. */
  clients: number[]
  /** Nobody has moved in any of them for a minute. */
  away: boolean
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Everybody's states, ours included, each person in a colour of their own. */
export const peersOf = (awareness: Awareness): Peer[] => {
  const states = [...awareness.getStates()].sort(([a], [b]) => a - b)
  const peers = states.flatMap(([client, state]) => readPeer(client, state) ?? [])
  const colors = colorsOf(peers.map(({ user }) => user))
  return peers.map((peer) => ({ ...peer, user: { ...peer.user, color: colors.get(peer.user.id) ?? peer.user.color } }))
}

export const peopleOf = (awareness: Awareness): Here[] => {
  const people = new Map<string, Here>()
  for (const peer of peersOf(awareness)) {
    if (peer.client === awareness.clientID) continue
    const known = people.get(peer.user.id)
    people.set(peer.user.id, {
      ...peer.user,
      clients: [...(known?.clients ?? []), peer.client],
      away: (known?.away ?? true) && peer.idle,
    })
  }
  return [...people.values()].sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id))
}

/** What the tag on a cursor says: the name, and which window if the person has several. Ours are told apart from us. */
export const tagOf = (people: readonly Here[], me: string, id: string, client: number, name: string): string => {
  const clients = people.find((person) => person.id === id)?.clients ?? [client]
  const at = clients.indexOf(client)
  const nth = clients.length > 1 && at >= 0 ? ` · ${at + 1}` : ''
  return id === me ? `You, other window${nth}` : `${name}${nth}`
}

/** Kept up to date; renders when somebody comes, goes, is away or back, or has another name. Never for a cursor. */
export const usePeople = (session: CanvasSession): Here[] => {
  const text = useSyncExternalStore(
    (notify) => {
      session.awareness.on('change', notify)
      return () => session.awareness.off('change', notify)
    },
    () => JSON.stringify(peopleOf(session.awareness)),
  )
  return JSON.parse(text) as Here[]
}

/** Our own colour as others see it. */
export const useOwnColor = (session: CanvasSession, color: string): string =>
  useSyncExternalStore(
    (notify) => {
      session.awareness.on('change', notify)
      return () => session.awareness.off('change', notify)
    },
    () => peersOf(session.awareness).find(({ client }) => client === session.awareness.clientID)?.user.color ?? color,
  )

/** Who is here. Renders when somebody comes, goes, or changes a name; never for a moving cursor. */
import { useSyncExternalStore } from 'react'
import { useStore } from 'zustand'
import type { Person } from '../protocol/messages'
import type { CanvasSession } from '../sync/session'
import { inkOn, readPeer, safeColor } from './state'

type Here = Person & { tabs: number }
const SHOWN = 5

/** People, not connections: two tabs of one person are one avatar. */
const peopleOf = (session: CanvasSession): Here[] => {
  const people = new Map<string, Here>()
  for (const [client, state] of session.awareness.getStates()) {
    if (client === session.awareness.clientID) continue
    const peer = readPeer(client, state)
    if (peer === null) continue
    const known = people.get(peer.user.id)
    people.set(peer.user.id, { ...peer.user, tabs: (known?.tabs ?? 0) + 1 })
  }
  return [...people.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .filter((part) => part !== '')
    .slice(0, 2)
    .map((part) => [...part][0]?.toUpperCase() ?? '')
    .join('')

const usePeople = (session: CanvasSession): Here[] => {
  const read = (): string => JSON.stringify(peopleOf(session))
  const text = useSyncExternalStore((notify) => {
    session.awareness.on('change', notify)
    return () => session.awareness.off('change', notify)
  }, read)
  return JSON.parse(text) as Here[]
}

export function Avatars({ session }: { session: CanvasSession }) {
  const people = usePeople(session)
  const me = useStore(session.store, (state) => state.user)
  const more = people.length - SHOWN
  return (
    <ul className="avatars" data-testid="avatars" aria-label="People on this canvas">
      {more > 0 && (
        <li
          className="avatar avatar-more"
          title={people
            .slice(SHOWN)
            .map(({ name }) => name)
            .join(', ')}
        >
          +{more}
        </li>
      )}
      {people.slice(0, SHOWN).map((person) => (
        <Avatar key={person.id} person={person} title={titleOf(person, me.id)} />
      ))}
      <Avatar person={me} title={`${me.name} (you)`} />
    </ul>
  )
}

const titleOf = ({ id, name, tabs }: Here, me: string): string =>
  id === me ? `${name} (you, in another window)` : tabs > 1 ? `${name} (${tabs} windows)` : name

function Avatar({ person, title }: { person: Person; title: string }) {
  const color = safeColor(person.color)
  return (
    <li
      className="avatar"
      data-testid="avatar"
      data-user={person.name}
      title={title}
      style={{ background: color, color: inkOn(color) }}
    >
      <span aria-hidden="true">{initials(person.name)}</span>
      <span className="visually-hidden">{title}</span>
    </li>
  )
}

/** Who is here, and a click to follow them. Renders when somebody comes, goes or changes a name; never for a cursor. */
import { UserRound } from 'lucide-react'
import type { CSSProperties } from 'react'
import { useStore } from 'zustand'
import type { UiStore } from '../canvas/ui'
import type { Person } from '../protocol/messages'
import type { CanvasSession } from '../sync/session'
import { Menu } from '../ui/Menu'
import { follow, stopFollowing } from './follow'
import { type Here, useOwnColor, usePeople } from './people'
import { inkOn, safeColor } from './state'

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .filter((part) => part !== '')
    .slice(0, 2)
    .map((part) => [...part][0]?.toUpperCase() ?? '')
    .join('')

type AvatarsProps = {
  session: CanvasSession
  ui: UiStore
  /** How many of the others are shown; the rest is in a menu. */
  show: number
}

export function Avatars({ session, ui, show }: AvatarsProps) {
  const people = usePeople(session)
  const user = useStore(session.store, (state) => state.user)
  const me = { ...user, color: useOwnColor(session, user.color) }
  const following = useStore(ui, (state) => state.following)
  const shown = people.length <= show + 1 ? people : people.slice(0, show)
  const rest = people.slice(shown.length)
  const toggle = (id: string): void => (id === following ? stopFollowing(ui) : follow(session, ui, id))
  return (
    <ul className="avatars" data-testid="avatars" aria-label="People on this canvas">
      {rest.length > 0 && (
        <li className="avatar-item">
          <Menu
            trigger={
              <button type="button" className="avatar avatar-more" data-testid="avatars-more">
                <span aria-hidden="true">+{rest.length}</span>
                <span className="visually-hidden">{`${rest.length} more people`}</span>
              </button>
            }
            items={rest.map((person) => ({
              label: `Follow ${titleOf(person, me.id)}`,
              icon: <UserRound />,
              onSelect: () => follow(session, ui, person.id),
            }))}
          />
        </li>
      )}
      {shown.map((person) => (
        <li
          key={person.id}
          className="avatar-item"
          data-testid="avatar"
          data-user={person.name}
          data-away={person.away ? '' : undefined}
        >
          <button
            type="button"
            className="avatar"
            data-follow=""
            aria-pressed={person.id === following}
            title={`${titleOf(person, me.id)}\n${person.id === following ? 'Click to stop following' : 'Click to follow'}`}
            style={colors(person)}
            onClick={() => toggle(person.id)}
          >
            <span aria-hidden="true">{initials(person.name)}</span>
            <span className="visually-hidden">{`Follow ${titleOf(person, me.id)}`}</span>
            {person.clients.length > 1 && (
              <span className="avatar-count" aria-hidden="true">
                {person.clients.length}
              </span>
            )}
          </button>
        </li>
      ))}
      <li className="avatar-item" data-testid="avatar" data-user={me.name}>
        <span className="avatar avatar-me" title={`${me.name} (you)`} style={colors(me)}>
          <span aria-hidden="true">{initials(me.name)}</span>
          <span className="visually-hidden">{`${me.name} (you)`}</span>
        </span>
      </li>
    </ul>
  )
}

const colors = (person: Person): CSSProperties => {
  const color = safeColor(person.color)
  return { '--person': color, '--person-ink': inkOn(color) } as CSSProperties
}

const titleOf = ({ id, name, clients, away }: Here, me: string): string => {
  const note = [
    ...(id === me ? ['you, in another window'] : clients.length > 1 ? [`${clients.length} windows`] : []),
    ...(away ? ['away'] : []),
  ].join(', ')
  return note === '' ? name : `${name} (${note})`
}

/** The coloured frame round the canvas while we follow somebody. It says whom, and how to stop. */
import type { CSSProperties } from 'react'
import { useStore } from 'zustand'
import type { UiStore } from '../canvas/ui'
import type { CanvasSession } from '../sync/session'
import { stopFollowing } from './follow'
import { usePeople } from './people'
import { inkOn, safeColor } from './state'

export function Following({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const id = useStore(ui, (state) => state.following)
  return id === null ? null : <FollowFrame session={session} ui={ui} id={id} />
}

function FollowFrame({ session, ui, id }: { session: CanvasSession; ui: UiStore; id: string }) {
  const person = usePeople(session).find((one) => one.id === id)
  const color = safeColor(person?.color)
  return (
    <div
      className="following"
      data-testid="following"
      data-user={person?.name}
      style={{ '--person': color, '--person-ink': inkOn(color) } as CSSProperties}
    >
      <button type="button" data-follow="" onClick={() => stopFollowing(ui)}>
        {person === undefined ? 'Waiting for them to come back' : `Following ${person.name}`}
        <span className="following-hint"> · Esc to stop</span>
      </button>
    </div>
  )
}

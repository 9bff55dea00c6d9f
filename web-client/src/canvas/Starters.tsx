/** What an empty canvas says: what it is for, and the three ways to begin. */
import type { CanvasSession } from '../sync/session'
import { add } from './actions'
import { BLOCK_TYPES } from './blocks/registry'
import type { UiStore } from './ui'

export function Starters({ session, ui, readOnly }: { session: CanvasSession; ui: UiStore; readOnly: boolean }) {
  return (
    <div className="starters" data-testid="starters">
      <h2>{readOnly ? 'This canvas is empty' : 'Start with a block'}</h2>
      <p>
        {readOnly
          ? 'Nobody has added a block yet. They appear here as soon as somebody does.'
          : 'Blocks can be moved, resized and edited by everybody who has the canvas open.'}
      </p>
      {!readOnly && (
        <div className="starters-row">
          {BLOCK_TYPES.map(({ type, label, icon: Icon, defaultSize, createContent }) => (
            <button
              key={type}
              type="button"
              data-testid={`starter-${type}`}
              onClick={() => add(session, ui, type, createContent(), defaultSize)}
            >
              <Icon />
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}

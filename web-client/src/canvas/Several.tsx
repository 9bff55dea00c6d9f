/** The panel while several blocks are selected: how many, which, and what can be done with all of them at once. */
import { useStore } from 'zustand'
import { blocksMap, blockType } from '../doc/schema'
import { useY } from '../doc/useY'
import type { CanvasSession } from '../sync/session'
import { Button } from '../ui/Button'
import { blockName } from './actions'
import { typeOf } from './blocks/types'
import { COMMANDS, contextOf, isOffered } from './commands'
import { KeyCaps } from './KeyCaps'
import { select, type UiStore } from './ui'
import './commands.css'

/** In this order; those that do not apply are left out. */
const OFFERED = ['edit.duplicate', 'edit.copy', 'edit.lock', 'edit.unlock', 'edit.delete']
/** Names listed; beyond that their number says enough. */
const LISTED = 12

export default function Several({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const selected = useStore(ui, (state) => state.selected)
  const blocks = blocksMap(session.doc)
  const rows = useY(blocks, () =>
    selected.slice(0, LISTED).flatMap((id) => {
      const block = blocks.get(id)
      return block === undefined ? [] : [{ id, name: blockName(block), type: blockType(block) }]
    }),
  )
  const context = contextOf(session, ui)
  const commands = OFFERED.flatMap((id) => COMMANDS.find((command) => command.id === id) ?? [])
  return (
    <section className="several" aria-label="Selected blocks" data-testid="several">
      <h2>{selected.length} blocks selected</h2>
      <ul>
        {rows.map(({ id, name, type }) => {
          const Icon = typeOf(type)?.icon
          return (
            <li key={id}>
              <button type="button" onClick={() => select(ui, [id])} title={`Select only “${name}”`}>
                {Icon !== undefined && <Icon aria-hidden="true" />}
                <span>{name}</span>
              </button>
            </li>
          )
        })}
        {selected.length > LISTED && <li className="several-more">and {selected.length - LISTED} more</li>}
      </ul>
      <div className="several-do">
        {commands
          .filter((command) => isOffered(command, context))
          .map(({ id, title, icon: Icon, keys, danger, run }) => (
            <Button
              key={id}
              data-danger={danger === true ? '' : undefined}
              data-testid={`several-${id.split('.')[1]}`}
              onClick={() => run(contextOf(session, ui))}
            >
              {Icon !== undefined && <Icon />}
              {title}
              {keys?.[0] !== undefined && <KeyCaps keys={keys[0]} />}
            </Button>
          ))}
      </div>
    </section>
  )
}

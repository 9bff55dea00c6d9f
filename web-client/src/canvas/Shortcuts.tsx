/** The `?` sheet: every key there is, by group, and the switch for those without Ctrl or Alt. */
import { Dialog } from '../ui/Dialog'
import { COMMANDS, type Command, GROUPS } from './commands'
import { KeyCaps } from './KeyCaps'
import { openDialog, type UiStore } from './ui'
import { setSingleKeys, useSingleKeys } from './useKeys'
import './commands.css'

type Row = { title: string; keys: string[] }

/** Commands of one family share a row: four arrows are one thing to remember. */
const rowsOf = (commands: readonly Command[]): Row[] => {
  const rows: Row[] = []
  for (const { title, family, keys } of commands) {
    const shown = keys?.[0]
    if (shown === undefined) continue
    const name = family ?? title
    const row = rows.find((one) => one.title === name)
    if (row === undefined) rows.push({ title: name, keys: [shown] })
    else if (!row.keys.includes(shown)) row.keys.push(shown)
  }
  return rows
}

const BY_POINTER: readonly (readonly [string, string])[] = [
  ['Add a block in a place', 'Double-click there'],
  ['Select several', 'Drag over the canvas'],
  ['Add to the selection', 'Shift-click'],
]

export default function Shortcuts({ ui }: { ui: UiStore }) {
  const on = useSingleKeys((state) => state.on)
  return (
    <Dialog onClose={() => openDialog(ui, null)} title="Keyboard shortcuts" wide>
      <div className="sheet" data-testid="shortcuts">
        {GROUPS.map((group) => {
          const rows = rowsOf(COMMANDS.filter((command) => command.group === group))
          return rows.length === 0 ? null : (
            <section key={group} className="sheet-group">
              <h3>{group}</h3>
              <dl>
                {rows.map(({ title, keys }) => (
                  <div key={title} className="sheet-row">
                    <dt>{title}</dt>
                    <dd>
                      <Row keys={keys} />
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          )
        })}
        <section className="sheet-group">
          <h3>With the pointer</h3>
          <dl>
            {BY_POINTER.map(([title, how]) => (
              <div key={title} className="sheet-row">
                <dt>{title}</dt>
                <dd className="sheet-how">{how}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
      <label className="sheet-switch">
        <input
          type="checkbox"
          role="switch"
          checked={on}
          aria-checked={on}
          data-testid="single-keys"
          onChange={(event) => setSingleKeys(event.currentTarget.checked)}
        />
        <span>
          <b>Single-key shortcuts</b>
          <small>
            Keys without Ctrl, Cmd or Alt. Switch them off if you press them by accident or use speech input.
          </small>
        </span>
      </label>
    </Dialog>
  )
}

/** Keys that differ in the last one only are drawn once: Alt ← → ↑ ↓. */
function Row({ keys }: { keys: string[] }) {
  const [first = '', ...others] = keys
  return (
    <>
      <span className="visually-hidden">{keys.join(', ').replaceAll('mod', 'Ctrl or Cmd')}</span>
      <KeyCaps keys={first} />
      {others.map((one) => (
        <KeyCaps key={one} keys={one.split('+').at(-1) ?? one} />
      ))}
    </>
  )
}

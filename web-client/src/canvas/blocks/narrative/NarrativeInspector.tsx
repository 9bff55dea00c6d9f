/** What the panel says about a narrative: the numbers in it, those nobody uses any more, and the marks and keys there are. */
import { Trash2 } from 'lucide-react'
import { useStore } from 'zustand'
import { blocksMap, LOCAL, narrativeText, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { IconButton } from '../../../ui/Button'
import { reveal } from '../../actions'
import { keysText } from '../../keys'
import type { InspectorProps } from '../registry'
import { type Bindings, chipState, keysIn, readBindings, removeBinding } from './bindings'
import { inWords, parseCalculation } from './calc'
import { findSource, sourceNames } from './metrics'
import './narrative.css'

const KEYS: [mark: string, meaning: string][] = [
  ['/', 'Headings, lists, table, code, quote …'],
  ['{{', 'A number of this canvas'],
  [keysText('mod+b'), 'Bold'],
  [keysText('mod+i'), 'Italic'],
  [keysText('mod+e'), 'Code'],
  [keysText('mod+shift+x'), 'Strike'],
  [keysText('mod+shift+k'), 'Link; or paste an address over words'],
  [`${keysText('mod+alt+1')} … 3`, 'Headings; 0 for plain text'],
  [`${keysText('mod+shift+7')} … 9`, 'Numbered, bulleted, to-do list'],
  ['Tab, Shift+Tab', 'Depth of a list, cells of a table'],
  [keysText('mod+enter'), 'In a table: a new row. At a value: go to its source'],
  [keysText('alt+enter'), 'Card of the value at the caret'],
  [keysText('alt+f10'), 'Bar over the selection'],
  [keysText('mod+shift+v'), 'Paste as plain text'],
  ['> [!note]', 'Callout: note, tip, warning …'],
  ['Esc', 'Leave the text'],
]

export default function NarrativeInspector({ block, session, editable }: InspectorProps) {
  const { doc } = session
  const bindings = useY(block, readBindings)
  const used = useY(block, (one) => [...keysIn(narrativeText(one)?.toString() ?? '')].sort(), { text: true })
  const sources = useY(blocksMap(doc), () => sourceNames(doc, bindings))
  const online = useStore(session.store, ({ status }) => status.kind !== 'offline' && status.kind !== 'closed')
  const known = Object.keys(bindings).sort()
  const live = known.filter((key) => used.includes(key))
  const spare = known.filter((key) => !used.includes(key))
  const unbound = used.filter((key) => !Object.hasOwn(bindings, key))
  const stateOf = (key: string) => chipState(key, { bindings, sources, online })
  const remove = (keys: string[]) => {
    step(session, () => {
      for (const key of keys) removeBinding(block, key, LOCAL)
    })
  }
  return (
    <div className="insp">
      <section className="note-inspect">
        <h3>Numbers in this text</h3>
        {live.length + unbound.length === 0 ? (
          <p className="insp-note">None yet. Type {'{{'} in the text to put in a number that stays true.</p>
        ) : (
          <ul className="note-bindings" data-testid="bindings">
            {[...live, ...unbound].map((key) => {
              const state = stateOf(key)
              const binding = bindings[key]
              return (
                <li key={key} data-state={state.kind}>
                  <span className="note-binding-key">{key}</span>
                  <strong>{state.kind === 'value' ? state.text : state.kind === 'waiting' ? '…' : 'No value'}</strong>
                  <span className="note-binding-from">
                    {state.kind === 'value' && binding
                      ? describe(binding, doc)
                      : state.kind === 'value'
                        ? ''
                        : state.why}
                  </span>
                  {binding && Object.hasOwn(sources, binding.source) && (
                    <button type="button" className="note-card-link" onClick={() => reveal(binding.source)}>
                      Show source
                    </button>
                  )}
                </li>
              )
            })}
          </ul>
        )}
      </section>
      {spare.length > 0 && (
        <section className="insp-section">
          <h3>Not in the text any more</h3>
          <ul className="note-bindings" data-testid="unused-bindings">
            {spare.map((key) => (
              <li key={key}>
                <span className="note-binding-key">{key}</span>
                <IconButton
                  size="small"
                  label={`Remove ${key}`}
                  icon={<Trash2 />}
                  disabled={!editable}
                  onClick={() => remove([key])}
                />
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="insp-section">
        <h3>Keys and marks</h3>
        <p className="insp-note">The text is Markdown. It shows what it means; marks appear where the caret is.</p>
        <dl className="insp-help">
          {KEYS.map(([mark, meaning]) => (
            <div key={mark}>
              <dt>
                <code>{mark}</code>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  )
}

function describe(binding: Bindings[string], doc: Parameters<typeof findSource>[0]): string {
  const source = findSource(doc, binding.source)
  const calculation = parseCalculation(binding.calculation)
  if (!source || !calculation) return ''
  return `${inWords(calculation, source.defaults)} · ${source.name}`
}

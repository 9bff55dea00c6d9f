/**
 * What completes while one types: `{{` offers numbers of this canvas, `/` offers what a line can become. Owns the two lists
 * and what choosing from them does; where the numbers come from is the block's business, handed in as `Metrics`.
 */
import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeCompletion,
  completionStatus,
  startCompletion,
} from '@codemirror/autocomplete'
import { type Extension, Prec, type StateCommand } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import type { RowSet } from '../../../platform/datasets/cells'
import { type Binding, type BindingChange, type Bindings, valueText } from './bindings'
import { type Calculation, inWords, keyFor, proposals, type Rows, uniqueKey, writeCalculation } from './calc'
import { inCode, insertCallout, insertCode, insertRule, insertTable, toggleLine } from './lines'
import { type MetricSource, previewOf, rowsFor } from './metrics'

export interface Metrics {
  sources: () => MetricSource[]
  bindings: () => Bindings
  /** Shown beside a key that is bound already. */
  shown: (key: string) => string
  rows: (datasetId: string) => Promise<RowSet>
  /** The bindings a text from elsewhere on the canvas brings along. */
  carried: (text: string) => Map<string, BindingChange>
  /** A change of the text, with what it binds, as one step. */
  together: (view: EditorView, bindings: Map<string, BindingChange>, change: () => void) => void
  /** Writes `{{key}}` and its binding as one step. */
  insert: (view: EditorView, from: number, to: number, key: string, change: BindingChange | null) => void
}

/** Rows that are still on their way are waited for this long; then the list comes without previews. Milliseconds. */
const PATIENCE = 1500
/** Previews are computed for this long at most while the list opens. Milliseconds. */
const BUDGET = 80

interface Option extends Completion {
  glyph?: string
  preview?: string
}

const within = <T>(promise: Promise<T>, time: number): Promise<T | null> =>
  Promise.race([promise.catch(() => null), new Promise<null>((resolve) => setTimeout(resolve, time, null))])

/** The text of the chip being typed runs from `{{` to the caret; a closing pair that is there already goes with it. */
const END = /^[^{}\n]*\}\}/

/** What is matched. The shorter of two names would win over the order people know; of one length, they match alike. */
const even = (label: string): string => label.padEnd(160)

type Apply = (view: EditorView, completion: Completion, from: number, to: number) => void

function choose(metrics: Metrics, key: string, change: BindingChange | null): Apply {
  return (view, _completion, from, to) => {
    const rest = END.exec(view.state.sliceDoc(to, view.state.doc.lineAt(to).to))
    const closed = rest !== null && rest[0] === '}}' ? 2 : 0
    metrics.insert(view, from - 2, to + closed, key, change)
  }
}

/** The binding that asks the same already, so that one number does not get two names. */
export const sameBinding = (bindings: Bindings, source: string, calculation: string): string | undefined =>
  Object.entries(bindings).find(
    ([, one]: [string, Binding]) => one.source === source && one.calculation === calculation,
  )?.[0]

async function metricOptions(metrics: Metrics): Promise<Option[]> {
  const bindings = metrics.bindings()
  const options: Option[] = Object.keys(bindings)
    .sort()
    .map((key, index) => ({
      label: key,
      detail: 'in this text',
      preview: metrics.shown(key),
      section: { name: 'In this text', rank: 0 },
      sortText: String(index).padStart(4, '0'),
      apply: choose(metrics, key, null),
    }))
  const sources = metrics.sources()
  const sets = await Promise.all(sources.map((source) => within(metrics.rows(source.datasetId), PATIENCE)))
  const start = performance.now()
  sources.forEach((source, place) => {
    const set = sets[place] ?? null
    const rows: Rows | null = set && rowsFor(source, set)
    const { defaults } = source
    const list = proposals(
      defaults,
      rows ?? { columns: [defaults.y, defaults.x].filter(Boolean), rows: [], types: { [defaults.y]: 'number' } },
    )
    const section = { name: source.name, rank: place + 1 }
    list.forEach((calculation, index) => {
      const words = inWords(calculation, defaults)
      const value = rows && performance.now() - start < BUDGET ? previewOf(calculation, source, rows) : null
      options.push({
        label: even(`${words} ${source.name}`),
        displayLabel: words,
        section,
        sortText: String(index).padStart(4, '0'),
        ...(value === null ? {} : { preview: previewText(value, calculation, source) }),
        apply: (view, completion, from, to) => {
          const now = metrics.bindings()
          const text = writeCalculation(calculation)
          const known = sameBinding(now, source.id, text)
          const key = known ?? uniqueKey(keyFor(calculation, defaults), (taken) => Object.hasOwn(now, taken))
          choose(metrics, key, known === undefined ? { source: source.id, calculation: text } : null)(
            view,
            completion,
            from,
            to,
          )
        },
      })
    })
  })
  return options
}

const previewText = (value: number, calculation: Calculation, source: MetricSource): string =>
  valueText(value, { calculation: writeCalculation(calculation), format: 'auto', decimals: null }, source.currency)

const metricSource =
  (metrics: Metrics) =>
  async (context: CompletionContext): Promise<CompletionResult | null> => {
    const typed = context.matchBefore(/\{\{[^{}\n]{0,60}$/)
    if (!typed || context.state.readOnly || inCode(context.state, typed.from, 1)) return null
    const options = await metricOptions(metrics)
    if (context.aborted) return null
    if (options.length === 0) {
      const none: Option = {
        label: 'No chart, table or metric with data on this canvas yet',
        apply: () => undefined,
      }
      return { from: typed.from + 2, options: [none], filter: false }
    }
    return { from: typed.from + 2, options, validFor: /^[^{}\n]*$/ }
  }

interface Entry {
  label: string
  words: string
  glyph: string
  hint: string
  run: StateCommand | ((view: EditorView) => boolean)
}

const metricEntry = (view: EditorView): boolean => {
  const { head } = view.state.selection.main
  view.dispatch({
    changes: { from: head, insert: '{{' },
    selection: { anchor: head + 2 },
    userEvent: 'input.type',
  })
  return startCompletion(view)
}

const ENTRIES: Entry[] = [
  { label: 'Metric', words: 'number value chip', glyph: '#', hint: '{{', run: metricEntry },
  { label: 'Heading 1', words: 'title h1', glyph: 'H1', hint: '#', run: toggleLine('h1') },
  { label: 'Heading 2', words: 'subtitle h2', glyph: 'H2', hint: '##', run: toggleLine('h2') },
  { label: 'Heading 3', words: 'h3', glyph: 'H3', hint: '###', run: toggleLine('h3') },
  { label: 'Bulleted list', words: 'unordered points ul', glyph: '•', hint: '-', run: toggleLine('bullet') },
  { label: 'Numbered list', words: 'ordered ol', glyph: '1.', hint: '1.', run: toggleLine('number') },
  { label: 'To-do list', words: 'task checkbox', glyph: '☐', hint: '- [ ]', run: toggleLine('task') },
  { label: 'Table', words: 'grid rows columns', glyph: '⊞', hint: '', run: insertTable },
  { label: 'Quote', words: 'citation', glyph: '❝', hint: '>', run: toggleLine('quote') },
  { label: 'Callout', words: 'note tip warning', glyph: '!', hint: '> [!note]', run: insertCallout },
  { label: 'Code', words: 'block monospace', glyph: '‹›', hint: '```', run: insertCode },
  { label: 'Divider', words: 'rule line horizontal', glyph: '—', hint: '---', run: insertRule },
]

function slash(context: CompletionContext): CompletionResult | null {
  const typed = context.matchBefore(/(?:^|\s)\/[\p{L}\d-]{0,20}$/u)
  if (!typed || context.state.readOnly || inCode(context.state, context.pos)) return null
  const from = typed.from + typed.text.indexOf('/')
  const options = ENTRIES.map(
    ({ label, words, glyph, hint, run }, index): Option => ({
      label: even(`${label} ${words}`),
      displayLabel: label,
      glyph,
      preview: hint,
      sortText: String(index).padStart(2, '0'),
      apply: (view, _completion, _from, to) => {
        view.dispatch({ changes: { from, to }, selection: { anchor: from }, userEvent: 'input.complete' })
        ;(run as (target: EditorView) => boolean)(view)
      },
    }),
  )
  return { from: from + 1, options, validFor: /^[\p{L}\d-]*$/u }
}

const span = (className: string, text: string): HTMLElement => {
  const element = document.createElement('span')
  element.className = className
  element.textContent = text
  return element
}

/** The list scrolls: it may be reached by Tab as everything that scrolls, though the arrow keys of the text lead through it. */
const reachable = EditorView.updateListener.of(({ view, state }) => {
  if (completionStatus(state) !== 'active') return
  view.requestMeasure({
    key: 'reachable',
    read: () => view.contentDOM.getAttribute('aria-controls'),
    write: (list) => {
      if (list !== null) document.getElementById(list)?.setAttribute('tabindex', '0')
    },
  })
})

/** A list that is only being thought about is nothing to close: Escape is then for the text, as it is when nothing is open. */
const unasked = Prec.highest(
  keymap.of([
    {
      key: 'Escape',
      run: (view) => {
        if (completionStatus(view.state) === 'pending') closeCompletion(view)
        return false
      },
    },
  ]),
)

export const completions = (metrics: Metrics): Extension => [
  unasked,
  reachable,
  autocompletion({
    override: [metricSource(metrics), slash],
    icons: false,
    activateOnTypingDelay: 30,
    // Both lists are asked for by a sign of their own, so a key pressed the moment one shows is meant for it.
    interactionDelay: 0,
    maxRenderedOptions: 300,
    tooltipClass: () => 'note-complete',
    addToOptions: [
      {
        render: (one: Option) => (one.glyph === undefined ? null : span('note-complete-glyph', one.glyph)),
        position: 20,
      },
      {
        render: (one: Option) => (one.preview ? span('note-complete-preview', one.preview) : null),
        position: 90,
      },
    ],
  }),
]

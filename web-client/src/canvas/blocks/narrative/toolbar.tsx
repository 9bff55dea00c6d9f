/**
 * The bar over a selection, and over a table one is in. Owns when it shows and how keys reach it (Alt+F10, arrows, Escape);
 * what its buttons do is in keys.ts, lines.ts and tableKeys.ts.
 */
import { syntaxTree } from '@codemirror/language'
import { type EditorState, type Extension, type StateCommand, StateEffect, StateField } from '@codemirror/state'
import { EditorView, keymap, repositionTooltips, showTooltip, type Tooltip } from '@codemirror/view'
import {
  Bold,
  Code,
  Heading1,
  Heading2,
  Heading3,
  Italic,
  Link,
  List,
  ListChecks,
  ListOrdered,
  type LucideIcon,
  Quote,
  Strikethrough,
  TableColumnsSplit,
  TableRowsSplit,
  Trash2,
} from 'lucide-react'
import { Fragment, type KeyboardEvent, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { keysText } from '../../keys'
import { belongsTo, isInside, leaves } from './focus'
import { insertLink, toggleMark } from './keys'
import { kindOf, selectedLines, toggleLine } from './lines'
import { addColumn, addRow, removeColumn, removeRow, tableAt } from './tableKeys'

interface Tool {
  label: string
  keys?: string
  icon: LucideIcon
  run: StateCommand
  /** Whether it applies to the selection already. */
  on?: (state: EditorState) => boolean
  text?: string
  /** A line before it. */
  apart?: true
}

const within =
  (name: string) =>
  (state: EditorState): boolean => {
    const { from, to } = state.selection.main
    const tree = syntaxTree(state)
    for (let node: typeof tree.topNode | null = tree.resolveInner(from, 1); node; node = node.parent) {
      if (node.name === name && node.to >= to) return true
    }
    return false
  }
const lines = (kind: string) => (state: EditorState) => selectedLines(state).every((line) => kindOf(line.text) === kind)

const TOOLS: Tool[] = [
  { label: 'Bold', keys: 'mod+b', icon: Bold, run: toggleMark('**'), on: within('StrongEmphasis') },
  { label: 'Italic', keys: 'mod+i', icon: Italic, run: toggleMark('*'), on: within('Emphasis') },
  { label: 'Strike', keys: 'mod+shift+x', icon: Strikethrough, run: toggleMark('~~'), on: within('Strikethrough') },
  { label: 'Code', keys: 'mod+e', icon: Code, run: toggleMark('`'), on: within('InlineCode') },
  { label: 'Link', keys: 'mod+shift+k', icon: Link, run: insertLink, on: within('Link') },
  { label: 'Heading 1', keys: 'mod+alt+1', icon: Heading1, run: toggleLine('h1'), on: lines('h1'), apart: true },
  { label: 'Heading 2', keys: 'mod+alt+2', icon: Heading2, run: toggleLine('h2'), on: lines('h2') },
  { label: 'Heading 3', keys: 'mod+alt+3', icon: Heading3, run: toggleLine('h3'), on: lines('h3') },
  {
    label: 'Bulleted list',
    keys: 'mod+shift+8',
    icon: List,
    run: toggleLine('bullet'),
    on: lines('bullet'),
    apart: true,
  },
  { label: 'Numbered list', keys: 'mod+shift+7', icon: ListOrdered, run: toggleLine('number'), on: lines('number') },
  { label: 'To-do list', keys: 'mod+shift+9', icon: ListChecks, run: toggleLine('task'), on: lines('task') },
  { label: 'Quote', icon: Quote, run: toggleLine('quote'), on: lines('quote') },
]

const TABLE_TOOLS: Tool[] = [
  { label: 'Add row below', keys: 'mod+enter', icon: TableRowsSplit, run: addRow, text: 'Row' },
  { label: 'Add column right', icon: TableColumnsSplit, run: addColumn, text: 'Column' },
  { label: 'Delete row', icon: Trash2, run: removeRow, text: 'Row', apart: true },
  { label: 'Delete column', icon: Trash2, run: removeColumn, text: 'Column' },
]

const bars = new WeakMap<EditorView, HTMLElement>()

function move(event: KeyboardEvent<HTMLElement>, view: EditorView) {
  const buttons = [...event.currentTarget.querySelectorAll('button')]
  const at = buttons.indexOf(event.target as HTMLButtonElement)
  const to =
    event.key === 'ArrowRight'
      ? (at + 1) % buttons.length
      : event.key === 'ArrowLeft'
        ? (at - 1 + buttons.length) % buttons.length
        : event.key === 'Home'
          ? 0
          : event.key === 'End'
            ? buttons.length - 1
            : -1
  if (to >= 0) buttons[to]?.focus()
  else if (event.key === 'Escape') view.focus()
  else return
  event.preventDefault()
  event.stopPropagation()
}

function Bar({ view, tools, label }: { view: EditorView; tools: Tool[]; label: string }) {
  useEffect(() => repositionTooltips(view), [view])
  return (
    <div
      className="note-bar"
      role="toolbar"
      aria-label={label}
      data-testid="note-bar"
      {...belongsTo(view.state)}
      onMouseDown={(event) => event.preventDefault()}
      onKeyDown={(event) => move(event, view)}
      onBlur={(event) => leaves(view, event)}
    >
      {tools.map(({ label, keys, icon: Icon, run, on, text, apart }, index) => (
        <Fragment key={label}>
          {apart && <i />}
          <button
            type="button"
            tabIndex={index === 0 ? 0 : -1}
            aria-label={label}
            title={keys ? `${label} (${keysText(keys)})` : label}
            aria-pressed={on ? on(view.state) : undefined}
            onClick={() => {
              run(view)
              if (run === insertLink) view.focus()
            }}
          >
            <Icon aria-hidden />
            {text}
          </button>
        </Fragment>
      ))}
    </div>
  )
}

const mount = (tools: Tool[], label: string) => (view: EditorView) => {
  const dom = document.createElement('div')
  dom.className = 'note-bar-box'
  bars.set(view, dom)
  const root = createRoot(dom)
  const draw = () => root.render(<Bar view={view} tools={tools} label={label} />)
  draw()
  return {
    dom,
    update: draw,
    destroy: () => {
      if (bars.get(view) === dom) bars.delete(view)
      // React refuses to be taken down while it draws.
      setTimeout(() => root.unmount())
    },
  }
}
const formatBar = mount(TOOLS, 'Format')
const tableBar = mount(TABLE_TOOLS, 'Table')

const pressing = StateEffect.define<boolean>()
interface Shown {
  pressed: boolean
  tooltip: Tooltip | null
}

function place(state: EditorState): Tooltip | null {
  if (state.readOnly || !isInside(state)) return null
  const table = tableAt(state)
  // Below it: above stands its title, more often than not.
  if (table) return { pos: state.doc.lineAt(table.to).from, above: false, create: tableBar }
  const { main } = state.selection
  if (main.empty || state.sliceDoc(main.from, main.to).trim() === '') return null
  return { pos: main.from, end: main.to, above: true, create: formatBar }
}

const field = StateField.define<Shown>({
  create: () => ({ pressed: false, tooltip: null }),
  update: (value, transaction) => {
    const pressed = transaction.effects.reduce((now, one) => (one.is(pressing) ? one.value : now), value.pressed)
    // While the mouse still selects, a bar would be in its way.
    const next = pressed ? null : place(transaction.state)
    const old = value.tooltip
    const same = next?.pos === old?.pos && next?.end === old?.end && next?.create === old?.create
    return same && pressed === value.pressed ? value : { pressed, tooltip: same ? old : next }
  },
  provide: (self) => showTooltip.from(self, (value) => value.tooltip),
})

export const toolbar: Extension = [
  field,
  EditorView.domEventHandlers({
    mousedown: (event, view) => {
      if (event.button !== 0) return false
      view.dispatch({ effects: pressing.of(true) })
      const up = () => view.dispatch({ effects: pressing.of(false) })
      addEventListener('mouseup', up, { once: true, capture: true })
      return false
    },
  }),
  keymap.of([
    {
      key: 'Alt-F10',
      run: (view) => {
        const first = bars.get(view)?.querySelector('button')
        first?.focus()
        return first != null
      },
    },
  ]),
]

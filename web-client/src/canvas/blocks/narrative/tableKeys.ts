/** Keys and commands inside the source of a table: from cell to cell, rows and columns, and the ways in and out. */
import { syntaxTree } from '@codemirror/language'
import type { EditorState, StateCommand, TransactionSpec } from '@codemirror/state'
import { EditorView, type KeyBinding } from '@codemirror/view'
import { caretsOfOthers } from './carets'
import { tablesIn } from './ranges'
import {
  align,
  type Cell,
  type Change,
  cellAt,
  deleteColumn,
  deleteRow,
  insertColumn,
  insertRow,
  readTable,
  type Table,
} from './tables'
import { drawnBetween } from './tableView'

/** The table the main caret is in. */
export function tableAt(state: EditorState): Table | null {
  const { head } = state.selection.main
  for (const { from, to } of tablesIn(syntaxTree(state))) {
    if (head >= from && head <= to) {
      const start = state.doc.lineAt(from).from
      return readTable(state.sliceDoc(start, to), start)
    }
  }
  return null
}

type Target = (table: Table) => Cell | undefined

/** Changes to a table, then the spaces that align it, then the cell to go to: one step for everybody. */
function reshape(
  state: EditorState,
  table: Table,
  changes: Change[],
  target: Target,
  announce?: string,
): TransactionSpec {
  const first = state.changes(changes)
  const mid = first.apply(state.doc)
  const from = first.mapPos(table.from, -1)
  const to = first.mapPos(table.to, 1)
  const changed = readTable(mid.sliceString(from, to), from)
  if (!changed) return { changes }
  const held = caretsOfOthers(state).map((at) => first.mapPos(Math.min(at, state.doc.length)))
  const second = align(changed, (a, b) => mid.sliceString(a, b), held)
  let set = first
  let doc = mid
  if (second.length > 0) {
    const spaces = state.update({ changes: first }).state.changes(second)
    set = first.compose(spaces)
    doc = spaces.apply(mid)
  }
  const end = from + (doc.length - (mid.length - (to - from)))
  const done = readTable(doc.sliceString(from, end), from)
  const cell = done && target(done)
  return {
    changes: set,
    ...(cell ? { selection: { anchor: cell.from, head: cell.to } } : {}),
    ...(announce ? { effects: EditorView.announce.of(announce) } : {}),
    scrollIntoView: true,
    userEvent: 'input.table',
  }
}

const cellOf =
  (row: number, column: number): Target =>
  (table) =>
    table.rows[row]?.cells[column]

const step =
  (direction: 1 | -1): StateCommand =>
  ({ state, dispatch }) => {
    if (state.readOnly) return false
    const table = tableAt(state)
    if (!table) return false
    let { row, column } = cellAt(table, state.selection.main.head)
    column += direction
    const width = table.rows[row]?.cells.length ?? 0
    if (column >= width) {
      row++
      column = 0
    } else if (column < 0) {
      row--
      column = (table.rows[row]?.cells.length ?? 1) - 1
    }
    if (row < 0) return true
    const changes = row >= table.rows.length ? [insertRow(table, table.rows.length - 1)] : []
    dispatch(state.update(reshape(state, table, changes, cellOf(row, column))))
    return true
  }

/** Enter goes to the cell below; in the last row it makes one; in an empty last row it ends the table. */
const below: StateCommand = ({ state, dispatch }) => {
  if (state.readOnly || !state.selection.main.empty) return leaveSelection({ state, dispatch })
  const table = tableAt(state)
  if (!table) return false
  const { row, column } = cellAt(table, state.selection.main.head)
  const last = row === table.rows.length - 1
  const cells = table.rows[row]?.cells ?? []
  if (last && row > 1 && cells.every((cell) => cell.from === cell.to)) {
    const line = table.rows[row]
    if (!line) return false
    dispatch(
      state.update({
        changes: { from: line.from - 1, to: line.to, insert: '\n\n' },
        selection: { anchor: line.from + 1 },
        scrollIntoView: true,
        userEvent: 'input',
      }),
    )
    return true
  }
  dispatch(state.update(reshape(state, table, last ? [insertRow(table, row)] : [], cellOf(row + 1, column))))
  return true
}

/** A cell that Tab selected: Enter goes on below it as well. */
const leaveSelection: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection
  const table = state.readOnly ? null : tableAt(state)
  if (!table || main.from < table.from || state.doc.lineAt(main.from).number !== state.doc.lineAt(main.to).number) {
    return false
  }
  return below({
    state: state.update({ selection: { anchor: main.to } }).state,
    dispatch: (tr) =>
      dispatch(
        state.update({
          changes: tr.changes,
          selection: tr.newSelection,
          scrollIntoView: true,
          userEvent: 'input.table',
        }),
      ),
  })
}

const change =
  (
    plan: (
      table: Table,
      row: number,
      column: number,
    ) => { changes: Change[] | null; target: [number, number]; said: string },
  ): StateCommand =>
  ({ state, dispatch }) => {
    const table = state.readOnly ? null : tableAt(state)
    if (!table) return false
    const { row, column } = cellAt(table, state.selection.main.head)
    const { changes, target, said } = plan(table, row, column)
    if (changes === null) return true
    dispatch(state.update(reshape(state, table, changes, cellOf(...target), said)))
    return true
  }

export const addRow = change((table, row, column) => ({
  changes: [insertRow(table, row)],
  target: [row + 1, column],
  said: 'Row added',
}))
export const addColumn = change((table, row, column) => ({
  changes: insertColumn(table, column),
  target: [row, column + 1],
  said: 'Column added',
}))
export const removeRow = change((table, row, column) => {
  const gone = deleteRow(table, row)
  return {
    changes: gone && [gone],
    target: [Math.max(0, Math.min(row, table.rows.length - 2)), column],
    said: 'Row deleted',
  }
})
export const removeColumn = change((table, row, column) => ({
  changes: deleteColumn(table, column),
  target: [row, Math.max(0, column - 1)],
  said: 'Column deleted',
}))

/** A drawn table would be jumped over: the caret goes into it instead. And out of one, where the text ends with it. */
const move = (forward: boolean, vertical: boolean) => (view: EditorView) => {
  const { state } = view
  const { main } = state.selection
  if (!main.empty) return false
  if (forward && vertical && !state.readOnly && state.doc.lineAt(main.head).to === state.doc.length) {
    const last = syntaxTree(state).topNode.lastChild
    if (last && (last.name === 'Table' || last.name === 'FencedCode') && main.head >= last.from) {
      view.dispatch({
        changes: { from: state.doc.length, insert: '\n\n' },
        selection: { anchor: state.doc.length + 2 },
        scrollIntoView: true,
        userEvent: 'input',
      })
      return true
    }
  }
  const next = vertical ? view.moveVertically(main, forward) : view.moveByChar(main, forward)
  const table = drawnBetween(state, main.head, next.head)
  if (!table) return false
  const read = readTable(state.sliceDoc(table.from, table.to), table.from)
  const row = read?.rows.at(forward ? 0 : -1)
  const cell = forward ? row?.cells[0] : row?.cells.at(vertical ? 0 : -1)
  if (!cell) return false
  view.dispatch({ selection: { anchor: forward ? cell.from : cell.to }, scrollIntoView: true, userEvent: 'select' })
  return true
}

export const tableKeys: KeyBinding[] = [
  { key: 'Tab', run: step(1), shift: step(-1) },
  { key: 'Enter', run: below },
  { key: 'Mod-Enter', run: addRow },
  { key: 'ArrowDown', run: move(true, true) },
  { key: 'ArrowUp', run: move(false, true) },
  { key: 'ArrowRight', run: move(true, false) },
  { key: 'ArrowLeft', run: move(false, false) },
]

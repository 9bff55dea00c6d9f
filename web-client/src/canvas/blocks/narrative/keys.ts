/** What keys do in a narrative beyond moving and typing: bold, italic, links, lists that go on, leaving the text. */
import { syntaxTree } from '@codemirror/language'
import { EditorSelection, type Extension, Prec, type StateCommand } from '@codemirror/state'
import { EditorView, type KeyBinding } from '@codemirror/view'
import type * as Y from 'yjs'

/** Puts `mark` around each selection (or the word at the caret), or takes it away where it already is. */
export const toggleMark =
  (mark: string): StateCommand =>
  ({ state, dispatch }) => {
    if (state.readOnly) return false
    const size = mark.length
    const change = state.changeByRange((range) => {
      const word = range.empty ? state.wordAt(range.head) : null
      const { from, to } = word ?? range
      const outer = state.sliceDoc(Math.max(0, from - size), from) === mark && state.sliceDoc(to, to + size) === mark
      const text = state.sliceDoc(from, to)
      const inner = text.length >= 2 * size && text.startsWith(mark) && text.endsWith(mark)
      // A single "*" next to another one belongs to bold, not to italic.
      const doubled =
        size === 1 &&
        outer &&
        state.sliceDoc(from - 2, from - 1) === mark &&
        state.sliceDoc(from - 3, from - 2) !== mark
      if (outer && !doubled) {
        return {
          changes: [
            { from: from - size, to: from },
            { from: to, to: to + size },
          ],
          range: EditorSelection.range(range.anchor - size, range.head - size),
        }
      }
      if (inner) {
        return {
          changes: [
            { from, to: from + size },
            { from: to - size, to },
          ],
          range: EditorSelection.range(from, to - 2 * size),
        }
      }
      return {
        changes: [
          { from, insert: mark },
          { from: to, insert: mark },
        ],
        range: EditorSelection.range(range.anchor + size, range.head + size),
      }
    })
    dispatch(state.update(change, { scrollIntoView: true, userEvent: 'input.format' }))
    return true
  }

/** "text" becomes "[text](url)" with the place for the address selected. */
export const insertLink: StateCommand = ({ state, dispatch }) => {
  if (state.readOnly) return false
  const change = state.changeByRange((range) => {
    const text = state.sliceDoc(range.from, range.to) || 'text'
    const insert = `[${text}](https://)`
    const at = range.from + text.length + 3
    return { changes: { from: range.from, to: range.to, insert }, range: EditorSelection.range(at, at + 8) }
  })
  dispatch(state.update(change, { scrollIntoView: true, userEvent: 'input.format' }))
  return true
}

const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})([.)]))(\s+)(\[[ xX]\]\s+)?/

/** Enter in a list starts the next item; on an empty item it ends the list. */
export const continueList: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection
  if (state.readOnly || !main.empty || state.selection.ranges.length > 1) return false
  const line = state.doc.lineAt(main.head)
  const match = ITEM.exec(line.text)
  if (!match || main.head < line.from + match[0].length) return false
  for (
    let node: ReturnType<ReturnType<typeof syntaxTree>['resolveInner']> | null = syntaxTree(state).resolveInner(
      main.head,
      -1,
    );
    node;
    node = node.parent
  ) {
    if (node.name === 'FencedCode' || node.name === 'CodeBlock') return false
  }
  const [whole, indent = '', bullet, number, dot = '.', space = ' ', task] = match
  if (line.text.length === whole.length) {
    dispatch(state.update({ changes: { from: line.from, to: line.to }, scrollIntoView: true, userEvent: 'input' }))
    return true
  }
  const mark = bullet ?? `${Number(number) + 1}${dot}`
  const insert = `\n${indent}${mark}${space}${task ? '[ ] ' : ''}`
  dispatch(
    state.update({
      changes: { from: main.head, insert },
      selection: { anchor: main.head + insert.length },
      scrollIntoView: true,
      userEvent: 'input',
    }),
  )
  return true
}

/**
 * Undo and redo of this text, while it has the focus. Not a keymap: with Caps Lock on, Ctrl+Shift+Z arrives as a small z,
 * which a keymap takes for Ctrl+Z and undoes once more.
 */
export const undoKeys = (undo: Y.UndoManager): Extension =>
  Prec.high(
    EditorView.domEventHandlers({
      keydown: (event) => {
        const key = event.key.toLowerCase()
        if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== 'z' && key !== 'y')) return false
        if (key === 'y' && event.shiftKey) return false
        event.preventDefault()
        event.stopPropagation()
        if (key === 'y' || event.shiftKey) undo.redo()
        else undo.undo()
        return true
      },
    }),
  )

export const narrativeKeys: KeyBinding[] = [
  { key: 'Mod-b', run: toggleMark('**'), preventDefault: true, stopPropagation: true },
  { key: 'Mod-i', run: toggleMark('*'), preventDefault: true, stopPropagation: true },
  { key: 'Mod-e', run: toggleMark('`'), preventDefault: true, stopPropagation: true },
  { key: 'Mod-Shift-x', run: toggleMark('~~'), preventDefault: true, stopPropagation: true },
  { key: 'Enter', run: continueList },
  {
    key: 'Escape',
    stopPropagation: true,
    run: (view) => {
      // The first Escape leaves the text for the block around it; the next one is the canvas's.
      const outside = view.dom.parentElement?.closest<HTMLElement>('[tabindex]')
      if (outside) outside.focus()
      else view.contentDOM.blur()
      return true
    },
  },
]

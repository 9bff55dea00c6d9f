/** What keys do in a narrative beyond moving and typing. Lines and lists are in lines.ts, tables in tableKeys.ts. */
import { EditorSelection, type Extension, Prec, type StateCommand } from '@codemirror/state'
import { EditorView, type KeyBinding } from '@codemirror/view'
import type * as Y from 'yjs'
import { continueList, deleteMark, indentList, lineStart, toggleLine } from './lines'
import { safeHref } from './ranges'
import { tableKeys } from './tableKeys'

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

/** An address pasted over words links them. False when it is no address, or there are no words. */
export const linkSelection =
  (url: string): StateCommand =>
  ({ state, dispatch }) => {
    const href = safeHref(url)
    const { main } = state.selection
    if (state.readOnly || !href || /[\s<>]/.test(href) || main.empty || state.selection.ranges.length > 1) return false
    const text = state.sliceDoc(main.from, main.to)
    if (text.includes('\n') || safeHref(text)) return false
    const insert = `[${text}](${href.replace(/\(/g, '%28').replace(/\)/g, '%29')})`
    dispatch(
      state.update({
        changes: { from: main.from, to: main.to, insert },
        selection: { anchor: main.from + insert.length },
        scrollIntoView: true,
        userEvent: 'input.paste',
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

const format = (key: string, run: StateCommand): KeyBinding => ({
  key,
  run,
  preventDefault: true,
  stopPropagation: true,
})

export const narrativeKeys: KeyBinding[] = [
  format('Mod-b', toggleMark('**')),
  format('Mod-i', toggleMark('*')),
  format('Mod-e', toggleMark('`')),
  format('Mod-Shift-x', toggleMark('~~')),
  format('Mod-Shift-k', insertLink),
  format('Mod-Alt-0', toggleLine('text')),
  format('Mod-Alt-1', toggleLine('h1')),
  format('Mod-Alt-2', toggleLine('h2')),
  format('Mod-Alt-3', toggleLine('h3')),
  format('Mod-Shift-7', toggleLine('number')),
  format('Mod-Shift-8', toggleLine('bullet')),
  format('Mod-Shift-9', toggleLine('task')),
  ...tableKeys,
  { key: 'Enter', run: continueList },
  { key: 'Tab', run: indentList(1), shift: indentList(-1) },
  { key: 'Backspace', run: deleteMark },
  { key: 'Home', run: lineStart },
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

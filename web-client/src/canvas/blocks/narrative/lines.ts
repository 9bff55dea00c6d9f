/**
 * What lines can be: headings, lists, quotes. Each command writes or takes away the mark at the start of the selected lines
 * and touches nothing else of them, so that words somebody else types there at the same moment are kept.
 */
import { syntaxTree } from '@codemirror/language'
import type { ChangeSpec, EditorState, Line, StateCommand } from '@codemirror/state'
import { EMPTY_TABLE } from './tables'

export const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})([.)]))([ \t]+)(\[[ xX]\][ \t]+)?/
const HEADING = /^#{1,6}[ \t]+/
const QUOTE = /^>[ \t]?/

export type LineKind = 'text' | 'h1' | 'h2' | 'h3' | 'h4' | 'h5' | 'h6' | 'bullet' | 'number' | 'task' | 'quote'

export function kindOf(text: string): LineKind {
  const heading = /^(#{1,6})[ \t]/.exec(text)
  if (heading) return `h${heading[1]?.length ?? 1}` as LineKind
  const item = ITEM.exec(text)
  if (item) return item[6] ? 'task' : item[2] ? 'bullet' : 'number'
  return QUOTE.test(text) ? 'quote' : 'text'
}

const markOf = (kind: LineKind, number: number): string => {
  if (kind === 'text') return ''
  if (kind === 'bullet') return '- '
  if (kind === 'number') return `${number}. `
  if (kind === 'task') return '- [ ] '
  if (kind === 'quote') return '> '
  return `${'#'.repeat(Number(kind.slice(1)))} `
}

export function inCode(state: EditorState, at: number, side: -1 | 1 = -1): boolean {
  for (
    let node: ReturnType<ReturnType<typeof syntaxTree>['resolveInner']> | null = syntaxTree(state).resolveInner(
      at,
      side,
    );
    node;
    node = node.parent
  ) {
    if (node.name === 'FencedCode' || node.name === 'InlineCode') return true
  }
  return false
}

export function selectedLines(state: EditorState): Line[] {
  const lines = new Map<number, Line>()
  for (const range of state.selection.ranges) {
    for (let at = range.from; at <= range.to; ) {
      const line = state.doc.lineAt(at)
      lines.set(line.from, line)
      at = line.to + 1
    }
  }
  return [...lines.values()]
}

/** Makes the selected lines this kind, or plain text where all of them are it already. */
export const toggleLine =
  (kind: LineKind): StateCommand =>
  ({ state, dispatch }) => {
    if (state.readOnly) return false
    const chosen = selectedLines(state)
    const lines = chosen.length > 1 ? chosen.filter((line) => line.text.trim() !== '') : chosen
    const next = lines.every((line) => kindOf(line.text) === kind) ? 'text' : kind
    let number = 0
    const changes: ChangeSpec[] = lines.flatMap((line) => {
      const item = ITEM.exec(line.text)
      const old = HEADING.exec(line.text)?.[0] ?? item?.[0] ?? QUOTE.exec(line.text)?.[0] ?? ''
      const list = next === 'bullet' || next === 'number' || next === 'task'
      const mark = `${list ? (item?.[1] ?? '') : ''}${markOf(next, ++number)}`
      return mark === old ? [] : [{ from: line.from, to: line.from + old.length, insert: mark }]
    })
    const set = state.changes(changes)
    // A caret before the words stays before the words, not before the mark.
    const selection = state.selection.map(set, 1)
    dispatch(state.update({ changes: set, selection, scrollIntoView: true, userEvent: 'input.format' }))
    return true
  }

/** The numbers of the items of a list from `line` on, counted on from the one before. Only numbers that differ change. */
export function renumber(state: EditorState, from: number, indent: string, start: number): ChangeSpec[] {
  const changes: ChangeSpec[] = []
  let number = start
  for (let at = from; at <= state.doc.lines; at++) {
    const line = state.doc.line(at)
    const item = ITEM.exec(line.text)
    const lead = /^\s*/.exec(line.text)?.[0] ?? ''
    if (line.text.trim() === '') break
    if (lead.length > indent.length) continue
    if (!item || item[3] === undefined || lead.length < indent.length) break
    if (Number(item[3]) !== number) {
      const place = line.from + lead.length
      changes.push({ from: place, to: place + item[3].length, insert: String(number) })
    }
    number++
  }
  return changes
}

/** Enter in a list starts the next item and counts the ones after it on; on an empty item it ends the list, one depth at a time. */
export const continueList: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection
  if (state.readOnly || !main.empty || state.selection.ranges.length > 1 || inCode(state, main.head)) return false
  const line = state.doc.lineAt(main.head)
  const match = ITEM.exec(line.text)
  if (!match) {
    const quote = QUOTE.exec(line.text)
    if (!quote || main.head < line.from + quote[0].length) return false
    if (line.text.trim() === '>') {
      dispatch(state.update({ changes: { from: line.from, to: line.to }, scrollIntoView: true, userEvent: 'input' }))
      return true
    }
    dispatch(
      state.update({
        changes: { from: main.head, insert: '\n> ' },
        selection: { anchor: main.head + 3 },
        scrollIntoView: true,
        userEvent: 'input',
      }),
    )
    return true
  }
  if (main.head < line.from + match[0].length) return false
  const [whole, indent = '', bullet, number, dot = '.', space = ' ', task] = match
  if (line.text.length === whole.length) {
    if (indent !== '') return indentList(-1)({ state, dispatch })
    dispatch(state.update({ changes: { from: line.from, to: line.to }, scrollIntoView: true, userEvent: 'input' }))
    return true
  }
  const next = Number(number) + 1
  const mark = bullet ?? `${next}${dot}`
  const insert = `\n${indent}${mark}${space}${task ? '[ ] ' : ''}`
  dispatch(
    state.update({
      changes: [
        { from: main.head, insert },
        ...(bullet === undefined ? renumber(state, line.number + 1, indent, next + 1) : []),
      ],
      selection: { anchor: main.head + insert.length },
      scrollIntoView: true,
      userEvent: 'input',
    }),
  )
  return true
}

/** Tab and Shift+Tab in a list: the selected items go below the item before them, or out again. */
export const indentList =
  (direction: 1 | -1): StateCommand =>
  ({ state, dispatch }) => {
    if (state.readOnly || inCode(state, state.selection.main.head)) return false
    const lines = selectedLines(state)
    if (!lines.some((line) => ITEM.test(line.text))) return false
    const changes: ChangeSpec[] = []
    for (const line of lines) {
      const item = ITEM.exec(line.text)
      if (!item) continue
      const lead = item[1]?.length ?? 0
      if (direction < 0) {
        const gone = Math.min(lead, outdentBy(state, line.number, lead))
        if (gone > 0) changes.push({ from: line.from, to: line.from + gone })
        continue
      }
      // No deeper than one below the item before it: more would be code, or nothing.
      const above = line.number > 1 ? ITEM.exec(state.doc.line(line.number - 1).text) : null
      if (!above) continue
      const aboveLead = above[1]?.length ?? 0
      const width = (above[2] ?? `${above[3]}${above[4]}`).length + 1
      const wanted = aboveLead + width
      const others = lines.includes(line) && lines[0] !== line ? 2 : 0
      if (lead < wanted) changes.push({ from: line.from, insert: ' '.repeat(others || Math.max(2, wanted - lead)) })
      // A nested list counts from one.
      if (item[3] !== undefined && lead < wanted && item[3] !== '1' && others === 0) {
        changes.push({ from: line.from + lead, to: line.from + lead + item[3].length, insert: '1' })
      }
    }
    // Taken even when nothing moves: Tab inside a list must not leave the text by surprise.
    if (changes.length > 0) dispatch(state.update({ changes, scrollIntoView: true, userEvent: 'input.indent' }))
    return true
  }

/** Back to where the item it stands below begins. */
function outdentBy(state: EditorState, number: number, lead: number): number {
  for (let at = number - 1; at >= 1; at--) {
    const item = ITEM.exec(state.doc.line(at).text)
    if (!item) break
    const above = item[1]?.length ?? 0
    if (above < lead) return lead - above
  }
  return lead
}

/** Backspace before the words of a line takes its mark away: out of the depth, out of the list, out of the heading. */
export const deleteMark: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection
  if (state.readOnly || !main.empty || state.selection.ranges.length > 1 || inCode(state, main.head)) return false
  const line = state.doc.lineAt(main.head)
  const item = ITEM.exec(line.text)
  const mark = (item ?? HEADING.exec(line.text) ?? QUOTE.exec(line.text))?.[0]
  if (mark === undefined || mark === '' || main.head !== line.from + mark.length) return false
  if (item && (item[1]?.length ?? 0) > 0) return indentList(-1)({ state, dispatch })
  dispatch(
    state.update({ changes: { from: line.from, to: main.head }, scrollIntoView: true, userEvent: 'delete.backward' }),
  )
  return true
}

/** Home goes before the words first; pressed there, before their mark. */
export const lineStart: StateCommand = ({ state, dispatch }) => {
  const { main } = state.selection
  const line = state.doc.lineAt(main.head)
  const mark = (ITEM.exec(line.text) ?? HEADING.exec(line.text) ?? QUOTE.exec(line.text))?.[0]
  if (!mark || inCode(state, main.head) || main.head <= line.from + mark.length) return false
  // A wrapped line has starts of its own further down; those are the browser's.
  if (main.head - line.from > 60) return false
  dispatch(state.update({ selection: { anchor: line.from + mark.length }, scrollIntoView: true, userEvent: 'select' }))
  return true
}

/** A block of lines in place of the empty line at the caret, or below the line; `select` is what to select in it. */
export const insertBlock =
  (block: string, select: [from: number, to: number]): StateCommand =>
  ({ state, dispatch }) => {
    if (state.readOnly) return false
    const line = state.doc.lineAt(state.selection.main.head)
    const blank = line.text.trim() === ''
    const before = line.number > 1 ? state.doc.line(line.number - 1).text : ''
    const after = line.number < state.doc.lines ? state.doc.line(line.number + 1).text : null
    const lead = blank ? (before.trim() === '' ? '' : '\n') : '\n\n'
    const tail = after === null ? '\n' : after.trim() === '' ? '' : '\n'
    const from = blank ? line.from : line.to
    const start = from + lead.length
    dispatch(
      state.update({
        changes: { from, to: line.to, insert: `${lead}${block}${tail}` },
        selection: { anchor: start + select[0], head: start + select[1] },
        scrollIntoView: true,
        userEvent: 'input',
      }),
    )
    return true
  }

export const insertTable = insertBlock(EMPTY_TABLE, [2, 8])
export const insertCode = insertBlock('```\n\n```', [4, 4])
export const insertRule: StateCommand = (target) => {
  const done = insertBlock('---\n', [4, 4])(target)
  return done
}
export const insertCallout = insertBlock('> [!note] ', [10, 10])

import { EditorSelection, EditorState, type StateCommand } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import { insertLink, linkSelection, toggleMark } from './keys'
import { markdown } from './language'
import { continueList, deleteMark, indentList, insertTable, toggleLine } from './lines'
import { addColumn, addRow, removeColumn, removeRow, tableKeys } from './tableKeys'

/** Runs a command on a text where `mark` is the caret, or two of them a selection; answers the text in the same way. */
function run(command: StateCommand, source: string, mark = '|'): string | false {
  const parts = source.split(mark)
  const at = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('').length)
  const [anchor = 0, head = anchor] = at
  let state = EditorState.create({
    doc: parts.join(''),
    selection: EditorSelection.single(anchor, head),
    extensions: [markdown],
  })
  const done = command({
    state,
    dispatch: (transaction) => {
      state = transaction.state
    },
  })
  if (!done) return false
  const { from, to } = state.selection.main
  const text = state.doc.toString()
  return from === to
    ? `${text.slice(0, from)}${mark}${text.slice(from)}`
    : `${text.slice(0, from)}${mark}${text.slice(from, to)}${mark}${text.slice(to)}`
}

describe('bold and italic', () => {
  it('go around the selection and away again', () => {
    expect(run(toggleMark('**'), 'a |bc| d')).toBe('a **|bc|** d')
    expect(run(toggleMark('**'), 'a **|bc|** d')).toBe('a |bc| d')
    expect(run(toggleMark('**'), 'a |**bc**| d')).toBe('a |bc| d')
  })
  it('take the word at the caret', () => {
    expect(run(toggleMark('**'), 'one tw|o three')).toBe('one **tw|o** three')
    expect(run(toggleMark('*'), 'one *tw|o* three')).toBe('one tw|o three')
  })
  it('open an empty pair where there is no word', () => {
    expect(run(toggleMark('**'), 'a | b')).toBe('a **|** b')
  })
  it('do not take half of bold for italic', () => {
    expect(run(toggleMark('*'), '**|bc|**')).toBe('***|bc|***')
    expect(run(toggleMark('*'), '***|bc|***')).toBe('**|bc|**')
  })
})

describe('links', () => {
  it('keep the text and select the address', () => {
    expect(run(insertLink, 'see |this|')).toBe('see [this](|https://|)')
  })
})

describe('an address pasted over words', () => {
  it('links them', () => {
    expect(run(linkSelection('https://e.org/a(b)'), 'see |this| now')).toBe('see [this](https://e.org/a%28b%29)| now')
  })
  it('is left alone without words, over an address, or when it is none', () => {
    expect(run(linkSelection('https://e.org'), 'see |')).toBe(false)
    expect(run(linkSelection('https://e.org'), '|https://old.org|')).toBe(false)
    expect(run(linkSelection('javascript:alert(1)'), '|x|')).toBe(false)
    expect(run(linkSelection('https://e.org and more'), '|x|')).toBe(false)
  })
})

describe('lines', () => {
  it('become headings and back', () => {
    expect(run(toggleLine('h2'), 'Ti|tle')).toBe('## Ti|tle')
    expect(run(toggleLine('h1'), '## Ti|tle')).toBe('# Ti|tle')
    expect(run(toggleLine('h1'), '# Ti|tle')).toBe('Ti|tle')
  })
  it('become lists together, blank ones left out, the depth kept', () => {
    expect(run(toggleLine('number'), '|a\n\n- b|')).toBe('1. |a\n\n2. b|')
    expect(run(toggleLine('task'), '- a\n  - |b')).toBe('- a\n  - [ ] |b')
    expect(run(toggleLine('bullet'), '- |a')).toBe('|a')
  })
})

describe('Enter in a list', () => {
  it('starts the next item', () => {
    expect(run(continueList, '- one|')).toBe('- one\n- |')
    expect(run(continueList, '  9. nine|')).toBe('  9. nine\n  10. |')
    expect(run(continueList, '- [x] done|')).toBe('- [x] done\n- [ ] |')
    expect(run(continueList, '- sp|lit')).toBe('- sp\n- |lit')
  })
  it('counts the items after it on, past deeper ones, up to the end of the list', () => {
    expect(run(continueList, '1. a|\n2. b\n   - x\n3. c\n\n1. other')).toBe(
      '1. a\n2. |\n3. b\n   - x\n4. c\n\n1. other',
    )
  })
  it('ends the list on an empty item, one depth at a time', () => {
    expect(run(continueList, '- one\n- |')).toBe('- one\n|')
    expect(run(continueList, '- one\n  - |')).toBe('- one\n- |')
  })
  it('goes on with a quote, and ends it', () => {
    expect(run(continueList, '> said|')).toBe('> said\n> |')
    expect(run(continueList, '> said\n> |')).toBe('> said\n|')
  })
  it('is left alone elsewhere and in code', () => {
    expect(run(continueList, 'text|')).toBe(false)
    expect(run(continueList, '```\n- a|\n```')).toBe(false)
  })
})

describe('Tab in a list', () => {
  it('puts an item below the one before it, and back', () => {
    expect(run(indentList(1), '- a\n- b|')).toBe('- a\n  - b|')
    expect(run(indentList(1), '1. a\n2. b|')).toBe('1. a\n   1. b|')
    expect(run(indentList(-1), '1. a\n   1. b|')).toBe('1. a\n1. b|')
    expect(run(indentList(-1), '- a\n  - b|')).toBe('- a\n- b|')
  })
  it('goes no deeper than one below, and stays in the text', () => {
    expect(run(indentList(1), '- a\n  - b|')).toBe('- a\n  - b|')
    expect(run(indentList(1), '- a|')).toBe('- a|')
  })
  it('is left alone outside lists', () => {
    expect(run(indentList(1), 'text|')).toBe(false)
  })
})

describe('Backspace before the words', () => {
  it('takes the mark away', () => {
    expect(run(deleteMark, '- |a')).toBe('|a')
    expect(run(deleteMark, '- [ ] |a')).toBe('|a')
    expect(run(deleteMark, '12. |a')).toBe('|a')
    expect(run(deleteMark, '## |a')).toBe('|a')
    expect(run(deleteMark, '> |a')).toBe('|a')
    expect(run(deleteMark, '- a\n  - |b')).toBe('- a\n- |b')
  })
  it('is left alone elsewhere', () => {
    expect(run(deleteMark, '- a|')).toBe(false)
    expect(run(deleteMark, '|a')).toBe(false)
  })
})

describe('in a table', () => {
  const table = '| City | N |\n|---|--:|\n| Oslo | 12 |'
  const aligned = '| City |   N |\n| ---- | --: |\n| Oslo |  12 |'
  const inTable = (command: StateCommand, source: string) => run(command, source, '^')
  const press = (name: string, source: string, shift = false) => {
    const binding = tableKeys.find((one) => one.key === name)
    return inTable(((shift ? binding?.shift : binding?.run) ?? (() => false)) as StateCommand, source)
  }
  it('Tab goes to the next cell and aligns the columns', () => {
    expect(press('Tab', table.replace('City', 'Ci^ty'))).toBe(aligned.replace('N', '^N^'))
    expect(press('Tab', table.replace('N', 'N^'))).toBe(aligned.replace('Oslo', '^Oslo^'))
    expect(press('Tab', table.replace('Oslo', '^Oslo'), true)).toBe(aligned.replace('N', '^N^'))
  })
  it('Tab in the last cell makes a row', () => {
    expect(press('Tab', table.replace('12', '12^'))).toBe(`${aligned}\n| ^     |     |`)
  })
  it('Enter goes to the cell below, and out of an empty last row', () => {
    expect(press('Enter', table.replace('N', 'N^'))).toBe(aligned.replace('12', '^12^'))
    expect(press('Enter', table.replace('N', '^N^'))).toBe(aligned.replace('12', '^12^'))
    expect(press('Enter', table.replace('12', '12^'))).toBe(`${aligned}\n|      | ^    |`)
    expect(press('Enter', `${aligned}\n| ^     |     |`)).toBe(`${aligned}\n\n^`)
  })
  it('rows and columns come and go', () => {
    expect(inTable(addRow, aligned.replace('City', 'City^'))).toBe(
      '| City |   N |\n| ---- | --: |\n| ^     |     |\n| Oslo |  12 |',
    )
    expect(inTable(addColumn, aligned.replace('City', 'City^'))).toBe(
      '| City | ^    |   N |\n| ---- | --- | --: |\n| Oslo |     |  12 |',
    )
    expect(inTable(removeRow, aligned.replace('Oslo', 'Oslo^'))).toBe('| ^City^ |   N |\n| ---- | --: |')
    expect(inTable(removeColumn, aligned.replace('Oslo', 'Oslo^'))).toBe('|   N |\n| --: |\n|  ^12^ |')
  })
  it('nothing happens outside', () => {
    expect(press('Tab', 'text^')).toBe(false)
    expect(press('Enter', 'text^')).toBe(false)
    expect(inTable(addRow, 'text^')).toBe(false)
  })
  it('comes from one command, its first name selected', () => {
    expect(inTable(insertTable, 'text\n^')).toBe(
      'text\n\n| ^Column^ | Column |\n| ------ | ------ |\n|        |        |\n|        |        |\n',
    )
  })
})

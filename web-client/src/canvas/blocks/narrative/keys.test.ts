import { EditorSelection, EditorState, type StateCommand } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import { continueList, insertLink, toggleMark } from './keys'
import { markdown } from './language'

/** Runs a command on a text where `|` is the caret, or two `|` a selection; answers the text in the same way. */
function run(command: StateCommand, source: string): string | false {
  const at = [...source.matchAll(/\|/g)].map((match, index) => match.index - index)
  const [anchor = 0, head = anchor] = at
  let state = EditorState.create({
    doc: source.replaceAll('|', ''),
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
    ? `${text.slice(0, from)}|${text.slice(from)}`
    : `${text.slice(0, from)}|${text.slice(from, to)}|${text.slice(to)}`
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

describe('Enter in a list', () => {
  it('starts the next item', () => {
    expect(run(continueList, '- one|')).toBe('- one\n- |')
    expect(run(continueList, '  9. nine|')).toBe('  9. nine\n  10. |')
    expect(run(continueList, '- [x] done|')).toBe('- [x] done\n- [ ] |')
  })
  it('ends the list on an empty item', () => {
    expect(run(continueList, '- one\n- |')).toBe('- one\n|')
  })
  it('is left alone elsewhere and in code', () => {
    expect(run(continueList, 'text|')).toBe(false)
    expect(run(continueList, '```\n- a|\n```')).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, type Block, blocksMap, contentJson, LOCAL, narrativeText } from '../../../doc/schema'
import { chipState, keysIn, readBindings, removeBinding, writeBinding } from './bindings'

const blockOf = (doc: Y.Doc, id: string): Block => {
  const block = blocksMap(doc).get(id)
  if (block === undefined) throw new Error('no block')
  return block
}

/** Two people with the same narrative in front of them, not connected. */
function two(): { ada: Block; ben: Block; meet: () => void } {
  const [a, b] = [new Y.Doc(), new Y.Doc()]
  const id = addBlock(a, 'narrative', { text: 'Text', data_bindings: [] }, [0, 0], [4, 4]) ?? ''
  const meet = () => {
    const [fromA, fromB] = [Y.encodeStateAsUpdate(a), Y.encodeStateAsUpdate(b)]
    Y.applyUpdate(b, fromA)
    Y.applyUpdate(a, fromB)
  }
  meet()
  return { ada: blockOf(a, id), ben: blockOf(b, id), meet }
}

/** What the server does. */
const answer = (block: Block, key: string, value: number) =>
  ((contentMap(block).get(key) as Y.Map<unknown> | undefined) ?? new Y.Map()).set('value', value)
const contentMap = (block: Block) => (block.get('content') as Y.Map<unknown>).get('data_bindings') as Y.Map<unknown>

describe('bindings', () => {
  it('of two people are both kept', () => {
    const { ada, ben, meet } = two()
    writeBinding(ada, 'total', { source: 'c1', calculation: 'sum' }, LOCAL)
    writeBinding(ben, 'average', { source: 'c1', calculation: 'avg' }, LOCAL)
    meet()
    expect(readBindings(ada)).toEqual(readBindings(ben))
    expect(Object.keys(readBindings(ada)).sort()).toEqual(['average', 'total'])
  })

  it('changed in two leaves at once keep both changes', () => {
    const { ada, ben, meet } = two()
    writeBinding(ada, 'total', { source: 'c1', calculation: 'sum' }, LOCAL)
    meet()
    writeBinding(ada, 'total', { format: 'currency' }, LOCAL)
    writeBinding(ben, 'total', { decimals: 2 }, LOCAL)
    meet()
    expect(readBindings(ben).total).toMatchObject({ format: 'currency', decimals: 2, source: 'c1' })
  })

  it('lose the answer to a question that is not asked any more, and keep it when only the look changes', () => {
    const { ada, ben, meet } = two()
    writeBinding(ada, 'total', { source: 'c1', calculation: 'sum' }, LOCAL)
    meet()
    answer(ben, 'total', 590)
    meet()
    writeBinding(ada, 'total', { format: 'compact' }, LOCAL)
    expect(readBindings(ada).total?.value).toBe(590)
    writeBinding(ada, 'total', { calculation: 'avg' }, LOCAL)
    expect(readBindings(ada).total?.value).toBeNull()
    writeBinding(ada, 'total', { format: 'auto', decimals: null }, LOCAL)
    expect(contentJson(ada).data_bindings).toEqual([{ key: 'total', source: 'c1', calculation: 'avg' }])
  })

  it('come and go with their chip in one step', () => {
    const { ada } = two()
    const text = narrativeText(ada)
    const origin = {}
    const undo = new Y.UndoManager(ada.get('content') as Y.Map<unknown>, { trackedOrigins: new Set([origin]) })
    ada.doc?.transact(() => {
      writeBinding(ada, 'total', { source: 'c1', calculation: 'sum' }, origin)
      text?.insert(4, ' {{total}}')
    }, origin)
    answer(ada, 'total', 590)
    undo.undo()
    expect([text?.toString(), readBindings(ada)]).toEqual(['Text', {}])
    undo.redo()
    expect(text?.toString()).toBe('Text {{total}}')
    expect(readBindings(ada).total).toMatchObject({ source: 'c1', calculation: 'sum' })
  })

  it('are taken away, and not missed where there are none', () => {
    const { ada } = two()
    writeBinding(ada, 'total', { source: 'c1', calculation: 'sum' }, LOCAL)
    removeBinding(ada, 'total', LOCAL)
    removeBinding(ada, 'constructor', LOCAL)
    expect(readBindings(ada)).toEqual({})
  })
})

describe('a chip', () => {
  const binding = {
    source: 'c1',
    calculation: 'sum',
    value: 1234.5,
    error: null,
    format: 'auto',
    decimals: null,
  } as const
  const sources = { c1: { name: 'Sales', currency: 'EUR' } }
  const show = (one: object, online = true, percent = false) =>
    chipState('k', { bindings: { k: { ...binding, ...one } }, sources, online }, percent)

  it('shows its value as it is asked to', () => {
    expect(show({})).toEqual({ kind: 'value', text: '1,234.5' })
    expect(show({ format: 'currency', decimals: 2 })).toEqual({ kind: 'value', text: '€1,234.50' })
    expect(show({ format: 'compact' })).toEqual({ kind: 'value', text: '1.2K' })
  })
  it('writes a change in percent, unless the text does already', () => {
    expect(show({ calculation: 'percentage_change', value: 25.3 })).toEqual({ kind: 'value', text: '25.3%' })
    expect(show({ calculation: 'percentage_change', value: 25.3 }, true, true)).toEqual({ kind: 'value', text: '25.3' })
  })
  it('waits, and says when nobody computes', () => {
    expect(show({ value: null })).toEqual({ kind: 'waiting', why: 'Being computed' })
    expect(show({ value: null }, false)).toEqual({ kind: 'waiting', why: 'Not computed yet: offline' })
  })
  it('says what is broken: the server’s sentence, a source that is gone, a key nobody bound', () => {
    expect(show({ error: 'No such column.' })).toEqual({ kind: 'broken', why: 'No such column.' })
    expect(show({ source: 'gone' }).kind).toBe('broken')
    expect(chipState('constructor', { bindings: {}, sources, online: true }).kind).toBe('broken')
  })
})

it('finds the keys of a text', () => {
  expect([...keysIn('a {{ one }} {{two}}% {{one}} {{}} {{a\nb}}')]).toEqual(['one', 'two'])
})

import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, type Block, blocksMap, edit, getContent, setContent } from '../../../doc/schema'
import type { Column } from '../../../platform/datasets/cells'
import { typeOf } from '../types'
import { storedOrder, tableColumns } from './columns'
import { changeColumn, moveColumn, orderFor, stepTarget, writeColumns } from './edits'

const known: Column[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'string' }))
const names = known.map((column) => column.name)

const blockOf = (doc: Y.Doc): Block => {
  const block = [...blocksMap(doc).values()][0]
  if (block === undefined) throw new Error('no block')
  return block
}
const orderOf = (block: Block): string =>
  tableColumns(getContent(block, ['columns']), known, names)
    .map((one) => one.field)
    .join('')
const leaf = (block: Block, field: string, key: string) => getContent(block, ['columns', field, key])

/** Two people at one table whose columns are written down. */
const pair = (): [Y.Doc, Y.Doc] => {
  const one = new Y.Doc()
  addBlock(one, 'table', typeOf('table')?.createContent() ?? {}, [0, 0], [8, 7])
  edit(one, () => writeColumns(blockOf(one), known))
  const other = new Y.Doc()
  Y.applyUpdate(other, Y.encodeStateAsUpdate(one))
  return [one, other]
}
const merge = (one: Y.Doc, other: Y.Doc): void => {
  const update = Y.encodeStateAsUpdate(one)
  Y.applyUpdate(one, Y.encodeStateAsUpdate(other))
  Y.applyUpdate(other, update)
  expect(getContent(blockOf(one), [])).toEqual(getContent(blockOf(other), []))
  expect([...orderOf(blockOf(one))].sort().join('')).toBe('abcd')
}

describe('two people at the same columns', () => {
  it('move different columns: both count', () => {
    const [one, other] = pair()
    moveColumn(blockOf(one), known, 'd', 'a')
    moveColumn(blockOf(other), known, 'b', null)
    merge(one, other)
    expect(orderOf(blockOf(one))).toBe('dacb')
  })

  it('move the same column: one of the two counts, nothing is doubled', () => {
    const [one, other] = pair()
    moveColumn(blockOf(one), known, 'a', null)
    moveColumn(blockOf(other), known, 'a', 'c')
    merge(one, other)
    expect(['bcda', 'bacd']).toContain(orderOf(blockOf(one)))
  })

  it('put two columns into one gap, and a third between them later', () => {
    const [one, other] = pair()
    moveColumn(blockOf(one), known, 'c', 'b')
    moveColumn(blockOf(other), known, 'd', 'b')
    merge(one, other)
    expect(orderOf(blockOf(one))).toBe('acdb')
    moveColumn(blockOf(one), known, 'b', 'd')
    expect(orderOf(blockOf(one))).toBe('acbd')
    moveColumn(blockOf(one), known, 'a', null)
    expect(orderOf(blockOf(one))).toBe('cbda')
  })

  it('resize, hide, rename, format and move at once: all of it is kept', () => {
    const [one, other] = pair()
    changeColumn(blockOf(one), known, 'a', { width: 200 })
    changeColumn(blockOf(one), known, 'b', { hidden: true })
    moveColumn(blockOf(one), known, 'c', 'a')
    changeColumn(blockOf(other), known, 'a', { header: 'Alpha' })
    changeColumn(blockOf(other), known, 'b', { width: 90 })
    changeColumn(blockOf(other), known, 'c', { type: 'number', decimals: 2 })
    merge(one, other)
    const block = blockOf(one)
    expect(orderOf(block)).toBe('cabd')
    expect([leaf(block, 'a', 'width'), leaf(block, 'a', 'header')]).toEqual([200, 'Alpha'])
    expect([leaf(block, 'b', 'hidden'), leaf(block, 'b', 'width')]).toEqual([true, 90])
    expect([leaf(block, 'c', 'type'), leaf(block, 'c', 'decimals')]).toEqual(['number', 2])
  })
})

describe('one person', () => {
  it('changes a column in one transaction of a few bytes', () => {
    const [doc] = pair()
    const updates: Uint8Array[] = []
    doc.on('update', (update) => updates.push(update))
    moveColumn(blockOf(doc), known, 'd', 'b')
    changeColumn(blockOf(doc), known, 'd', { width: 120 })
    expect(updates).toHaveLength(2)
    expect(Math.max(...updates.map((update) => update.length))).toBeLessThan(100)
    moveColumn(blockOf(doc), known, 'd', 'b')
    expect(updates).toHaveLength(2)
  })

  it('changes a table that shows its dataset as it is', () => {
    const doc = new Y.Doc()
    addBlock(doc, 'table', typeOf('table')?.createContent() ?? {}, [0, 0], [8, 7])
    const updates: Uint8Array[] = []
    doc.on('update', (update) => updates.push(update))
    moveColumn(blockOf(doc), known, 'a', null)
    expect(orderOf(blockOf(doc))).toBe('bcda')
    expect(updates).toHaveLength(1)
  })

  it('shows a column the table did not name', () => {
    const doc = new Y.Doc()
    addBlock(doc, 'table', typeOf('table')?.createContent() ?? {}, [0, 0], [8, 7])
    const block = blockOf(doc)
    edit(doc, () => writeColumns(block, known.slice(0, 2)))
    const shown = () =>
      tableColumns(getContent(block, ['columns']), known, names)
        .filter((one) => !one.hidden)
        .map((one) => one.field)
    expect(shown()).toEqual(['a', 'b'])
    changeColumn(block, known, 'd', { hidden: undefined })
    expect(shown()).toEqual(['a', 'b', 'd'])
    expect(orderOf(block)).toBe('abdc')
  })

  it('numbers all columns anew where keys are none', () => {
    expect([
      ...orderFor(
        [
          ['a', '!'],
          ['b', '!'],
          ['c', 'zz!'],
        ],
        'c',
        'b',
      ).keys(),
    ]).toEqual(['a', 'c', 'b'])
    const [doc] = pair()
    setContent(blockOf(doc), ['columns', 'b', 'order'], 'not a key')
    moveColumn(blockOf(doc), known, 'a', 'b')
    const sorted = storedOrder(getContent(blockOf(doc), ['columns'])).map(([field]) => field)
    expect(sorted.indexOf('b') - sorted.indexOf('a')).toBe(1)
  })

  it('steps among the columns that are shown', () => {
    expect(stepTarget(['a', 'c', 'd'], 'a', -1)).toBeUndefined()
    expect(stepTarget(['a', 'c', 'd'], 'c', -1)).toBe('a')
    expect(stepTarget(['a', 'c', 'd'], 'c', 1)).toBeNull()
    expect(stepTarget(['a', 'c', 'd'], 'a', 1)).toBe('d')
    expect(stepTarget(['a', 'c', 'd'], 'x', 1)).toBeUndefined()
  })
})

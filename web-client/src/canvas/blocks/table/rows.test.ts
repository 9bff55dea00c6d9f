import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { tableColumns } from './columns'
import { searchRows, sortRows } from './rows'

const known: Column[] = [
  { name: 'who', type: 'string' },
  { name: 'sold', type: 'number' },
  { name: 'day', type: 'date' },
  { name: 'paid', type: 'boolean' },
]
const columns = tableColumns(
  { who: { order: 'a0' }, sold: { order: 'a1', type: 'currency' }, day: { order: 'a2' }, paid: { order: 'a3' } },
  known,
  known.map((column) => column.name),
)
const rows: Cell[][] = [
  ['item 10', 5, '2024-02-01', true],
  ['Item 2', null, '2023-12-31', false],
  ['', 1234.5, '2024-01-15', true],
  ['item 2', 5, null, null],
]
const firsts = (list: Cell[][]) => list.map((row) => rows.indexOf(row))

describe('the order of rows', () => {
  it('is that of the type, with empty cells last both ways', () => {
    expect(firsts(sortRows(rows, rows, [{ id: 'who', desc: false }], columns))).toEqual([1, 3, 0, 2])
    expect(firsts(sortRows(rows, rows, [{ id: 'who', desc: true }], columns))).toEqual([0, 1, 3, 2])
    expect(firsts(sortRows(rows, rows, [{ id: 'sold', desc: true }], columns))).toEqual([2, 0, 3, 1])
    expect(firsts(sortRows(rows, rows, [{ id: 'day', desc: false }], columns))).toEqual([1, 2, 0, 3])
  })
  it('goes by the second rule where the first sees no difference', () => {
    const rules = [
      { id: 'sold', desc: false },
      { id: 'who', desc: false },
    ]
    expect(firsts(sortRows(rows, rows, rules, columns))).toEqual([3, 0, 2, 1])
  })
  it('is that of the data without a rule, or with one for a column that is gone', () => {
    expect(sortRows(rows, rows, [], columns)).toBe(rows)
    expect(sortRows(rows, rows, [{ id: 'gone', desc: true }], columns)).toBe(rows)
  })
  it('takes 100,000 rows in well under a second', () => {
    const many = Array.from({ length: 100_000 }, (_, at): Cell[] => [
      `name ${(at * 7919) % 100_003}`,
      (at * 31) % 977,
      null,
      null,
    ])
    sortRows(many, many, [{ id: 'sold', desc: true }], columns)
    const from = performance.now()
    const sorted = sortRows(many, many, [{ id: 'sold', desc: true }], columns)
    expect(performance.now() - from).toBeLessThan(1000)
    expect(sorted[0]?.[1]).toBe(976)
    expect(sorted).toHaveLength(100_000)
  })
})

describe('finding rows', () => {
  const found = (needle: string) => firsts(searchRows(rows, needle, columns))
  it('looks at what is in the data, whatever the case', () => {
    expect(found('ITEM 2')).toEqual([1, 3])
    expect(found('1234')).toEqual([2])
    expect(found('2024-')).toEqual([0, 2])
    expect(found('')).toHaveLength(4)
    expect(found('nothing like it')).toEqual([])
  })
  it('and at what is on the screen', () => {
    expect(found('$1,234')).toEqual([2])
    expect(found('feb')).toEqual([0])
    expect(found('yes')).toEqual([0, 2])
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../doc/schema'
import type { Cell, Column } from '../../platform/datasets/cells'
import {
  applyFilters,
  type Filter,
  type FilterOp,
  type FilterValue,
  filterParts,
  parseValue,
  readFilters,
  suggestions,
} from './filters'

const columns: Column[] = [{ name: 'v', type: 'string' }]
const kept = (cells: Cell[], op: FilterOp, value: FilterValue): Cell[] =>
  applyFilters(
    cells.map((cell) => [cell]),
    ['v'],
    columns,
    [{ field: 'v', op, value }],
  ).map(([cell]) => cell ?? null)

describe('one filter', () => {
  const numbers = [1, 2, '10', null, '', 'x']
  const dates = ['2024-01-31', '2024-02-01T00:00:00Z', '2024-02-01', null]
  const words = ['West', 'west', 'East', '', null]
  it.each<[string, Cell[], FilterOp, FilterValue, Cell[]]>([
    ['numbers as numbers, also written as text', numbers, '=', '10', ['10']],
    ['numbers in order', numbers, '>', 1, [2, '10', 'x']],
    ['1.0 is 1', [1, '1.0', '01', 'one'], '=', '1', [1, '1.0', '01']],
    ['what only JavaScript calls a number is text', ['0x10', 'Infinity', 16], '=', 16, [16]],
    ['not equal keeps empty cells', numbers, '!=', 1, [2, '10', null, '', 'x']],
    ['dates as time', dates, '=', '2024-02-01', ['2024-02-01T00:00:00Z', '2024-02-01']],
    ['dates in order', dates, '<', '2024-02-01', ['2024-01-31']],
    ['text exactly', words, '=', 'West', ['West']],
    ['text by any case where it contains', words, 'contains', 'WES', ['West', 'west']],
    ['contains reads numbers as text', [120, 12, 3], 'contains', '12', [120, 12]],
    ['one of several', words, 'in', ['East', 'west'], ['west', 'East']],
    ['one of none', words, 'in', [], []],
    ['one of several numbers', [1, 2, '2.0', 3], 'in', [2, 3], [2, '2.0', 3]],
    ['booleans exactly', [true, false, 'true', null], '=', true, [true, 'true']],
    ['empty', words, 'empty', '', ['', null]],
    ['not empty', words, 'not_empty', '', ['West', 'west', 'East']],
    ['a space is not empty', [' ', ''], 'empty', '', ['']],
    ['empty cells match no bound', [null, '', 0], '<=', 0, [0]],
    ['text in order by code points', ['a', 'B', 'ä', '😀'], '>', 'a', ['ä', '😀']],
  ])('%s', (_, cells, op, value, wanted) => expect(kept(cells, op, value)).toEqual(wanted))
})

it('all filters hold, and a column that is not there is empty', () => {
  const rows: Cell[][] = [
    ['West', 1],
    ['West', 5],
    ['East', 5],
  ]
  const order = ['region', 'sales']
  const west: Filter = { field: 'region', op: '=', value: 'West' }
  expect(applyFilters(rows, order, columns, [west, { field: 'sales', op: '>', value: 3 }])).toEqual([['West', 5]])
  expect(applyFilters(rows, order, columns, [west, { field: 'gone', op: '=', value: 1 }])).toEqual([])
  expect(applyFilters(rows, order, columns, [{ field: 'gone', op: '!=', value: 1 }])).toHaveLength(3)
  expect(applyFilters(rows, order, columns, [])).toBe(rows)
})

it('reads what is a filter and leaves the rest', () => {
  const damaged: Json = [
    { field: 'a', op: '=', value: 'x' },
    { field: 'a', op: '~', value: 'x' },
    { field: 1, op: '=', value: 'x' },
    { field: 'a', op: '=', value: null },
    { field: 'a', op: 'in', value: ['x', null, 2] },
    { field: 'a', op: 'empty' },
    'a',
    null,
  ]
  expect(readFilters(damaged)).toEqual([
    { field: 'a', op: '=', value: 'x' },
    { field: 'a', op: 'in', value: ['x', 2] },
    { field: 'a', op: 'empty', value: '' },
  ])
  expect(readFilters({ a: 1 })).toEqual([])
  expect(readFilters(undefined)).toEqual([])
})

it('reads as a person says it', () => {
  const types: Column[] = [
    { name: 'when', type: 'date' },
    { name: 'n', type: 'number' },
  ]
  const say = (filter: Filter): string => {
    const { verb, value } = filterParts(filter, types)
    return `${filter.field} ${verb} ${value}`.trim()
  }
  expect(say({ field: 'when', op: '>=', value: '2024-02-01' })).toMatch(/^when is on or after .*2024/)
  expect(say({ field: 'n', op: '<', value: 1200 })).toMatch(/^n is less than 1.?200$/)
  expect(say({ field: 'r', op: 'in', value: ['West'] })).toBe('r is West')
  expect(say({ field: 'r', op: 'in', value: ['a', 'b', 'c'] })).toBe('r is any of a, b, c')
  expect(say({ field: 'r', op: 'in', value: ['a', 'b', 'c', 'd'] })).toBe('r is any of a, b and 2 more')
  expect(say({ field: 'r', op: 'empty', value: '' })).toBe('r is empty')
})

it('takes typed values as the column has them', () => {
  expect(parseValue(' 1,234.5 ', 'number')).toBe(1234.5)
  expect(parseValue('12%', 'number')).toBe(12)
  expect(parseValue('x', 'number')).toBeNull()
  expect(parseValue('Yes', 'boolean')).toBe(true)
  expect(parseValue(' West ', 'string')).toBe('West')
  expect(parseValue('  ', 'string')).toBeNull()
})

it('suggests the most frequent values first, without the empty ones', () => {
  const rows: Cell[][] = [['a'], ['b'], ['b'], [null], ['']]
  expect(suggestions(rows, 0)).toEqual([
    { value: 'b', count: 2 },
    { value: 'a', count: 1 },
  ])
  expect(suggestions(rows, -1)).toEqual([])
})

it('is read once, however often it is written down', () => {
  const one = { field: 'v', op: '=', value: 'West' }
  expect(readFilters([one, { ...one }, { ...one, value: 'East' }])).toHaveLength(2)
})

type Vectors = {
  tables: Record<string, { columns: Column[]; rows: Cell[][] }>
  filters: { name: string; table: string; filters: Json; kept: number[] }[]
}
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../tests/vectors/calculations.json'), 'utf8'),
) as Vectors

describe('as the server filters', () => {
  it.each(vectors.filters.map((one) => [one.name, one] as const))('%s', (_, { table, filters, kept }) => {
    const { columns: own, rows } = vectors.tables[table] ?? { columns: [], rows: [] }
    const names = own.map((column) => column.name)
    const left = applyFilters(rows, names, own, readFilters(filters))
    expect(left.map((row) => rows.indexOf(row))).toEqual(kept)
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../doc/schema'
import type { Cell, ColumnType } from '../../../platform/datasets/cells'
import { applyFilters, readFilters } from '../filters'
import { calculate, inWords, keyFor, parseCalculation, proposals, type Rows, uniqueKey, writeCalculation } from './calc'

const rows: Rows = {
  columns: ['day', 'price', 'city'],
  rows: [
    ['2024-01-03', 30, 'Oslo'],
    ['2024-01-01', 10, 'Bonn'],
    ['2024-01-01', 10, 'Oslo'],
    ['2024-01-02', null, ''],
    ['2024-01-03', 0.5, 'Bonn'],
  ],
}
const defaults = { y: 'price', x: 'day', aggregation: 'sum' }
const value = (text: string, own = defaults) => {
  const calculation = parseCalculation(text)
  return calculation === null ? 'unread' : calculate(calculation, own, rows)
}

describe('the grammar', () => {
  it('reads and writes the three forms', () => {
    for (const text of ['sum', 'avg:price', 'percentage_change:price@day']) {
      const calculation = parseCalculation(text)
      expect(calculation && writeCalculation(calculation)).toBe(text)
    }
    expect(parseCalculation('median:a:b@c')).toEqual({ agg: 'median', column: 'a:b', by: 'c' })
  })
  it('refuses what is not a calculation', () => {
    for (const text of ['', 'Sum', 'mode:price', 'constructor', 'sum of price']) expect(value(text)).toBe('unread')
  })
})

describe('the value', () => {
  it('folds the column of the block, or the one that is named', () => {
    expect(value('sum')).toBe(50.5)
    expect(value('avg')).toBe(12.625)
    expect(value('median')).toBe(10)
    expect(value('min')).toBe(0.5)
    expect(value('max')).toBe(30)
    expect(value('count')).toBe(4)
    expect(value('count:city')).toBe(4)
    expect(value('distinct:city')).toBe(2)
  })
  it('counts rows where the block has no column', () => {
    expect(value('count', { y: '', x: '', aggregation: 'sum' })).toBe(5)
    expect(value('sum', { y: '', x: '', aggregation: 'sum' })).toBeNull()
  })
  it('takes first and last by date, folded as the block folds', () => {
    expect(value('first')).toBe(20)
    expect(value('last')).toBe(30.5)
    expect(value('percentage_change')).toBe(52.5)
    expect(value('last', { ...defaults, aggregation: 'avg' })).toBe(15.25)
  })
  it('takes groups of text in order of appearance', () => {
    expect(value('first:price@city')).toBe(40)
    expect(value('last:price@city')).toBe(10.5)
  })
  it('is nothing where there is nothing to compute', () => {
    expect(value('sum:gone')).toBeNull()
    expect(value('first:price@gone')).toBeNull()
    expect(value('sum:city')).toBeNull()
    expect(
      calculate(
        { agg: 'percentage_change', column: '', by: '' },
        { y: 'v', x: 't', aggregation: 'sum' },
        {
          columns: ['t', 'v'],
          rows: [
            [1, 0],
            [2, 5],
          ],
        },
      ),
    ).toBeNull()
  })
  it('has twelve significant digits', () => {
    expect(calculate({ agg: 'sum', column: 'v', by: '' }, defaults, { columns: ['v'], rows: [[0.1], [0.2]] })).toBe(0.3)
  })
})

describe('words and keys', () => {
  it('say what is computed', () => {
    expect(inWords({ agg: 'sum', column: '', by: '' }, defaults)).toBe('Sum of price')
    expect(inWords({ agg: 'percentage_change', column: '', by: '' }, defaults)).toBe(
      'Change in price, first to last day',
    )
    expect(inWords({ agg: 'count', column: '', by: '' }, { y: '', x: '', aggregation: '' })).toBe('Number of rows')
    expect(inWords({ agg: 'last', column: '', by: '' }, defaults)).toBe('Latest price by day')
    const rowsOnly = { y: '', x: 'day', aggregation: '' }
    expect(inWords({ agg: 'first', column: '', by: '' }, rowsOnly)).toBe('Number of rows, first day')
    expect(inWords({ agg: 'last', column: '', by: '' }, rowsOnly)).toBe('Number of rows, latest day')
    expect(inWords({ agg: 'percentage_change', column: '', by: '' }, rowsOnly)).toBe(
      'Change in the number of rows, first to last day',
    )
  })
  it('name the value, without what would end a chip', () => {
    expect(keyFor({ agg: 'sum', column: '', by: '' }, defaults)).toBe('price total')
    expect(keyFor({ agg: 'avg', column: 'a{{b}}_c', by: '' }, defaults)).toBe('a b c average')
    expect(keyFor({ agg: 'max', column: 'x'.repeat(200), by: '' }, defaults).length).toBeLessThanOrEqual(60)
  })
  it('are unique', () => {
    const taken = new Set(['total', 'total 2'])
    expect(uniqueKey('total', (key) => taken.has(key))).toBe('total 3')
    expect(uniqueKey('x'.repeat(60), (key) => key === 'x'.repeat(60))).toHaveLength(60)
  })
})

it('proposes the own number first, then change, then the other columns', () => {
  const all = proposals({ ...defaults, aggregation: 'avg' }, rows).map(writeCalculation)
  expect(all.slice(0, 3)).toEqual(['avg', 'sum', 'percentage_change'])
  expect(all).toContain('distinct:city')
  expect(proposals({ y: '', x: '', aggregation: '' }, rows).map(writeCalculation)).toEqual(
    expect.arrayContaining(['count', 'sum:price', 'max:price']),
  )
})

type Vectors = {
  tables: Record<string, { columns: { name: string; type: ColumnType }[]; rows: Cell[][] }>
  calculations: {
    name: string
    table: string
    source: { y_axis?: string; x_axis?: string; aggregation?: string }
    filters: Json
    calculation: string
    value: number | null
  }[]
}
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../../tests/vectors/calculations.json'), 'utf8'),
) as Vectors

describe('as the server calculates', () => {
  it.each(vectors.calculations.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const table = vectors.tables[one.table] ?? { columns: [], rows: [] }
    const columns = table.columns.map((column) => column.name)
    const calculation = parseCalculation(one.calculation)
    const { y_axis: y = '', x_axis: x = '', aggregation = '' } = one.source
    const value =
      calculation === null
        ? null
        : calculate(
            calculation,
            { y, x, aggregation },
            {
              columns,
              rows: applyFilters(table.rows, columns, table.columns, readFilters(one.filters)),
              types: Object.fromEntries(table.columns.map((column) => [column.name, column.type])),
            },
          )
    expect(value).toBe(one.value)
  })
})

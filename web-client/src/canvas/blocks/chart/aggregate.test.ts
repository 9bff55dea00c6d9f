import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { aggregate, type ChartFields, isBlank, MAX_CATEGORIES, MAX_SERIES, MAX_SLICES, OTHER_LABEL } from './aggregate'

const columns: Column[] = [
  { name: 'region', type: 'string' },
  { name: 'product', type: 'string' },
  { name: 'sales', type: 'number' },
  { name: 'day', type: 'date' },
  { name: 'size', type: 'number' },
]
const order = columns.map((column) => column.name)
const rows: Cell[][] = [
  ['West', 'A', 10, '2024-02-01', 3],
  ['East', 'A', 5, '2024-01-01', 1],
  ['West', 'B', 20, '2024-01-01', 2],
  ['East', 'B', null, '2024-10-01', 10],
  [null, 'A', 1, null, null],
]

const plain: ChartFields = {
  chartType: 'bar',
  x: 'region',
  y: 'sales',
  color: '',
  aggregation: 'sum',
  timeUnit: '',
  sort: 'auto',
  limit: 0,
}
const run = (fields: Partial<ChartFields>, data: Cell[][] = rows, types = columns) =>
  aggregate(
    { ...plain, ...fields },
    types,
    types.map((column) => column.name),
    data,
  )

describe('grouping by x', () => {
  it('folds y per category, in order, with empty cells last', () => {
    const result = run({})
    expect(result.categories).toEqual(['East', 'West', null])
    expect(result.series[0]?.values).toEqual([5, 30, 1])
    expect(result.measure).toBe('sum of sales')
  })

  it.each([
    ['sum', [5, 30, 1]],
    ['avg', [5, 15, 1]],
    ['count', [1, 2, 1]],
    ['min', [5, 10, 1]],
    ['max', [5, 20, 1]],
    ['median', [5, 15, 1]],
    ['distinct', [1, 2, 1]],
  ] as const)('%s leaves rows without a number out', (aggregation, values) => {
    expect(run({ aggregation }).series[0]?.values).toEqual(values)
  })

  it('counts the rows it leaves out, except where counting is what was asked', () => {
    expect(run({}).skippedRows).toBe(1)
    expect(run({ aggregation: 'count' }).skippedRows).toBe(0)
  })

  it('counts rows when there is no y, and has one group when there is no x', () => {
    const result = run({ y: '', aggregation: 'avg' })
    expect(result.series[0]?.values).toEqual([2, 2, 1])
    expect(result.measure).toBe('rows')
    expect(run({ x: '' }).series[0]?.values).toEqual([36])
  })

  it('keeps sums of negative numbers and of numbers in text', () => {
    const data: Cell[][] = [
      ['a', '', -3, null, null],
      ['a', '', '4.5', null, null],
    ]
    expect(run({}, data).series[0]?.values).toEqual([1.5])
  })
})

describe('grouping by colour', () => {
  it('gives one series per value and a hole where there is none', () => {
    const result = run({ color: 'product' })
    expect(result.series.map((series) => series.name)).toEqual(['A', 'B'])
    expect(result.series.map((series) => series.values)).toEqual([
      [5, 10, 1],
      [null, 20, null],
    ])
  })

  it('folds what is beyond the bound into one series without losing the total', () => {
    const data: Cell[][] = Array.from({ length: 50 }, (_, index) => ['x', `s${index}`, index + 1, null, null])
    const result = run({ color: 'product' }, data)
    expect(result.series).toHaveLength(MAX_SERIES)
    expect(result.series.at(-1)?.name).toBe(OTHER_LABEL)
    expect(result.foldedSeries).toBe(50 - MAX_SERIES + 1)
    expect(result.series.reduce((sum, series) => sum + (series.values[0] ?? 0), 0)).toBe((50 * 51) / 2)
  })
})

describe('order of the axis', () => {
  it('sorts dates as dates and puts lines on a time axis', () => {
    const result = run({ chartType: 'line', x: 'day' })
    expect(result.axis).toBe('time')
    expect(result.series[0]?.points).toEqual([
      [Date.UTC(2024, 0, 1), 25],
      [Date.UTC(2024, 1, 1), 10],
    ])
    expect(result.skippedRows).toBe(2)
  })

  it('sorts numbers as numbers, also as categories', () => {
    expect(run({ x: 'size' }).categories).toEqual([1, 2, 3, null])
    const data: Cell[][] = [
      ['item 10', '', 1, null, null],
      ['item 9', '', 1, null, null],
    ]
    expect(run({}, data).categories).toEqual(['item 9', 'item 10'])
  })

  it('knows months and weekdays', () => {
    const months: Cell[][] = ['Mar', 'Jan', 'Feb'].map((month) => [month, '', 1, null, null])
    expect(run({}, months).categories).toEqual(['Jan', 'Feb', 'Mar'])
    const days: Cell[][] = ['Sunday', 'Monday', 'Tuesday'].map((day) => [day, '', 1, null, null])
    expect(run({}, days).categories).toEqual(['Monday', 'Tuesday', 'Sunday'])
  })

  it('groups the same moment written in two ways', () => {
    const data: Cell[][] = [
      ['', '', 1, '2024-01-01', null],
      ['', '', 2, '2024-01-01T00:00:00', null],
    ]
    expect(run({ x: 'day' }, data).series[0]?.values).toEqual([3])
  })
})

describe('without aggregation', () => {
  it('draws every row of a scatter chart', () => {
    const result = run({ chartType: 'scatter', x: 'size', aggregation: 'none' })
    expect(result.series[0]?.points).toEqual([
      [3, 10],
      [1, 5],
      [2, 20],
    ])
    expect(result.skippedRows).toBe(2)
  })

  it('gives repeated categories a bar each', () => {
    const result = run({ aggregation: 'none' })
    expect(result.categories).toEqual(['East', 'West', 'West', null])
    expect(result.series[0]?.values).toEqual([5, 10, 20, 1])
  })
})

describe('pies', () => {
  it('sorts slices by size, folds the smallest and counts what has no angle', () => {
    const data: Cell[][] = Array.from({ length: 30 }, (_, index) => [`r${index}`, '', index - 2, null, null])
    const result = run({ chartType: 'pie' }, data)
    expect(result.categories).toHaveLength(MAX_SLICES)
    expect(result.series[0]?.values[0]).toBe(27)
    expect(result.categories.at(-1)).toBe(OTHER_LABEL)
    expect(result.skippedRows).toBe(3)
    const total = result.series[0]?.values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
    expect(total).toBe((27 * 28) / 2)
  })
})

describe('bounds', () => {
  it('says how many categories it leaves out', () => {
    const data: Cell[][] = Array.from({ length: 800 }, (_, index) => [`r${index}`, '', 1, null, null])
    const result = run({}, data)
    expect(result.categories).toHaveLength(MAX_CATEGORIES)
    expect(result.hiddenCategories).toBe(300)
  })

  it('folds 100,000 rows in well under a second', () => {
    const data: Cell[][] = Array.from({ length: 100_000 }, (_, index) => [
      `r${index % 50}`,
      `p${index % 7}`,
      index,
      null,
      null,
    ])
    expect(run({ color: 'product' }, data).series).toHaveLength(7)
  })

  it('is blank without rows, and with a y that is never a number', () => {
    expect(isBlank(run({}, []))).toBe(true)
    expect(isBlank(run({ y: 'product' }))).toBe(true)
    expect(isBlank(run({}))).toBe(false)
  })

  it('does not fail on columns the dataset does not have', () => {
    expect(() =>
      aggregate({ ...plain, chartType: 'line', x: 'gone', y: 'gone too', color: 'no' }, columns, order, rows),
    ).not.toThrow()
  })
})

const sold = (pairs: [string, number][]): Cell[][] => pairs.map(([region, sales]) => [region, 'A', sales, null, null])

describe('medians and different values', () => {
  it('takes the middle of each group, and of what is folded together', () => {
    const data = sold([
      ['a', 1],
      ['a', 100],
      ['a', 3],
      ['b', 4],
      ['b', 8],
    ])
    expect(run({ aggregation: 'median' }, data).series[0]?.values).toEqual([3, 6])
    expect(run({ aggregation: 'median', x: '' }, data).series[0]?.values).toEqual([4])
  })
  it('counts different cells, of text too, and keeps 1 apart from "1"', () => {
    expect(run({ y: 'product', aggregation: 'distinct' }).series[0]?.values).toEqual([2, 2, 1])
    const mixed: Cell[][] = [
      ['a', '1', 1, null, null],
      ['a', 1, 1, null, null],
      ['a', '', 1, null, null],
    ]
    expect(run({ y: 'product', aggregation: 'distinct' }, mixed).series[0]?.values).toEqual([2])
  })
})

describe('time units', () => {
  const days: Cell[][] = [
    ['West', 'A', 1, '2024-01-31T23:30:00', null],
    ['West', 'A', 2, '2024-01-01', null],
    ['East', 'B', 4, '2024-04-01', null],
    ['East', 'B', 8, 'soon', null],
  ]
  it('group dates in UTC, keep the periods between, and count what is no date', () => {
    const result = run({ x: 'day', timeUnit: 'month' }, days)
    expect(result.categories).toEqual(['2024-01-01', '2024-02-01', '2024-03-01', '2024-04-01'])
    expect(result.series[0]?.values).toEqual([3, null, null, 4])
    expect(result.skippedRows).toBe(1)
    expect(result.unit).toBe('month')
  })
  it('are points of time on a line, and leave other columns alone', () => {
    const line = run({ chartType: 'line', x: 'day', timeUnit: 'quarter' }, days)
    expect(line.series[0]?.points).toEqual([
      [Date.UTC(2024, 0, 1), 3],
      [Date.UTC(2024, 3, 1), 4],
    ])
    expect(run({ timeUnit: 'year' }).categories).toEqual(['East', 'West', null])
  })
})

describe('sort and limit', () => {
  const data = sold([
    ['a', 3],
    ['b', 9],
    ['c', 1],
    ['d', 5],
  ])
  it.each([
    ['auto', ['a', 'b', 'c', 'd']],
    ['-label', ['d', 'c', 'b', 'a']],
    ['value', ['c', 'a', 'd', 'b']],
    ['-value', ['b', 'd', 'a', 'c']],
  ] as const)('%s', (sort, categories) => {
    expect(run({ sort }, data).categories).toEqual(categories)
  })
  it('keeps the largest and folds the rest without losing the total', () => {
    const result = run({ limit: 2 }, data)
    expect(result.categories).toEqual(['b', 'd', OTHER_LABEL])
    expect(result.series[0]?.values).toEqual([9, 5, 4])
    expect([result.foldedCategories, result.hiddenCategories]).toEqual([2, 0])
  })
  it('counts the rest where a sum of it would mean nothing', () => {
    const result = run({ limit: 2, aggregation: 'avg', sort: '-value' }, data)
    expect(result.categories).toEqual(['b', 'd'])
    expect([result.foldedCategories, result.hiddenCategories]).toEqual([0, 2])
  })
  it('keeps the smallest when they come first, and the last of a course of time', () => {
    expect(run({ limit: 2, sort: 'value' }, data).categories).toEqual(['c', 'a'])
    const time: Cell[][] = [1, 2, 3].map((month) => ['', '', 1, `2024-0${month}-01`, null])
    expect(run({ x: 'day', timeUnit: 'month', limit: 2 }, time).categories).toEqual(['2024-02-01', '2024-03-01'])
  })
  it('limits the series over a course of time', () => {
    const time: Cell[][] = ['a', 'b', 'c'].map((name, index) => [name, '', index + 1, '2024-01-01', null])
    const lines = { chartType: 'line', x: 'day', color: 'region', limit: 1 } as const
    expect(run(lines, time).series.map((series) => [series.name, series.other])).toEqual([
      ['c', false],
      [OTHER_LABEL, true],
    ])
    const averages = run({ ...lines, aggregation: 'avg' }, time)
    expect(averages.series.map((series) => series.name)).toEqual(['c'])
    expect(averages.hiddenSeries).toBe(2)
  })
  it('keeps a bar for each row in the order of its value', () => {
    expect(run({ aggregation: 'none', sort: '-value', limit: 3 }, data).series[0]?.values).toEqual([9, 5, 3])
  })
})

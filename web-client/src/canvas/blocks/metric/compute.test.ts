import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { compute, type MetricFields, nearest, sparkOf, thin } from './compute'
import { suggestMetric, unitFor } from './suggest'
import { changeWords, describeMetric, suggestedTitle } from './words'

const columns: Column[] = [
  { name: 'day', type: 'date' },
  { name: 'region', type: 'string' },
  { name: 'revenue', type: 'number' },
]
const order = columns.map((column) => column.name)
const rows: Cell[][] = [
  ['2024-01-05', 'West', 100],
  ['2024-01-20', 'East', 50],
  ['2024-03-02', 'East', 90],
  ['2024-02-11', 'West', 120],
  ['2024-03-30', 'West', 'n/a'],
  ['2024-02-12', 'East', null],
]
const base: MetricFields = {
  y: 'revenue',
  aggregation: 'sum',
  x: 'day',
  timeUnit: 'month',
  span: 'all',
  compare: 'previous',
}
const run = (change: Partial<MetricFields> = {}, of: Cell[][] = rows) =>
  compute({ ...base, ...change }, columns, order, of)
const values = (change: Partial<MetricFields> = {}, of?: Cell[][]) => run(change, of).periods.map(({ value }) => value)

describe('a metric', () => {
  it('folds all rows, and its periods in their order', () => {
    const result = run()
    expect(result.value).toBe(360)
    expect(result.periods.map(({ at, value }) => [new Date(at).toISOString().slice(0, 7), value])).toEqual([
      ['2024-01', 150],
      ['2024-02', 120],
      ['2024-03', 90],
    ])
    expect(result.change).toMatchObject({ difference: -30, ratio: -0.25 })
    expect(run({ compare: 'first' }).change).toMatchObject({ difference: -60, ratio: -0.4 })
    expect(run({ compare: 'none' }).change).toBeNull()
  })

  it('is of the last period alone when asked, folded as the others are', () => {
    const last = run({ span: 'last', aggregation: 'avg', timeUnit: 'quarter' })
    expect([last.value, last.of?.value]).toEqual([90, 90])
    expect(run({ span: 'last', aggregation: 'max', timeUnit: 'month' }).value).toBe(90)
    expect(run({ span: 'last', x: '' }).value).toBe(360)
    expect(run({ span: 'last' }, []).value).toBeNull()
  })

  it.each([
    ['avg', 90],
    ['median', 95],
    ['min', 50],
    ['max', 120],
    ['count', 5],
    ['distinct', 5],
    ['last', 90],
    ['first', 150],
  ] as const)('knows %s', (aggregation, value) => {
    expect(run({ aggregation }).value).toBe(value)
  })

  it('says which period the latest value is of, and compares the first with nothing', () => {
    expect(run({ aggregation: 'last' }).of?.at).toBe(Date.UTC(2024, 2, 1))
    expect(run({ aggregation: 'first' }).change).toBeNull()
  })

  it('leaves out what is no number and counts it; empty cells are no mistake', () => {
    expect(run()).toMatchObject({ noNumber: 1, noPlace: 0 })
    expect(run({}, [...rows, ['soon', 'West', 1]])).toMatchObject({ value: 361, noPlace: 1 })
  })

  it('counts rows when no column is chosen', () => {
    expect(run({ y: '', aggregation: 'sum' }).value).toBe(6)
    expect(values({ y: '', aggregation: 'sum' })).toEqual([2, 2, 2])
    expect(run({ y: '', aggregation: 'last' }).value).toBe(2)
    expect(run({ y: '' }, []).value).toBe(0)
  })

  it('has no value where there is none, and no change with one period', () => {
    expect(run({}, [])).toMatchObject({ value: null, change: null, periods: [] })
    expect(run({}, [['2024-01-01', 'West', null]]).value).toBeNull()
    expect(run({}, rows.slice(0, 2))).toMatchObject({ value: 150, change: null })
    expect(run({ aggregation: 'count' }, []).value).toBe(0)
  })

  it('knows no share of zero, and keeps the sign of a change from below it', () => {
    expect(run({}, [rows[0] as Cell[], ['2023-12-01', 'West', 0]]).change).toMatchObject({
      difference: 100,
      ratio: null,
    })
    const from = (value: number) => [['2024-01-01', '', value] as Cell[], ['2024-02-01', '', 10] as Cell[]]
    expect(run({}, from(-10)).change?.ratio).toBe(2)
  })

  it('orders numbers as numbers, and words as they come: a year of months need not begin in January', () => {
    const by = (cells: Cell[], type: Column['type']) =>
      compute(
        { ...base, x: 'x', y: 'y' },
        [
          { name: 'x', type },
          { name: 'y', type: 'number' },
        ],
        ['x', 'y'],
        cells.map((cell, index) => [cell, index + 1]),
      ).periods.map(({ cell }) => cell)
    expect(by([10, 9, 100], 'number')).toEqual([9, 10, 100])
    expect(by(['Nov', 'Dec', 'Jan'], 'string')).toEqual(['Nov', 'Dec', 'Jan'])
    expect(by(['beta', 'alpha', 'gamma'], 'string')).toEqual(['beta', 'alpha', 'gamma'])
  })

  it('takes the last row where nothing orders the rows', () => {
    expect(run({ x: '', aggregation: 'last' }).value).toBe(120)
    expect(run({ x: '', aggregation: 'first' }).value).toBe(100)
    expect(run({ x: '' })).toMatchObject({ value: 360, change: null, periods: [] })
  })

  it('names the columns a dataset does not have', () => {
    expect(run({ y: 'profit', x: 'week' }).missing).toEqual(['week', 'profit'])
  })
})

describe('the line', () => {
  const at = (list: number[]) => list.map((value, index) => ({ cell: index, at: index, value }))
  it('fills its box; one that never changes runs through the middle', () => {
    expect(sparkOf(at([0, 10, 5]))).toEqual([
      { x: 0, y: 1 },
      { x: 0.5, y: 0 },
      { x: 1, y: 0.5 },
    ])
    expect(sparkOf(at([3, 3])).map(({ y }) => y)).toEqual([0.5, 0.5])
  })

  it('keeps peaks and both ends when it has more points than pixels', () => {
    const points = sparkOf(at(Array.from({ length: 10_000 }, (_, index) => (index === 5_003 ? 100 : index % 3))))
    const few = thin(points, 200)
    expect(few.length).toBeLessThanOrEqual(202)
    expect(Math.min(...few.map(({ y }) => y))).toBe(0)
    expect(few[0]).toBe(points[0])
    expect(few.at(-1)).toBe(points.at(-1))
    expect(few.every((point, index) => index === 0 || point.x >= (few[index - 1]?.x ?? 0))).toBe(true)
  })

  it('finds the nearest value', () => {
    const points = [0, 0.1, 0.9, 1].map((x) => ({ x, y: 0 }))
    expect([-1, 0.04, 0.06, 0.6, 2].map((x) => nearest(points, x))).toEqual([0, 0, 1, 2, 3])
  })
})

describe('its words', () => {
  const content = {
    ...base,
    title: '',
    better: 'up' as const,
    measure: { format: 'auto' as const, decimals: null, currency: 'USD' },
    unit: '',
    sparkline: true,
  }
  const words = (change: Partial<typeof content>, of: Cell[][] = rows) => {
    const all = { ...content, ...change }
    const result = run({}, of)
    if (!result.change) throw new Error('no change')
    return changeWords(result.change, all, result)
  }
  const two = (a: number, b: number): Cell[][] => [
    ['2024-01-01', '', a],
    ['2024-02-01', '', b],
  ]

  it('say how much, against what, and whether that is good', () => {
    expect(words({})).toMatchObject({ direction: 'down', verdict: 'bad', amount: '25%', against: 'vs Feb 2024' })
    expect(words({ better: 'down' as never }).verdict).toBe('good')
    expect(words({ better: 'none' as never }).verdict).toBe('neutral')
    expect(words({}, two(5, 5))).toMatchObject({ direction: 'same', verdict: 'neutral', amount: 'No change' })
  })

  it('write a change of percentages in points, from zero as it is, and a very large one as a multiple', () => {
    expect(words({ measure: { ...content.measure, format: 'percent' as never } }, two(2, 3.5)).amount).toBe('1.5 pts')
    expect(words({ unit: 'kg' }, two(0, 7)).amount).toBe('7 kg')
    expect(words({}, two(1, 2001)).amount).toBe('2,000×')
    expect(words({}, two(100_000, 100_001)).amount).toBe('<0.1%')
  })

  it('describe the whole', () => {
    expect(describeMetric(content, run())).toBe(
      'Total revenue: 360. Down 25% from Feb 2024 to Mar 2024, 120 to 90, which is worse. 3 values from Jan 2024 to Mar 2024: highest 150 at Jan 2024, lowest 90 at Mar 2024.',
    )
    expect(describeMetric(content, run({}, []))).toBe('Total revenue: no value.')
    expect(suggestedTitle({ y: '', aggregation: 'count' })).toBe('Number of rows')
    expect(suggestedTitle({ y: 'unit_price', aggregation: 'avg' })).toBe('Average unit price')
  })
})

describe('a suggestion', () => {
  it('finds the measure, its dates and their period', () => {
    expect(suggestMetric(columns, order, rows)).toEqual({
      y_axis: 'revenue',
      aggregation: 'sum',
      x_axis: 'day',
      time_unit: 'day',
      number_format: 'currency',
    })
    const prices = [['day', 'date'] as const, ['price', 'number'] as const].map(([name, type]) => ({ name, type }))
    const daily = Array.from({ length: 10 }, (_, index): Cell[] => [`2024-01-${10 + index}`, index])
    expect(suggestMetric(prices, ['day', 'price'], daily)).toMatchObject({ aggregation: 'last', y_axis: 'price' })
    expect(suggestMetric([{ name: 'city', type: 'string' }], ['city'], [['Oslo']])).toMatchObject({
      y_axis: '',
      aggregation: 'count',
      x_axis: '',
    })
  })

  it('groups dates by what they were written for', () => {
    const of = (...dates: string[]) => unitFor(dates.map((date) => Date.parse(date)))
    expect(of('2020-01-01', '2021-01-01')).toBe('year')
    expect(of('2020-01-01', '2020-04-01')).toBe('quarter')
    expect(of('2020-01-01', '2020-02-01')).toBe('month')
    expect(of('2020-01-03', '2020-02-01')).toBe('day')
    expect(of('2020-01-03')).toBe('')
    expect(unitFor(Array.from({ length: 400 }, (_, day) => Date.UTC(2020, 0, 2) + day * 86_400_000))).toBe('month')
  })
})

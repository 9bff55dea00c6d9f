import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { aggregate } from './aggregate'
import { type ChartContent, NO_FIELDS, PLAIN_STYLE } from './fields'
import { hintsFor } from './hints'

const columns: Column[] = [
  { name: 'name', type: 'string' },
  { name: 'sales', type: 'number' },
  { name: 'price', type: 'number' },
  { name: 'day', type: 'date' },
]
const names = (count: number): Cell[][] => Array.from({ length: count }, (_, i) => [`name ${i}`, i + 1, i + 1, null])
const hints = (change: Partial<ChartContent>, rows: Cell[][], unshown = 0) => {
  const content: ChartContent = { ...NO_FIELDS, ...PLAIN_STYLE, title: '', x: 'name', y: 'sales', ...change }
  const data = aggregate(content, columns, ['name', 'sales', 'price', 'day'], rows)
  return hintsFor(content, columns, data, unshown)
}
const ids = (...given: Parameters<typeof hints>) => hints(...given).map((hint) => hint.id)

describe('hints', () => {
  it('say nothing about a chart that reads well', () => {
    expect(ids({}, names(8))).toEqual([])
    expect(ids({ chartType: 'pie' }, names(5))).toEqual([])
  })

  it('offer bars for a pie of thirty slices', () => {
    expect(hints({ chartType: 'pie' }, names(30))).toMatchObject([
      { id: 'bars', label: 'Use bars', change: { chart_type: 'bar', config: { sort: '-value' } } },
    ])
  })

  it('offer bars for slices that are no parts of a whole', () => {
    expect(ids({ chartType: 'pie', aggregation: 'avg' }, names(4))).toEqual(['parts'])
    expect(ids({ chartType: 'pie' }, [...names(3), ['debt', -4, 1, null]])).toEqual(['positive'])
  })

  it('offer an average for prices, and a count for names', () => {
    expect(ids({ y: 'price' }, names(4))).toEqual(['average'])
    expect(ids({ y: 'name' }, names(4))).toEqual(['count'])
    expect(ids({ y: 'name', aggregation: 'distinct' }, names(4))).toEqual([])
  })

  it('offer periods for a thousand dates and a limit for a hundred bars', () => {
    const days: Cell[][] = Array.from({ length: 1000 }, (_, i) => [
      '',
      i,
      1,
      new Date(Date.UTC(2020, 0, 1 + i)).toISOString().slice(0, 10),
    ])
    expect(hints({ chartType: 'line', x: 'day' }, days)).toMatchObject([
      { id: 'unit', change: { config: { time_unit: 'month' } } },
    ])
    expect(hints({}, names(100))).toMatchObject([{ id: 'limit', change: { config: { limit: 15 } } }])
    expect(ids({ limit: 15 }, names(100))).toEqual([])
  })

  it('offer bars for a line through names, not through months', () => {
    const plain: Cell[][] = ['Oslo', 'Bern', 'Rome'].map((name) => [name, 1, 1, null])
    const months: Cell[][] = ['Mar', 'Jan', 'Feb'].map((name) => [name, 1, 1, null])
    expect(ids({ chartType: 'line' }, plain)).toEqual(['unordered'])
    expect(ids({ chartType: 'line' }, months)).toEqual([])
  })

  it('say what a logarithmic scale leaves out', () => {
    expect(ids({ scale: 'log' }, names(3), 2)).toEqual(['log'])
  })
})

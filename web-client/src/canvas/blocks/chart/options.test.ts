import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { aggregate, type ChartFields } from './aggregate'
import { asTable, chartOption, describe as describeChart, niceStep } from './options'

const columns: Column[] = [
  { name: 'region', type: 'string' },
  { name: 'sales', type: 'number' },
  { name: 'year', type: 'number' },
]
const rows: Cell[][] = [
  ['West', 1000, 2001],
  ['East', 2500.5, 2002],
  ['<img src=x onerror=alert(1)>', 10, 2003],
]
const make = (fields: Partial<ChartFields>, data = rows) => {
  const all: ChartFields = { chartType: 'bar', x: 'region', y: 'sales', color: '', aggregation: 'sum', ...fields }
  return { fields: all, data: aggregate(all, columns, ['region', 'sales', 'year'], data) }
}
const look = { width: 400, height: 300, colors: [], animate: false }

describe('a chart in words', () => {
  it('says what it is and where it is highest and lowest', () => {
    const { fields, data } = make({}, rows.slice(0, 2))
    expect(describeChart(fields, data, 'Sales')).toBe(
      'Bar chart, Sales: sum of sales by region. 2 values; highest 2,500.5 at East, lowest 1,000 at West.',
    )
  })
  it('writes years as years', () => {
    const { fields, data } = make({ chartType: 'line', x: 'year' })
    expect(describeChart(fields, data, '')).toContain('lowest 10 at 2003')
  })
})

describe('a chart as a table', () => {
  it('has a line per x and a column per series, and says what it leaves out', () => {
    const { fields, data } = make({ x: 'year', chartType: 'line', color: 'region' })
    const table = asTable(fields, data, 2)
    expect(table.head).toHaveLength(4)
    expect(table.rows).toEqual([
      ['2001', '–', '–', '1,000'],
      ['2002', '–', '2,500.5', '–'],
    ])
    expect(table.more).toBe(1)
  })
})

describe('the option', () => {
  it('lays bars on their side when their names do not fit beside each other', () => {
    const { fields, data } = make({})
    expect(chartOption(fields, data, look)).toMatchObject({ yAxis: { type: 'category' } })
    expect(chartOption(fields, make({}, rows.slice(0, 2)).data, look)).toMatchObject({ xAxis: { type: 'category' } })
  })

  it('stacks sums and not averages', () => {
    const stacked = make({ x: 'year', color: 'region' })
    const grouped = make({ x: 'year', color: 'region', aggregation: 'avg' })
    const stacks = (one: ReturnType<typeof make>) =>
      (chartOption(one.fields, one.data, look).series as { stack?: string }[]).map((series) => series.stack)
    expect(stacks(stacked)).toEqual(['all', 'all', 'all'])
    expect(stacks(grouped)).toEqual([undefined, undefined, undefined])
  })

  it('puts colours somebody chose before the theme’s', () => {
    const { fields, data } = make({})
    expect(chartOption(fields, data, { ...look, colors: ['#123456'] }).color).toEqual(['#123456'])
    expect(chartOption(fields, data, look).color).toBeUndefined()
  })

  it('never lets names of slices be read as marks of rich text', () => {
    const { fields, data } = make({ chartType: 'pie' }, [['{a|b}', 1, 2001]])
    const { legend } = chartOption(fields, data, { ...look, width: 600 }) as {
      legend: { formatter: (name: string) => string }
    }
    expect(legend.formatter('{a|b}')).toBe('{name| a b }{share|100%}')
  })

  it('draws every type without data', () => {
    for (const chartType of ['bar', 'line', 'area', 'scatter', 'pie'] as const) {
      const { fields, data } = make({ chartType, x: 'year', color: 'region' }, [])
      expect(() => chartOption(fields, data, look)).not.toThrow()
    }
  })
})

describe('steps', () => {
  it('are round', () => {
    expect(niceStep(50, 4)).toBe(20)
    expect(niceStep(23, 8)).toBe(5)
    expect(niceStep(0.9, 5)).toBeCloseTo(0.2)
    expect(niceStep(0, 5)).toBe(1)
  })
})

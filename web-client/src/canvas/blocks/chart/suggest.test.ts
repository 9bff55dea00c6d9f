import { describe, expect, it } from 'vitest'
import type { Cell, Column, ColumnType } from '../../../platform/datasets/cells'
import { foldFor, refit, suggest, typeFor } from './suggest'

const make = (names: Record<string, ColumnType>, rows: Cell[][]) => {
  const columns: Column[] = Object.entries(names).map(([name, type]) => ({ name, type }))
  return suggest(columns, Object.keys(names), rows)
}
const many = (count: number, row: (index: number) => Cell[]) => Array.from({ length: count }, (_, index) => row(index))

describe('a first chart', () => {
  it('is a line over time, coloured by a small group, averaged for prices', () => {
    const rows = many(300, (i) => [
      ['MSFT', 'IBM', 'AAPL'][i % 3] ?? '',
      `2020-${String((Math.floor(i / 3) % 12) + 1).padStart(2, '0')}-01`,
      i,
    ])
    expect(make({ symbol: 'string', date: 'date', price: 'number' }, rows)).toMatchObject({
      chart_type: 'line',
      x_axis: 'date',
      y_axis: 'price',
      color: 'symbol',
      aggregation: 'avg',
      title: 'Price over time',
    })
  })

  it('does not fold where each moment has one row', () => {
    const rows = many(30, (i) => [`2020-01-${String(i + 1).padStart(2, '0')}`, i])
    expect(make({ date: 'date', visits: 'number' }, rows)).toMatchObject({ chart_type: 'line', aggregation: 'none' })
  })

  it('is bars of sums by a category', () => {
    const rows = many(100, (i) => [i, ['North', 'South', 'East', 'West'][i % 4] ?? '', i * 2])
    expect(make({ order_id: 'number', region: 'string', total_sales: 'number' }, rows)).toMatchObject({
      chart_type: 'bar',
      x_axis: 'region',
      y_axis: 'total_sales',
      aggregation: 'sum',
      color: '',
      title: 'Total sales by region',
    })
  })

  it('takes a year for time', () => {
    const rows = many(60, (i) => [1990 + (i % 20), ['a', 'b', 'c'][i % 3] ?? '', i])
    expect(make({ year: 'number', country: 'string', people: 'number' }, rows)).toMatchObject({
      chart_type: 'line',
      x_axis: 'year',
      y_axis: 'people',
    })
  })

  it('is a scatter of two measures where names are all different', () => {
    const rows = many(400, (i) => [`car ${i}`, i % 90, i % 230])
    expect(make({ Name: 'string', Displacement: 'number', Horsepower: 'number' }, rows)).toMatchObject({
      chart_type: 'scatter',
      x_axis: 'Displacement',
      y_axis: 'Horsepower',
      aggregation: 'none',
    })
  })

  it('counts rows where there is nothing to measure, and never measures ids or coordinates', () => {
    const rows = many(50, (i) => [i, ['x', 'y', 'z'][i % 3] ?? '', i / 10, i / 7])
    expect(make({ id: 'number', kind: 'string', latitude: 'number', longitude: 'number' }, rows)).toMatchObject({
      chart_type: 'pie',
      x_axis: 'kind',
      y_axis: '',
      aggregation: 'count',
    })
  })

  it('answers something for columns alone, for empty columns and for nothing', () => {
    expect(make({ region: 'string', sales: 'number' }, [])).toMatchObject({ x_axis: 'region', y_axis: 'sales' })
    expect(
      make(
        { gone: 'number', name: 'string' },
        many(3, (i) => [null, `n${i}`]),
      ),
    ).toMatchObject({ x_axis: 'name' })
    expect(make({}, [])).toMatchObject({ x_axis: '', y_axis: '' })
  })
})

describe('what a first chart also sets', () => {
  it('groups many dates into readable periods', () => {
    const day = (index: number) => new Date(Date.UTC(2020, 0, 1 + index)).toISOString().slice(0, 10)
    const rows = many(1400, (i) => [day(i), ['a', 'b'][i % 2] ?? '', i])
    expect(make({ date: 'date', kind: 'string', sales: 'number' }, rows)).toMatchObject({
      time_unit: 'month',
      aggregation: 'sum',
    })
  })
  it('puts the largest bar first, unless the names have an order', () => {
    const by = (names: string[]) =>
      make(
        { name: 'string', total: 'number' },
        many(40, (i) => [names[i % names.length] ?? '', i]),
      ).sort
    expect(by(['North', 'South', 'East', 'West'])).toBe('-value')
    expect(by(['Mar', 'Jan', 'Feb'])).toBe('auto')
    expect(by(['1-10', '11-20', '21-30'])).toBe('auto')
  })
})

describe('another field', () => {
  const columns: Column[] = [
    { name: 'region', type: 'string' },
    { name: 'day', type: 'date' },
    { name: 'sales', type: 'number' },
    { name: 'price', type: 'number' },
    { name: 'year', type: 'number' },
  ]
  const order = columns.map((column) => column.name)
  const rows = many(400, (i) => ['West', new Date(Date.UTC(2020, 0, 1 + i)).toISOString().slice(0, 10), i, i, 2020])
  const now = {
    chartType: 'bar',
    aggregation: 'sum',
    timeUnit: '',
    x: 'region',
    y: 'sales',
    title: 'Sales by region',
  } as const
  const to = (next: { x?: string; y?: string }, from: Partial<Parameters<typeof refit>[0]> = {}) => {
    const was = { ...now, ...from }
    return refit(was, { x: next.x ?? was.x, y: next.y ?? was.y }, columns, order, rows)
  }

  it('calls for its own type and fold', () => {
    expect(typeFor({ x: 'day', y: 'sales' }, columns)).toBe('line')
    expect(typeFor({ x: 'year', y: 'sales' }, columns)).toBe('line')
    expect(typeFor({ x: 'price', y: 'sales' }, columns)).toBe('scatter')
    expect(typeFor({ x: 'region', y: '' }, columns)).toBe('bar')
    expect([foldFor({ y: 'price' }, columns), foldFor({ y: 'region' }, columns), foldFor({ y: '' }, columns)]).toEqual([
      'avg',
      'count',
      'count',
    ])
  })
  it('takes type, period and title along', () => {
    expect(to({ x: 'day' })).toEqual({ chart_type: 'line', time_unit: 'month', title: 'Sales over time' })
  })
  it('averages prices, counts names, and draws every row of two measures', () => {
    expect(to({ y: 'price' })).toMatchObject({ aggregation: 'avg' })
    expect(to({ y: 'region' })).toMatchObject({ aggregation: 'count' })
    expect(to({ x: 'price' })).toMatchObject({ chart_type: 'scatter', aggregation: 'none' })
    expect(to({ x: 'region' }, { x: 'price', chartType: 'scatter', aggregation: 'none' })).toMatchObject({
      chart_type: 'bar',
      aggregation: 'sum',
    })
  })
  it('leaves what somebody chose otherwise', () => {
    expect(to({ x: 'day' }, { chartType: 'area', title: 'Mine' })).toEqual({ time_unit: 'month' })
    expect(to({ y: 'price' }, { aggregation: 'max', title: 'Mine' })).toEqual({})
  })
})

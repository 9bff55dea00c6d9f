// @vitest-environment node
/** A metric, a chart and a number in a text must not disagree: all are held to the server's own cases. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../doc/schema'
import type { Cell, Column } from '../../platform/datasets/cells'
import { AGGREGATIONS, type Aggregation, aggregate } from './chart/aggregate'
import { applyFilters, readFilters } from './filters'
import { compute, METRIC_AGGREGATIONS, type MetricAggregation } from './metric/compute'
import { parseCalculation, rounded } from './narrative/calc'

type Case = {
  name: string
  table: string
  source: { y_axis?: string; x_axis?: string; aggregation?: string }
  filters: Json
  calculation: string
  value: number | null
}
type Vectors = { tables: Record<string, { columns: Column[]; rows: Cell[][] }>; calculations: Case[] }
const { tables, calculations } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../../tests/vectors/calculations.json'), 'utf8'),
) as Vectors

const read = (one: Case) => {
  const { columns, rows } = tables[one.table] ?? { columns: [], rows: [] }
  const order = columns.map(({ name }) => name)
  const asked = parseCalculation(one.calculation)
  const y = (asked?.column || one.source.y_axis) ?? ''
  const x = (asked?.by || one.source.x_axis) ?? ''
  const known = [y, x].every((name) => name === '' || order.includes(name))
  return { asked, y, x, columns, order, known, rows: applyFilters(rows, order, columns, readFilters(one.filters)) }
}
const isGrouped = (agg: string | undefined): boolean => agg === 'first' || agg === 'last' || agg === 'percentage_change'
const plain = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : rounded(value)

describe('a metric calculates as the server', () => {
  // First and last of a metric are always folded by sum.
  const cases = calculations.filter((one) => {
    const { asked, y, x, known } = read(one)
    if (!asked || !known) return false
    const own = one.source.aggregation ?? ''
    return isGrouped(asked.agg) ? x !== '' && (y === '' || ['', 'sum', 'none'].includes(own)) : y !== ''
  })
  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const { asked, y, x, columns, order, rows } = read(one)
    const fields = { y, timeUnit: '', span: 'all', compare: 'first' } as const
    if (asked?.agg === 'percentage_change') {
      const { change } = compute({ ...fields, x, aggregation: 'sum' }, columns, order, rows)
      expect(plain(change?.ratio == null ? null : change.ratio * 100)).toBe(one.value)
      return
    }
    const aggregation = METRIC_AGGREGATIONS.find((agg) => agg === asked?.agg) as MetricAggregation
    const along = isGrouped(aggregation) ? x : ''
    expect(plain(compute({ ...fields, x: along, aggregation }, columns, order, rows).value)).toBe(one.value)
  })
})

describe('a chart folds as the server', () => {
  const cases = calculations.filter((one) => {
    const { asked, y, known, rows } = read(one)
    return asked && known && !isGrouped(asked.agg) && y !== '' && rows.length > 0
  })
  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const { asked, y, columns, order, rows } = read(one)
    const aggregation = AGGREGATIONS.find((agg) => agg === asked?.agg) as Aggregation
    const fields = { chartType: 'bar', x: '', y, color: '', aggregation, timeUnit: '', sort: 'auto', limit: 0 } as const
    expect(plain(aggregate(fields, columns, order, rows).series[0]?.values[0])).toBe(one.value)
  })
})

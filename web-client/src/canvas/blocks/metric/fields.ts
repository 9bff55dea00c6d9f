/** The content of a metric as this client understands it. Unknown values read as the nearest sensible one. */
import { type Block, getContent, type JsonObject } from '../../../doc/schema'
import { toTimeUnit } from '../../../platform/datasets/periods'
import { type Measure, toNumberFormat } from '../format'
import { COMPARISONS, METRIC_AGGREGATIONS, type MetricFields, SPANS } from './compute'

export const BETTER = ['up', 'down', 'none'] as const
export type Better = (typeof BETTER)[number]

export interface MetricContent extends MetricFields {
  title: string
  better: Better
  measure: Measure
  unit: string
  sparkline: boolean
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const oneOf = <T extends string>(all: readonly T[], value: unknown, otherwise: T): T =>
  all.find((one) => one === value) ?? otherwise

export function readMetric(block: Block): MetricContent {
  const config = getContent(block, ['config'])
  const fields: JsonObject = typeof config === 'object' && config !== null && !Array.isArray(config) ? config : {}
  const { decimals } = fields
  return {
    title: text(getContent(block, ['title'])),
    y: text(fields.y_axis),
    aggregation: oneOf(METRIC_AGGREGATIONS, fields.aggregation, 'sum'),
    x: text(fields.x_axis),
    timeUnit: toTimeUnit(fields.time_unit),
    span: oneOf(SPANS, fields.period, 'all'),
    compare: oneOf(COMPARISONS, fields.compare, 'previous'),
    better: oneOf(BETTER, fields.better, 'up'),
    measure: {
      format: toNumberFormat(fields.number_format),
      decimals: typeof decimals === 'number' && Number.isFinite(decimals) ? decimals : null,
      currency: text(fields.currency) || 'USD',
    },
    unit: text(fields.unit).slice(0, 24),
    sparkline: fields.sparkline !== false,
  }
}

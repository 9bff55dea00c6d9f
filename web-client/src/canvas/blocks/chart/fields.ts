/**
 * The content of a chart block as this client understands it. Unknown values read as the nearest sensible one, and a
 * chart made before a setting existed reads as it always looked.
 */
import { type Block, getContent, type Json } from '../../../doc/schema'
import { toTimeUnit } from '../../../platform/datasets/periods'
import { type Measure, toNumberFormat } from '../format'
import { AGGREGATIONS, CHART_TYPES, type ChartFields, SORTS } from './aggregate'

export const STACKS = ['auto', 'none', 'stacked', 'percent'] as const
export type Stack = (typeof STACKS)[number]
export const ORIENTATIONS = ['auto', 'vertical', 'horizontal'] as const
export type Orientation = (typeof ORIENTATIONS)[number]
export const LEGENDS = ['auto', 'top', 'right', 'hidden'] as const
export type Legend = (typeof LEGENDS)[number]
export const SCALES = ['linear', 'log'] as const
export type Scale = (typeof SCALES)[number]

/** How a chart looks, apart from its data. */
export interface ChartStyle {
  stack: Stack
  orientation: Orientation
  xTitle: string
  yTitle: string
  yMin: number | null
  yMax: number | null
  scale: Scale
  measure: Measure
  labels: boolean
  legend: Legend
  smooth: boolean
  /** Patterns beside colours. */
  decals: boolean
  /** One for each series: a CSS colour, "chart-3" of the palette, or empty for the palette's own. */
  colors: string[]
}

export interface ChartContent extends ChartFields, ChartStyle {
  title: string
}

export const PLAIN_STYLE: ChartStyle = {
  stack: 'auto',
  orientation: 'auto',
  xTitle: '',
  yTitle: '',
  yMin: null,
  yMax: null,
  scale: 'linear',
  measure: { format: 'auto', decimals: null, currency: 'USD' },
  labels: false,
  legend: 'auto',
  smooth: false,
  decals: false,
  colors: [],
}

export const NO_FIELDS: ChartFields = {
  chartType: 'bar',
  x: '',
  y: '',
  color: '',
  aggregation: 'sum',
  timeUnit: '',
  sort: 'auto',
  limit: 0,
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
const one = <T extends string>(all: readonly T[], value: unknown, otherwise: T): T =>
  (all as readonly unknown[]).includes(value) ? (value as T) : otherwise
const object = (value: Json): { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}

const COLOR = /^$|^chart-\d{1,2}$|^#[0-9a-f]{3,8}$|^rgba?\([\d\s.,%/]+\)$|^hsla?\([\d\s.,%/deg]+\)$|^[a-z]{3,30}$/i

export function readChart(block: Block): ChartContent {
  const config = object(getContent(block, ['config']))
  const style = object(getContent(block, ['style']))
  const { colors } = style
  const limit = number(config.limit)
  const decimals = number(config.decimals)
  return {
    chartType: one(CHART_TYPES, getContent(block, ['chart_type']), 'bar'),
    x: text(config.x_axis),
    y: text(config.y_axis),
    color: text(config.color),
    aggregation: one(AGGREGATIONS, config.aggregation, 'sum'),
    timeUnit: toTimeUnit(config.time_unit),
    sort: one(SORTS, config.sort, 'auto'),
    limit: limit !== null && limit > 0 ? Math.floor(limit) : 0,
    stack: one(STACKS, config.stack, 'auto'),
    orientation: one(ORIENTATIONS, config.orientation, 'auto'),
    xTitle: text(config.x_title),
    yTitle: text(config.y_title),
    yMin: number(config.y_min),
    yMax: number(config.y_max),
    scale: one(SCALES, config.y_scale, 'linear'),
    measure: {
      format: toNumberFormat(config.number_format),
      decimals: decimals === null ? null : Math.max(0, Math.min(10, Math.trunc(decimals))),
      currency: text(config.currency) || 'USD',
    },
    labels: config.labels === true,
    legend: one(LEGENDS, config.legend, 'auto'),
    smooth: config.smooth === true,
    decals: style.decals === true,
    title: text(getContent(block, ['title'])),
    colors: Array.isArray(colors)
      ? colors.map((color) => (typeof color === 'string' && COLOR.test(color) ? color : ''))
      : [],
  }
}

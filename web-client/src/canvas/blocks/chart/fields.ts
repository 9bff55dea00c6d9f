/** The content of a chart block as this client understands it. Unknown values read as the nearest sensible one. */
import { type Block, getContent } from '../../../doc/schema'
import { AGGREGATIONS, type Aggregation, CHART_TYPES, type ChartFields, type ChartType } from './aggregate'

export interface ChartContent extends ChartFields {
  title: string
  colors: string[]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const COLOR = /^#[0-9a-f]{3,8}$|^rgba?\([\d\s.,%/]+\)$|^hsla?\([\d\s.,%/deg]+\)$|^[a-z]{3,30}$/i

export function readChart(block: Block): ChartContent {
  const type = getContent(block, ['chart_type'])
  const config = getContent(block, ['config'])
  const fields = typeof config === 'object' && config !== null && !Array.isArray(config) ? config : {}
  const colors = getContent(block, ['style', 'colors'])
  return {
    chartType: (CHART_TYPES as readonly unknown[]).includes(type) ? (type as ChartType) : 'bar',
    x: text(fields.x_axis),
    y: text(fields.y_axis),
    color: text(fields.color),
    aggregation: (AGGREGATIONS as readonly unknown[]).includes(fields.aggregation)
      ? (fields.aggregation as Aggregation)
      : 'sum',
    title: text(getContent(block, ['title'])),
    colors: Array.isArray(colors)
      ? colors.filter((color): color is string => typeof color === 'string' && COLOR.test(color))
      : [],
  }
}

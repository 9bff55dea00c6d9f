/**
 * A chart in words and in rows: labels of its axes, a description for people who do not see it, one point read aloud,
 * and the table behind it. Pure; numbers and dates are written by blocks/format.
 */
import { asTime, type Cell, type ColumnType } from '../../../platform/datasets/cells'
import type { TimeUnit } from '../../../platform/datasets/periods'
import { formatCell, formatDate, formatMeasure, formatNumber, formatPeriod, NO_VALUE } from '../format'
import { type Aggregated, type ChartFields, EMPTY_LABEL } from './aggregate'
import type { ChartContent } from './fields'
import type { Plotted } from './plot'

export function labelOf(cell: Cell, type: ColumnType, name: string, unit: TimeUnit = ''): string {
  if (cell === null || cell === '') return EMPTY_LABEL
  if (type === 'date') {
    const time = asTime(cell)
    return time === null ? String(cell) : unit === '' ? formatDate(time) : formatPeriod(time, unit)
  }
  return formatCell(cell, type, { name })
}

export const isYears = (name: string, data: Aggregated): boolean =>
  /(^|[_\s-])(year|yr)$/i.test(name) ||
  (data.series.length > 0 &&
    /year/i.test(name) &&
    data.series.every((series) => series.points.every(([x]) => Number.isInteger(x) && x >= 1000 && x <= 2999)))

/** An x of a point, or the place of a category, as its axis writes it. */
export function pointLabel(x: number, data: Aggregated, fields: ChartFields): string {
  if (data.axis === 'time') return data.unit === '' ? formatDate(x) : formatPeriod(x, data.unit)
  if (data.axis === 'category') return labelOf(data.categories[x] ?? null, data.xType, fields.x, data.unit)
  return isYears(fields.x, data) ? String(x) : formatNumber(x)
}

/** Computed measures begin like a sentence; a column keeps the name it has. */
export const measureTitle = (content: ChartContent, data: Aggregated): string =>
  content.yTitle ||
  (data.measure === content.y ? data.measure : data.measure.charAt(0).toUpperCase() + data.measure.slice(1))

/** A share of a whole, in percent. */
export function shareText(share: number): string {
  const percent = share * 100
  if (percent > 0 && percent < 0.1) return '<0.1%'
  return `${percent >= 10 ? Math.round(percent) : Math.round(percent * 10) / 10}%`
}

const KIND: Record<ChartFields['chartType'], string> = {
  bar: 'bar chart',
  line: 'line chart',
  area: 'area chart',
  scatter: 'scatter chart',
  pie: 'pie chart',
}

const NAMED = 6

/** What it is, of what, over which range, where it is highest and lowest, and which way it goes. */
export function describe(content: ChartContent, plotted: Plotted, data: Aggregated): string {
  const many = plotted.series.length > 1
  const kind = KIND[content.chartType]
  const shape = plotted.percent ? `${kind} in percent` : plotted.stacked ? `stacked ${kind}` : kind
  const first = `${shape.charAt(0).toUpperCase()}${shape.slice(1)}${content.title ? `, ${content.title}` : ''}`
  const what = content.yTitle || data.measure
  const over = content.xTitle || content.x
  const joint = content.chartType === 'scatter' ? 'against' : 'by'
  const unit = data.unit === '' ? '' : ` in ${data.unit}s`
  const parts = [`${first}: ${what}${over ? ` ${joint} ${over}${unit}` : ''}`]
  const write = (value: number) => formatMeasure(value, content.measure)

  if (many) {
    const names = plotted.series.slice(0, NAMED).map((series) => series.name)
    const more = plotted.series.length - names.length
    parts.push(`${plotted.series.length} series: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`)
  }
  if (data.axis !== 'category') {
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    for (const { xs } of plotted.series) {
      for (const x of xs) {
        if (x < min) min = x
        if (x > max) max = x
      }
    }
    if (max > min) parts.push(`From ${pointLabel(min, data, content)} to ${pointLabel(max, data, content)}`)
  }
  if (content.scale === 'log' && content.chartType !== 'pie') parts.push('Logarithmic scale')

  let high: { label: () => string; value: number } | null = null
  let low: { label: () => string; value: number } | null = null
  let marks = 0
  for (const series of plotted.series) {
    const suffix = many ? `, ${series.name}` : ''
    series.raw.forEach((value, index) => {
      if (value === null) return
      marks++
      const label = () => `${pointLabel(series.xs[index] ?? 0, data, content)}${suffix}`
      if (high === null || value > high.value) high = { label, value }
      if (low === null || value < low.value) low = { label, value }
    })
  }
  const top = high as { label: () => string; value: number } | null
  const bottom = low as { label: () => string; value: number } | null
  if (top && marks === 1) parts.push(`One value: ${write(top.value)}`)
  else if (top && bottom) {
    parts.push(
      top.value === bottom.value
        ? `${formatNumber(marks)} values, all ${write(top.value)}`
        : `${formatNumber(marks)} values; highest ${write(top.value)} at ${top.label()}, lowest ${write(bottom.value)} at ${bottom.label()}`,
    )
  }
  const trend = many || marks < 3 ? '' : trendOf(content, plotted, data, write)
  if (trend) parts.push(trend)
  return `${parts.join('. ')}.`
}

/** Only where x has a direction: time and numbers. */
function trendOf(content: ChartContent, plotted: Plotted, data: Aggregated, write: (value: number) => string): string {
  const ordered = data.axis !== 'category' || data.xType === 'date'
  const upright = content.sort === 'auto' || content.sort === 'label' || data.axis !== 'category'
  if (!ordered || !upright || content.chartType === 'scatter' || content.chartType === 'pie') return ''
  const values = (plotted.series[0]?.raw ?? []).filter((value) => value !== null)
  const from = values[0]
  const to = values.at(-1)
  if (from === undefined || to === undefined) return ''
  const change = from === 0 ? Number.POSITIVE_INFINITY : (to - from) / Math.abs(from)
  if (Math.abs(change) < 0.02) return `Ends about where it begins, at ${write(to)}`
  const by =
    Number.isFinite(change) && Math.abs(change) < 10 ? ` (${change > 0 ? '+' : '−'}${shareText(Math.abs(change))})` : ''
  return `${to > from ? 'Rises' : 'Falls'} from ${write(from)} to ${write(to)}${by}`
}

export interface ChartTable {
  head: string[]
  /** The cells as the data has them, for sorting and for files. */
  rows: Cell[][]
  /** The same cells as a person reads them. */
  text: (row: Cell[], index: number) => string
}

/** The chart as rows: one line per x, one column per series. Hidden series are not in it. */
export function asTable(content: ChartContent, plotted: Plotted, data: Aggregated): ChartTable {
  const head = [content.xTitle || content.x || 'All rows', ...plotted.series.map((series) => series.name)]
  const write = (cell: Cell | undefined) => (typeof cell === 'number' ? formatMeasure(cell, content.measure) : NO_VALUE)
  const xText = (cell: Cell) =>
    data.axis === 'category'
      ? labelOf(cell, data.xType, content.x, data.unit)
      : pointLabel(typeof cell === 'number' ? cell : (asTime(cell) ?? 0), data, content)
  const xCell = (x: number): Cell => {
    if (data.axis === 'category') return data.categories[x] ?? null
    if (data.axis === 'value') return x
    const iso = new Date(x).toISOString()
    return iso.endsWith('T00:00:00.000Z') ? iso.slice(0, 10) : iso
  }
  const text = (row: Cell[], index: number) => (index === 0 ? xText(row[0] ?? null) : write(row[index]))
  const rows: Cell[][] = []
  if (content.chartType === 'scatter' || (content.aggregation === 'none' && data.axis !== 'category')) {
    plotted.series.forEach((series, at) => {
      series.xs.forEach((x, index) => {
        const row: Cell[] = [xCell(x), ...plotted.series.map(() => null)]
        row[at + 1] = series.raw[index] ?? null
        rows.push(row)
      })
    })
    return { head, rows, text }
  }
  const places = new Map<number, Cell[]>()
  plotted.series.forEach((series, at) => {
    series.xs.forEach((x, index) => {
      let row = places.get(x)
      if (!row) {
        row = [xCell(x), ...plotted.series.map(() => null)]
        places.set(x, row)
      }
      row[at + 1] = series.raw[index] ?? null
    })
  })
  for (const [, row] of [...places].sort(([a], [b]) => a - b)) rows.push(row)
  return { head, rows, text }
}

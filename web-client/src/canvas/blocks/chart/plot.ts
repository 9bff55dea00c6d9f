/**
 * What a chart draws of its data: which series are shown, in which colours and marks, stacked or not, and which values a
 * scale cannot show. The picture, its legend, its table, its keyboard and its files all follow this one list. Pure.
 */
import { type Aggregated, addsUp } from './aggregate'
import type { ChartContent } from './fields'
import { labelOf } from './words'

export interface PlottedSeries {
  /** Its place among all series, hidden ones too: colours and marks stay when others are hidden. */
  index: number
  name: string
  other: boolean
  /** Along the axis: the number, the moment, or the place of the category. */
  xs: number[]
  /** As aggregated. */
  raw: (number | null)[]
  /** As drawn: a share where the stack is in percent, null where the scale cannot show it. */
  drawn: (number | null)[]
}

export interface Plotted {
  series: PlottedSeries[]
  stacked: boolean
  percent: boolean
  log: boolean
  /** Values at or below zero, which a logarithmic scale has no place for. */
  unshown: number
}

export interface Key {
  name: string
  index: number
  other: boolean
  /** Of the whole, where there is one. */
  share: number | null
}

/** The entries of the legend: series, or the slices of a pie. */
export function keysOf(content: ChartContent, data: Aggregated, hidden: ReadonlySet<string>): Key[] {
  if (content.chartType !== 'pie') {
    return data.series.map((series, index) => ({ name: series.name, index, other: series.other, share: null }))
  }
  const names = data.categories.map((cell) => labelOf(cell, data.xType, content.x, data.unit))
  const values = data.series[0]?.values ?? []
  const whole = values.reduce<number>((sum, value, at) => sum + (hidden.has(names[at] ?? '') ? 0 : (value ?? 0)), 0)
  return names.map((name, index) => ({
    name,
    index,
    other: data.foldedCategories > 0 && index === names.length - 1,
    share: whole > 0 ? (values[index] ?? 0) / whole : 0,
  }))
}

export function plot(content: ChartContent, data: Aggregated, hidden: ReadonlySet<string>): Plotted {
  const { chartType } = content
  if (chartType === 'pie') {
    const shown = keysOf(content, data, hidden).filter((key) => !hidden.has(key.name))
    const values = data.series[0]?.values ?? []
    const raw = shown.map((key) => values[key.index] ?? null)
    const series = { index: 0, name: data.measure, other: false, xs: shown.map((key) => key.index), raw, drawn: raw }
    return { series: [series], stacked: false, percent: false, log: false, unshown: 0 }
  }
  const pointed = data.axis !== 'category' || chartType === 'scatter'
  const visible = data.series.flatMap((one, index): PlottedSeries[] => {
    if (hidden.has(one.name)) return []
    const xs = pointed ? one.points.map(([x]) => x) : one.values.map((_, at) => at)
    const raw = pointed ? one.points.map(([, y]) => y) : one.values
    return [{ index, name: one.name, other: one.other, xs, raw, drawn: raw }]
  })

  const log = content.scale === 'log'
  const piles = chartType === 'bar' || chartType === 'area'
  const percent = piles && content.stack === 'percent' && data.series.length > 0
  const adding = addsUp(content.aggregation) || content.y === ''
  const stacked =
    percent ||
    (piles && data.series.length > 1 && (content.stack === 'stacked' || (content.stack === 'auto' && adding && !log)))
  const series = stacked && pointed ? aligned(visible) : visible
  if (percent) toShares(series)
  let unshown = 0
  if (log && !percent) {
    for (const one of series) {
      one.drawn = one.drawn.map((value) => {
        if (value === null || value > 0) return value
        unshown++
        return null
      })
    }
  }
  return { series, stacked, percent, log: log && !percent, unshown }
}

/** Stacked areas need a value at every x, or each series stands on a different pile. */
function aligned(series: PlottedSeries[]): PlottedSeries[] {
  const xs = [...new Set(series.flatMap((one) => one.xs))].sort((a, b) => a - b)
  return series.map((one) => {
    const at = new Map(one.xs.map((x, index) => [x, one.raw[index] ?? null]))
    const raw = xs.map((x) => at.get(x) ?? 0)
    return { ...one, xs, raw, drawn: raw }
  })
}

/** Each pile is 100; what is below zero takes its share downwards. */
function toShares(series: PlottedSeries[]): void {
  const wholes = new Map<number, number>()
  for (const one of series) {
    one.xs.forEach((x, index) => {
      wholes.set(x, (wholes.get(x) ?? 0) + Math.abs(one.raw[index] ?? 0))
    })
  }
  for (const one of series) {
    one.drawn = one.raw.map((value, index) => {
      const whole = wholes.get(one.xs[index] ?? 0) ?? 0
      return value === null || whole === 0 ? null : (value / whole) * 100
    })
  }
}

/** The colour of a series: chosen for this chart, else the palette's. What stands for the rest stays grey. */
export function colorOf(
  colors: readonly string[],
  palette: readonly string[],
  neutral: string,
  key: { index: number; other: boolean },
): string {
  const chosen = colors[key.index] ?? ''
  const named = /^chart-(\d+)$/.exec(chosen)
  if (named) return palette[Number(named[1]) - 1] ?? palette[0] ?? neutral
  if (chosen !== '') return chosen
  if (key.other) return neutral
  return palette[key.index % Math.max(1, palette.length)] ?? neutral
}

/**
 * From aggregated data to an ECharts option and to a sentence for people who do not see the picture.
 * Owns every visual choice of a chart except colours, which are the theme's (theme.ts). Pure: the size of the block
 * comes in as numbers, text is formatted in blocks/format, and no HTML is ever built here from a dataset's values.
 */
import type { EChartsCoreOption } from 'echarts/core'
import type { Cell, ColumnType } from '../../../platform/datasets/cells'
import { asTime } from '../../../platform/datasets/cells'
import { formatCell, formatDate, formatNumber, formatTick } from '../format'
import { type Aggregated, type ChartFields, EMPTY_LABEL, type Series } from './aggregate'

export interface ChartLook {
  width: number
  height: number
  /** Colours somebody chose for this chart; they come before the theme's. */
  colors: string[]
  animate: boolean
}

const CHAR = 6.6
const LABEL_MAX = 140

export function labelOf(cell: Cell, type: ColumnType, name: string): string {
  if (cell === null || cell === '') return EMPTY_LABEL
  if (type === 'date') {
    const time = asTime(cell)
    return time === null ? String(cell) : formatDate(time)
  }
  return formatCell(cell, type, { name })
}

const isYears = (name: string, data: Aggregated): boolean =>
  /(^|[_\s-])(year|yr)$/i.test(name) ||
  (data.series.length > 0 &&
    /year/i.test(name) &&
    data.series.every((series) => series.points.every(([x]) => Number.isInteger(x) && x >= 1000 && x <= 2999)))

const adds = (fields: ChartFields, data: Aggregated): boolean =>
  data.series.length > 1 && (fields.aggregation === 'sum' || fields.aggregation === 'count' || fields.y === '')

/** Stacked lines need a value at every x, or each series stands on a different pile. */
function aligned(series: Series[]): [number, number][][] {
  const xs = [...new Set(series.flatMap((one) => one.points.map(([x]) => x)))].sort((a, b) => a - b)
  return series.map((one) => {
    const at = new Map(one.points)
    return xs.map((x) => [x, at.get(x) ?? 0])
  })
}

export function chartOption(fields: ChartFields, data: Aggregated, look: ChartLook): EChartsCoreOption {
  const count = data.series.reduce((sum, one) => sum + one.points.length + one.values.length, 0)
  const base = {
    ...(look.colors.length > 0 ? { color: look.colors } : {}),
    animation: look.animate && count <= 2000,
    animationDuration: 350,
    animationDurationUpdate: 250,
    useUTC: true,
  }
  return fields.chartType === 'pie'
    ? { ...base, ...pie(fields, data, look) }
    : { ...base, ...cartesian(fields, data, look, count) }
}

/** A round step that cuts `span` into about `count` pieces. */
export function niceStep(span: number, count: number): number {
  if (!(span > 0)) return 1
  const rough = span / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10
  return step * power
}

/** Lines begin and end at the edges of the plot, with labels on round steps only; points need room around them. */
function xRange(fields: ChartFields, data: Aggregated, pieces: number) {
  if (fields.chartType === 'scatter') return { axis: { scale: true }, label: {} }
  const edges = { min: 'dataMin', max: 'dataMax' }
  if (data.axis !== 'value') return { axis: edges, label: {} }
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const series of data.series) {
    for (const [x] of series.points) {
      if (x < min) min = x
      if (x > max) max = x
    }
  }
  if (!(max > min)) return { axis: { scale: true }, label: {} }
  const step = niceStep(max - min, pieces)
  const ticks: number[] = []
  for (let at = Math.ceil(min / step); at * step <= max; at++) ticks.push(at * step)
  return { axis: edges, label: { customValues: ticks } }
}

/**
 * A ring with its legend beside or below it. The legend carries the shares: labels around a ring collide as soon as some
 * slices are thin, and a legend never does.
 */
function pie(fields: ChartFields, data: Aggregated, look: ChartLook) {
  const values = data.series[0]?.values ?? []
  const slices = data.categories.map((cell, index) => ({
    name: labelOf(cell, data.xType, fields.x),
    value: values[index] ?? 0,
  }))
  const total = slices.reduce((sum, slice) => sum + slice.value, 0)
  const share = new Map(slices.map((slice) => [slice.name, total > 0 ? (slice.value / total) * 100 : 0]))
  const beside = look.width >= 260 && look.width >= look.height * 1.05
  const room = beside ? Math.min(230, look.width * 0.5) : look.width - 24
  const nameWidth = Math.min(room - 72, Math.max(40, ...slices.map((slice) => slice.name.length * CHAR + 8)))
  const letters = Math.max(4, Math.floor(nameWidth / CHAR))
  const legend = {
    type: 'scroll',
    itemWidth: 10,
    itemHeight: 10,
    icon: 'circle',
    formatter: (name: string) => {
      const short = name.length > letters ? `${name.slice(0, letters - 1)}…` : name
      return beside ? `{name|${plain(short)}}{share|${percent(share.get(name) ?? 0)}}` : short
    },
    textStyle: {
      rich: {
        name: { width: nameWidth, lineHeight: 18 },
        share: { width: 44, align: 'right', fontWeight: 600, lineHeight: 18 },
      },
    },
  }
  const radius = Math.max(20, Math.min(MAX_RADIUS, look.height / 2 - 12, (look.width - (beside ? room : 0)) / 2 - 12))
  const outer = beside ? radius : Math.min(radius, (look.height - 34) / 2)
  return {
    tooltip: { trigger: 'item', confine: true, valueFormatter: (value: unknown) => formatNumber(Number(value)) },
    legend: beside
      ? { ...legend, orient: 'vertical', left: look.width - room, top: 'middle' }
      : { ...legend, bottom: 0, left: 'center' },
    series: [
      {
        type: 'pie',
        name: data.measure,
        radius: [outer * 0.58, outer],
        center: beside ? [(look.width - room) / 2, look.height / 2] : [look.width / 2, (look.height - 30) / 2],
        itemStyle: { borderWidth: 2, borderRadius: 3 },
        label: { show: false },
        emphasis: { scaleSize: 4 },
        data: slices,
      },
    ],
  }
}

/** A larger ring says no more, it only shouts. */
const MAX_RADIUS = 150

const percent = (value: number): string => `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}%`

/** Braces and bars are the marks of rich text. */
const plain = (text: string): string => text.replace(/[{}|]/g, ' ')

function cartesian(fields: ChartFields, data: Aggregated, look: ChartLook, count: number) {
  const many = data.series.length > 1
  const stack = (fields.chartType === 'bar' || fields.chartType === 'area') && adds(fields, data) ? 'all' : undefined
  const labels = data.categories.map((cell) => labelOf(cell, data.xType, fields.x))
  // A low block keeps its room for the marks: the title says what they are.
  const low = look.height < 150
  const named = look.height >= 210
  const top = (many ? 26 : 2) + (low ? 8 : 20)
  const room = Math.max(80, look.width - 70)

  // Names that do not fit side by side read best beside lying bars; failing that, slanted.
  const longest = labels.reduce((max, label) => Math.max(max, label.length), 0)
  const crowded = data.axis === 'category' && labels.length * (Math.min(longest * CHAR, LABEL_MAX) + 10) > room
  const textual = data.xType === 'string' || data.xType === 'boolean'
  const perRow = many && !stack ? Math.max(16, data.series.length * 9) : 16
  const lying = fields.chartType === 'bar' && crowded && textual && labels.length * perRow <= look.height - top - 24
  const slanted = crowded && !lying && textual && longest > 4 && look.height > 180

  const years = data.axis === 'value' && isYears(fields.x, data)
  const xName = data.axis === 'time' || lying || !fields.x || !named ? '' : fields.x
  const pieces = Math.max(3, Math.min(10, Math.floor(room / 90)))
  const range = xRange(fields, data, pieces)
  const xAxis = {
    type: data.axis,
    ...(data.axis === 'category' ? { data: labels } : range.axis),
    ...(years ? { minInterval: 1 } : {}),
    name: xName,
    nameLocation: 'middle',
    nameGap: slanted ? 12 : 28,
    nameMoveOverlap: true,
    boundaryGap: data.axis === 'category' ? fields.chartType === 'bar' || fields.chartType === 'scatter' : ['0%', '0%'],
    splitNumber: pieces,
    axisTick: { show: false },
    splitLine: { show: fields.chartType === 'scatter' && data.axis === 'value' },
    axisLabel: {
      hideOverlap: true,
      ...range.label,
      ...(lying ? { interval: 0, width: Math.min(LABEL_MAX, look.width * 0.34), overflow: 'truncate' } : {}),
      ...(slanted ? { rotate: 35, width: 90, overflow: 'truncate' } : {}),
      ...(data.axis === 'value' ? { formatter: (value: number) => (years ? String(value) : formatTick(value)) } : {}),
    },
    ...(lying ? { inverse: true } : {}),
  }
  const yAxis = {
    type: 'value',
    name: low || (lying && !named) ? '' : data.measure,
    nameLocation: 'end',
    nameGap: 8,
    scale: fields.chartType === 'line' || fields.chartType === 'scatter',
    splitNumber: lying
      ? Math.max(2, Math.min(6, Math.floor(room / 110)))
      : Math.max(2, Math.min(6, Math.floor((look.height - top) / 45))),
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { formatter: (value: number) => formatTick(value), hideOverlap: true },
    ...(fields.aggregation === 'count' || !fields.y ? { minInterval: 1 } : {}),
    nameTextStyle: lying ? {} : { align: 'left', padding: [0, 0, 0, -4] },
    ...(lying ? { nameLocation: 'middle', nameGap: 26 } : {}),
  }

  const pointy = data.axis !== 'category' || fields.chartType === 'scatter'
  const stackedPoints = stack && data.axis !== 'category' ? aligned(data.series) : null
  const series = data.series.map((one, index) => {
    const values = pointy ? (stackedPoints?.[index] ?? one.points) : one.values
    const common = { name: one.name, data: values, ...(stack ? { stack } : {}) }
    if (fields.chartType === 'bar') {
      const below = one.values.some((value) => value !== null && value < 0)
      const radius = stack ? 0 : below ? 2 : lying ? [0, 3, 3, 0] : [3, 3, 0, 0]
      return {
        ...common,
        type: 'bar',
        barMaxWidth: 56,
        barCategoryGap: labels.length > 40 ? '12%' : '28%',
        itemStyle: { borderRadius: radius },
        emphasis: { focus: many ? 'series' : 'none' },
      }
    }
    if (fields.chartType === 'scatter') {
      return {
        ...common,
        type: 'scatter',
        symbolSize: count > 2000 ? 4 : count > 300 ? 6 : 9,
        large: count > 5000,
        itemStyle: { opacity: count > 300 ? 0.55 : 0.75 },
        emphasis: { focus: many ? 'series' : 'none' },
      }
    }
    return {
      ...common,
      type: 'line',
      showSymbol: values.length <= 40,
      symbol: 'circle',
      symbolSize: 6,
      sampling: values.length > 1500 ? 'lttb' : undefined,
      lineStyle: { width: stack ? 1 : 2 },
      ...(fields.chartType === 'area' ? { areaStyle: { opacity: stack ? 0.65 : 0.18 } } : {}),
      emphasis: { focus: many ? 'series' : 'none' },
    }
  })

  const scatterTip = (point: { seriesName?: string; data?: unknown }): HTMLElement => {
    const [x, y] = Array.isArray(point.data) ? (point.data as [number, number]) : [0, 0]
    const xText =
      data.axis === 'time'
        ? formatDate(x)
        : data.axis === 'category'
          ? (labels[x] ?? '')
          : years
            ? String(x)
            : formatNumber(x)
    return tip(many ? (point.seriesName ?? '') : '', [
      [fields.x, xText],
      [data.measure, formatNumber(y)],
    ])
  }

  return {
    grid: {
      left: 8,
      right: 18,
      top,
      bottom: 6,
      outerBoundsMode: 'same',
      outerBoundsContain: 'all',
    },
    legend: many
      ? {
          type: 'scroll',
          top: 0,
          left: 4,
          right: 8,
          icon: 'roundRect',
          itemStyle: { opacity: 1 },
          itemWidth: 12,
          itemHeight: 8,
          itemGap: 14,
        }
      : { show: false },
    tooltip:
      fields.chartType === 'scatter'
        ? { trigger: 'item', confine: true, formatter: scatterTip }
        : {
            trigger: 'axis',
            confine: true,
            axisPointer: {
              type: fields.chartType === 'bar' ? 'shadow' : 'line',
              ...(years ? { label: { show: false } } : {}),
            },
            valueFormatter: (value: unknown) => (typeof value === 'number' ? formatNumber(value) : '–'),
            ...(many ? { order: 'valueDesc' } : {}),
          },
    xAxis: lying ? yAxis : xAxis,
    yAxis: lying ? xAxis : yAxis,
    series,
  }
}

/** Built from text nodes: names and values of a dataset are not to be trusted as HTML. */
function tip(title: string, lines: [string, string][]): HTMLElement {
  const box = document.createElement('div')
  if (title) {
    const head = document.createElement('strong')
    head.textContent = title
    box.append(head)
  }
  for (const [name, value] of lines) {
    const line = document.createElement('div')
    line.textContent = `${name}: ${value}`
    box.append(line)
  }
  return box
}

const KIND: Record<ChartFields['chartType'], string> = {
  bar: 'Bar chart',
  line: 'Line chart',
  area: 'Area chart',
  scatter: 'Scatter chart',
  pie: 'Pie chart',
}

/** One or two sentences: what it is, of what, and where it is highest and lowest. */
export function describe(fields: ChartFields, data: Aggregated, title: string): string {
  const parts = [`${KIND[fields.chartType]}${title ? `, ${title}` : ''}: ${data.measure}`]
  if (fields.x) parts[0] += fields.chartType === 'scatter' ? ` against ${fields.x}` : ` by ${fields.x}`
  if (data.series.length > 1) parts[0] += `, ${data.series.length} series`
  let high: { label: string; value: number } | null = null
  let low: { label: string; value: number } | null = null
  let marks = 0
  for (const series of data.series) {
    const see = (label: () => string, value: number | null) => {
      if (value === null) return
      marks++
      if (!high || value > high.value) high = { label: label(), value }
      if (!low || value < low.value) low = { label: label(), value }
    }
    const suffix = data.series.length > 1 ? `, ${series.name}` : ''
    series.values.forEach((value, index) => {
      see(() => labelOf(data.categories[index] ?? null, data.xType, fields.x) + suffix, value)
    })
    for (const [x, y] of series.points) see(() => pointLabel(x, data, fields) + suffix, y)
  }
  const top = high as { label: string; value: number } | null
  const bottom = low as { label: string; value: number } | null
  if (top && bottom && marks > 1) {
    parts.push(
      `${formatNumber(marks)} values; highest ${formatNumber(top.value)} at ${top.label}, lowest ${formatNumber(bottom.value)} at ${bottom.label}`,
    )
  }
  return `${parts.join('. ')}.`
}

export function pointLabel(x: number, data: Aggregated, fields: ChartFields): string {
  if (data.axis === 'time') return formatDate(x)
  if (data.axis === 'category') return labelOf(data.categories[x] ?? null, data.xType, fields.x)
  return isYears(fields.x, data) ? String(x) : formatNumber(x)
}

/** The chart as rows, for the table view and for tests: one line per x, one column per series. */
export function asTable(
  fields: ChartFields,
  data: Aggregated,
  limit: number,
): { head: string[]; rows: string[][]; more: number } {
  const head = [fields.x || 'all rows', ...data.series.map((series) => series.name)]
  const text = (value: number | null | undefined) => (value === null || value === undefined ? '–' : formatNumber(value))
  if (data.axis === 'category' && fields.chartType !== 'scatter') {
    const rows = data.categories
      .slice(0, limit)
      .map((cell, index) => [
        labelOf(cell, data.xType, fields.x),
        ...data.series.map((series) => text(series.values[index])),
      ])
    return { head, rows, more: data.categories.length - rows.length }
  }
  if (fields.chartType === 'scatter' || fields.aggregation === 'none') {
    const rows: string[][] = []
    let total = 0
    data.series.forEach((series, at) => {
      total += series.points.length
      for (const [x, y] of series.points) {
        if (rows.length >= limit) break
        rows.push([pointLabel(x, data, fields), ...data.series.map((_, index) => (index === at ? text(y) : ''))])
      }
    })
    return { head, rows, more: total - rows.length }
  }
  const xs = [...new Set(data.series.flatMap((series) => series.points.map(([x]) => x)))].sort((a, b) => a - b)
  const at = data.series.map((series) => new Map(series.points))
  const rows = xs.slice(0, limit).map((x) => [pointLabel(x, data, fields), ...at.map((points) => text(points.get(x)))])
  return { head, rows, more: xs.length - rows.length }
}

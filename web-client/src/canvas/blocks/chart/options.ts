/**
 * From what is plotted to an ECharts option. Owns every visual choice of a chart except colours, which are the theme's
 * (theme.ts), and its legend (Legend.tsx). Pure: the size of the picture comes in as numbers, text is formatted in
 * blocks/format, and no HTML is ever built here from a dataset's values (tip.ts builds nodes).
 */
import type { EChartsCoreOption } from 'echarts/core'
import { formatMeasure, formatMeasureTick, formatTick, type Measure } from '../format'
import type { Aggregated } from './aggregate'
import type { ChartContent } from './fields'
import { dashOf, decalOf, shapeOf } from './marks'
import { colorOf, type Plotted, type PlottedSeries } from './plot'
import { tipOf } from './tip'
import { isYears, labelOf, measureTitle, shareText } from './words'

export interface ChartLook {
  width: number
  height: number
  palette: readonly string[]
  /** For what stands for the rest. */
  neutral: string
  /** What patterns are drawn with over a colour: the ground the chart stands on. */
  surface: string
  animate: boolean
  decals: boolean
}

const CHAR = 6.4
const LABEL_MAX = 150

export function chartOption(
  content: ChartContent,
  data: Aggregated,
  plotted: Plotted,
  look: ChartLook,
): EChartsCoreOption {
  const count = plotted.series.reduce((sum, one) => sum + one.xs.length, 0)
  const base = {
    animation: look.animate && count <= 2000,
    animationDuration: 350,
    animationDurationUpdate: 250,
    useUTC: true,
  }
  return content.chartType === 'pie'
    ? { ...base, ...pie(content, data, plotted, look) }
    : { ...base, ...cartesian(content, data, plotted, look, count) }
}

/** A round step that cuts `span` into about `count` pieces. */
export function niceStep(span: number, count: number): number {
  if (!(span > 0)) return 1
  const rough = span / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) ?? 10
  return step * power
}

function extent(series: readonly PlottedSeries[], of: 'xs' | 'drawn'): [number, number] {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const one of series) {
    for (const value of one[of]) {
      if (value === null) continue
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  return [min, max]
}

/** Lines begin and end at the edges of the plot, with labels on round steps only; points need room around them. */
function xRange(content: ChartContent, data: Aggregated, plotted: Plotted, pieces: number) {
  if (content.chartType === 'scatter') return { axis: { scale: true }, label: {} }
  const edges = { min: 'dataMin', max: 'dataMax' }
  if (data.axis !== 'value') return { axis: edges, label: {} }
  const [min, max] = extent(plotted.series, 'xs')
  if (!(max > min)) return { axis: { scale: true }, label: {} }
  const step = niceStep(max - min, pieces)
  const ticks: number[] = []
  for (let at = Math.ceil(min / step); at * step <= max; at++) ticks.push(Number((at * step).toPrecision(12)))
  return { axis: edges, label: { customValues: ticks } }
}

/** A larger ring says no more, it only shouts. */
const MAX_RADIUS = 150

/** Shares around the ring, where there is room for them beside it. */
export const pieLabels = (content: ChartContent, size: { width: number; height: number }): boolean =>
  content.labels && size.width >= 260 && size.height >= 190

/** The radii of a pie in a picture of this size; its legend stands outside. */
export function ring(width: number, height: number, labels: boolean): { inner: number; outer: number } {
  const margin = labels ? 30 : 10
  const side = labels ? 70 : 10
  const outer = Math.max(18, Math.min(MAX_RADIUS, height / 2 - margin, width / 2 - side))
  return { inner: outer * 0.6, outer }
}

function pie(content: ChartContent, data: Aggregated, plotted: Plotted, look: ChartLook) {
  const shown = plotted.series[0]
  const raw = shown?.raw ?? []
  const whole = raw.reduce<number>((sum, value) => sum + (value ?? 0), 0)
  const labels = pieLabels(content, look)
  const { inner, outer } = ring(look.width, look.height, labels)
  const slices = (shown?.xs ?? []).map((index, at) => {
    const other = data.foldedCategories > 0 && index === data.categories.length - 1
    const color = colorOf(content.colors, look.palette, look.neutral, { index, other })
    return {
      name: labelOf(data.categories[index] ?? null, data.xType, content.x, data.unit),
      value: raw[at] ?? 0,
      itemStyle: { color, ...(look.decals ? { decal: decalOf(index, look.surface) } : {}) },
    }
  })
  return {
    tooltip: { trigger: 'item', confine: true, formatter: tipOf(content, data, plotted, look) },
    series: [
      {
        type: 'pie',
        id: '0',
        name: data.measure,
        radius: [inner, outer],
        center: ['50%', '50%'],
        minAngle: 1,
        itemStyle: { borderWidth: slices.length > 1 ? 2 : 0, borderRadius: 3 },
        label: labels
          ? {
              show: true,
              formatter: ({ value }: { value: number }) => shareText(whole > 0 ? value / whole : 0),
              fontWeight: 600,
              minMargin: 4,
            }
          : { show: false },
        labelLine: { show: labels, length: 6, length2: 6 },
        ...(labels ? { labelLayout: { hideOverlap: true } } : {}),
        emphasis: { scaleSize: 4 },
        data: slices,
      },
    ],
  }
}

function cartesian(content: ChartContent, data: Aggregated, plotted: Plotted, look: ChartLook, count: number) {
  const { chartType, measure } = content
  const many = plotted.series.length > 1
  const { stacked, percent } = plotted
  const labels = data.categories.map((cell) => labelOf(cell, data.xType, content.x, data.unit))
  // A low block keeps its room for the marks: the title says what they are.
  const low = look.height < 130
  const named = look.height >= 200

  // Names that do not fit side by side read best beside lying bars; failing that, slanted.
  const room = Math.max(80, look.width - 70)
  const longest = labels.reduce((max, label) => Math.max(max, label.length), 0)
  const crowded = data.axis === 'category' && labels.length * (Math.min(longest * CHAR, LABEL_MAX) + 10) > room
  const textual = data.xType === 'string' || data.xType === 'boolean'
  const perRow = many && !stacked ? Math.max(18, plotted.series.length * 9) : 18
  const fits = labels.length * perRow <= look.height - 44
  const lying =
    chartType === 'bar' &&
    content.orientation !== 'vertical' &&
    (content.orientation === 'horizontal' || (crowded && textual && fits))
  const slanted = crowded && !lying && textual && longest > 4 && look.height > 180 && labels.length * 16 < room * 1.5

  const years = data.axis === 'value' && isYears(content.x, data)
  const xShown = content.xTitle || (data.axis === 'time' || lying || data.unit !== '' ? '' : content.x)
  const xName = named ? xShown : ''
  const yTitle = measureTitle(content, data)
  const yName = low || (lying && !named) ? '' : percent ? `Share of ${content.yTitle || data.measure}` : yTitle
  const pieces = Math.max(2, Math.min(10, Math.floor(room / 90)))
  const range = xRange(content, data, plotted, pieces)
  // A name above the axis makes its own room; without one, half a label needs it.
  const top = yName !== '' && !lying ? 2 : 8
  /** Pixels between two lying names. */
  const pitch = (look.height - (named ? 48 : 34)) / Math.max(1, labels.length)
  const edged = chartType === 'line' || chartType === 'area'

  const xAxis = {
    type: data.axis,
    ...(data.axis === 'category' ? { data: labels } : range.axis),
    ...(years ? { minInterval: 1 } : {}),
    name: xName,
    nameLocation: 'middle',
    nameGap: slanted ? 14 : lying ? 12 : 28,
    nameMoveOverlap: true,
    nameTruncate: { maxWidth: Math.max(60, (lying ? look.height : look.width) - 60) },
    boundaryGap: data.axis === 'category' ? chartType === 'bar' || chartType === 'scatter' : ['0%', '0%'],
    splitNumber: data.axis === 'time' ? Math.max(2, Math.min(8, Math.floor(room / 90))) : pieces,
    axisTick: { show: false },
    splitLine: { show: chartType === 'scatter' && data.axis === 'value' },
    axisLabel: {
      hideOverlap: true,
      margin: 9,
      // Labels at the ends of a line turn inwards instead of out of the picture.
      ...(edged ? { alignMinLabel: 'left', alignMaxLabel: 'right' } : {}),
      ...(data.axis === 'time' ? { formatter: TIME_LABELS } : {}),
      ...range.label,
      ...(data.axis === 'category' && !lying && !slanted
        ? {
            width: Math.max(40, Math.min(LABEL_MAX, room / Math.max(1, Math.min(labels.length, pieces)))),
            overflow: 'truncate',
          }
        : {}),
      ...(lying
        ? {
            width: Math.min(LABEL_MAX, Math.max(44, look.width * 0.34)),
            overflow: 'truncate',
            ...(pitch < 13 ? { fontSize: 10 } : {}),
            interval: Math.max(0, Math.ceil(9.5 / pitch) - 1),
          }
        : {}),
      ...(slanted ? { rotate: 35, width: Math.min(92, look.height * 0.28), overflow: 'truncate', interval: 0 } : {}),
      ...(data.axis === 'value' ? { formatter: (value: number) => (years ? String(value) : formatTick(value)) } : {}),
    },
    ...(lying ? { inverse: true } : {}),
  }

  const [lowest, highest] = extent(plotted.series, 'drawn')
  const whole = content.y === '' || content.aggregation === 'count' || content.aggregation === 'distinct'
  const tick: Measure = percent ? { ...measure, format: 'percent' } : measure
  const logarithmic = plotted.log && Number.isFinite(lowest)
  const logMin = logarithmic ? 10 ** Math.floor(Math.log10(lowest * (chartType === 'bar' ? 0.999 : 1))) : null
  const limits = bounds(content, plotted, lowest, highest)
  const ticks = lying
    ? Math.max(2, Math.min(6, Math.floor(room / 110)))
    : Math.max(2, Math.min(6, Math.floor((look.height - 46) / 42)))
  const yAxis = {
    type: logarithmic ? 'log' : 'value',
    name: yName,
    nameGap: lying ? 26 : 10,
    nameLocation: lying ? 'middle' : 'end',
    nameTruncate: { maxWidth: Math.max(60, look.width - 40) },
    nameTextStyle: lying ? {} : { align: 'left', padding: [0, 0, 0, -4] },
    scale: chartType === 'line' || chartType === 'scatter',
    splitNumber: ticks,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { formatter: (value: number) => formatMeasureTick(value, tick), hideOverlap: true },
    ...(whole && !percent && !plotted.log ? { minInterval: 1 } : {}),
    ...(percent ? { max: 100, min: lowest < 0 ? -100 : 0 } : {}),
    ...(logMin !== null ? { min: logMin } : {}),
    ...limits,
    // Room for the labels that stand beyond the marks.
    ...(content.labels && !stacked && limits.max === undefined && !plotted.log ? { boundaryGap: [0, '8%'] } : {}),
  }

  const labelled = content.labels && count <= 400
  // A label inside a piece of a pile must fit into it.
  const length = lying ? room - 60 : look.height - 60
  const pile = percent ? 100 : Math.max(highest, ...pileHeights(plotted))
  const fitsInside = (value: number, text: string) =>
    (Math.abs(value) / Math.max(pile, 1e-12)) * length >= (lying ? text.length * CHAR + 6 : 15)
  const tip = tipOf(content, data, plotted, look)
  const pointed = data.axis !== 'category' || chartType === 'scatter'
  const topmost = plotted.series.at(-1)
  /** The place of what stands for the rest. */
  const rest = data.foldedCategories > 0 ? labels.length - 1 : -1
  const series = plotted.series.map((one) => {
    const color = colorOf(content.colors, look.palette, look.neutral, one)
    const values = pointed ? one.xs.map((x, at) => [x, one.drawn[at] ?? null]) : one.drawn
    const inside = chartType === 'bar' && stacked
    const label = labelled
      ? {
          label: {
            show: true,
            fontSize: lying && pitch < 13 ? 9.5 : 11,
            position: inside ? 'inside' : lying ? 'right' : 'top',
            ...(inside ? { color: inkOn(color) } : {}),
            distance: 4,
            formatter: (at: { dataIndex: number }) => {
              const drawn = one.drawn[at.dataIndex]
              const value = one.raw[at.dataIndex]
              if (drawn === null || drawn === undefined || value === null || value === undefined) return ''
              const text = percent ? shareText(Math.abs(drawn) / 100) : formatMeasure(value, measure)
              return inside && !fitsInside(drawn, text) ? '' : text
            },
          },
          labelLayout: { hideOverlap: true },
        }
      : {}
    const common = {
      id: String(one.index),
      name: one.name,
      data: values,
      ...(stacked ? { stack: 'all' } : {}),
      ...label,
      emphasis: { focus: many ? 'series' : 'none' },
      blur: { itemStyle: { opacity: 0.25 }, lineStyle: { opacity: 0.25 }, areaStyle: { opacity: 0.12 } },
    }
    if (chartType === 'bar') {
      const below = one.drawn.some((value) => value !== null && value < 0)
      const round = lying ? [0, 3, 3, 0] : [3, 3, 0, 0]
      return {
        ...common,
        ...(rest >= 0 && !many
          ? {
              data: one.drawn.map((value, at) => (at === rest ? { value, itemStyle: { color: look.neutral } } : value)),
            }
          : {}),
        type: 'bar',
        barMaxWidth: lying ? 34 : 64,
        barCategoryGap: labels.length > 40 ? '14%' : many && !stacked ? '24%' : '30%',
        barGap: '8%',
        itemStyle: {
          color,
          borderRadius: below ? 2 : stacked ? (one === topmost ? round : 0) : round,
          ...(stacked ? { borderColor: look.surface, borderWidth: labels.length > 60 ? 0 : 0.75 } : {}),
          ...(look.decals ? { decal: decalOf(one.index, look.surface) } : {}),
        },
      }
    }
    if (chartType === 'scatter') {
      return {
        ...common,
        type: 'scatter',
        symbol: look.decals ? shapeOf(one.index) : 'circle',
        symbolSize: count > 2000 ? 4 : count > 300 ? 6 : 9,
        large: count > 5000,
        itemStyle: { color, opacity: count > 300 ? 0.55 : 0.75 },
      }
    }
    return {
      ...common,
      type: 'line',
      color,
      showSymbol: values.length <= 40 && !stacked,
      symbol: look.decals ? shapeOf(one.index) : 'circle',
      symbolSize: look.decals ? 7 : 5,
      // 50,000 points are 20 for each pixel; this keeps the peaks.
      sampling: values.length > 1500 ? 'lttb' : undefined,
      itemStyle: { color, ...(look.decals && chartType === 'area' ? { decal: decalOf(one.index, look.surface) } : {}) },
      lineStyle: {
        color,
        width: stacked ? 1 : many ? 2 : 2.25,
        cap: 'round',
        join: 'round',
        ...(look.decals && !stacked ? { type: dashOf(one.index) } : {}),
      },
      ...(content.smooth ? { smooth: 0.35, smoothMonotone: 'x' } : {}),
      ...(chartType === 'area'
        ? {
            areaStyle: {
              color,
              opacity: stacked ? 0.8 : many ? 0.12 : 0.18,
            },
          }
        : {}),
    }
  })

  return {
    grid: {
      left: 6,
      // Along a line of names the last label reaches half its width beyond its place.
      right: data.axis !== 'category' || lying ? 16 : edged ? Math.min(46, (longest * CHAR) / 2 + 4) : 8,
      top,
      bottom: 4,
      outerBoundsMode: 'same',
      outerBoundsContain: 'all',
    },
    tooltip:
      chartType === 'scatter'
        ? { trigger: 'item', confine: true, formatter: tip }
        : {
            trigger: 'axis',
            confine: true,
            axisPointer: { type: chartType === 'bar' ? 'shadow' : 'line', label: { show: false } },
            formatter: tip,
          },
    xAxis: lying ? yAxis : xAxis,
    yAxis: lying ? xAxis : yAxis,
    series,
  }
}

/** How high each pile is above zero. */
function pileHeights(plotted: Plotted): number[] {
  if (!plotted.stacked) return []
  const piles = new Map<number, number>()
  for (const one of plotted.series) {
    one.xs.forEach((x, at) => {
      piles.set(x, (piles.get(x) ?? 0) + Math.max(0, one.drawn[at] ?? 0))
    })
  }
  let highest = 0
  for (const height of piles.values()) if (height > highest) highest = height
  return [highest]
}

/** Dark or white, whichever reads better on this colour. */
export function inkOn(color: string): string {
  const hex = /^#([0-9a-f]{6})$/i.exec(color)?.[1] ?? (/^#([0-9a-f]{3})$/i.exec(color)?.[1] ?? '').replace(/./g, '$&$&')
  if (hex === '') return '#ffffff'
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 ? '#15181e' : '#ffffff'
}

/** As short as they stay clear: a year where it begins, then months, then days. */
const TIME_LABELS = {
  year: '{yyyy}',
  month: '{MMM}',
  day: '{d} {MMM}',
  hour: '{HH}:{mm}',
  minute: '{HH}:{mm}',
  second: '{HH}:{mm}:{ss}',
}

/** The limits somebody set, where they leave something to see. */
function bounds(
  content: ChartContent,
  plotted: Plotted,
  lowest: number,
  highest: number,
): { min?: number; max?: number } {
  if (plotted.percent) return {}
  const { yMin, yMax } = content
  const min = yMin !== null && !(plotted.log && yMin <= 0) ? yMin : null
  const max = yMax !== null && !(plotted.log && yMax <= 0) ? yMax : null
  if (min !== null && max !== null && min >= max) return {}
  // A bound beyond all data alone would turn the axis upside down.
  const useMin = min !== null && (max !== null || !Number.isFinite(highest) || min < highest)
  const useMax = max !== null && (min !== null || !Number.isFinite(lowest) || max > Math.min(lowest, 0))
  return { ...(useMin ? { min } : {}), ...(useMax ? { max } : {}) }
}

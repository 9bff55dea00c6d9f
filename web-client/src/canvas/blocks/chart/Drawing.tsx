/**
 * The picture of a chart. Owns the ECharts instance (made once, resized with the block, recoloured with the theme, light
 * on paper, disposed with it), its legend, and the way through its points by keyboard.
 */
import { BarChart, LineChart, PieChart, ScatterChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { LabelLayout } from 'echarts/features'
import { CanvasRenderer } from 'echarts/renderers'
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { flushSync } from 'react-dom'
import { formatMeasure } from '../format'
import { type Aggregated, addsUp } from './aggregate'
import type { ChartContent } from './fields'
import { Legend } from './Legend'
import { chartOption, pieLabels, ring } from './options'
import { type Key, keysOf, type Plotted } from './plot'
import { chartTheme, lightColors, onThemeChange, readColors, type ThemeColors } from './theme'
import { describe, pointLabel, shareText } from './words'

use([BarChart, LineChart, PieChart, ScatterChart, GridComponent, TooltipComponent, LabelLayout, CanvasRenderer])

interface DrawingProps {
  content: ChartContent
  data: Aggregated
  plotted: Plotted
  hidden: ReadonlySet<string>
  onHidden: (names: string[]) => void
  /** Where the picture tells its size, for a file of the same shape. */
  sizeRef: { current: Size | null }
}

export interface Size {
  width: number
  height: number
}

const contrast = (): MediaQueryList => window.matchMedia('(prefers-contrast: more), (forced-colors: active)')

/** Patterns, where the chart says so or the person's system asks for more contrast. */
export function useDecals(content: ChartContent): boolean {
  const asked = useSyncExternalStore(
    (notify) => {
      const query = contrast()
      query.addEventListener('change', notify)
      return () => query.removeEventListener('change', notify)
    },
    () => contrast().matches,
  )
  return asked || content.decals
}

/** Where the legend stands. A pie carries its shares there, and stands beside it while there is room. */
export function legendSide(content: ChartContent, count: number, size: Size | null): 'top' | 'right' | 'bottom' | null {
  if (content.legend === 'hidden' || count === 0) return null
  const pie = content.chartType === 'pie'
  if (!pie && count < 2) return null
  if (!size) return pie ? 'right' : 'top'
  const wide = size.width >= 260 && size.width >= size.height * 1.05
  if (content.legend === 'right') return size.width >= 240 ? 'right' : 'bottom'
  if (content.legend === 'top') return 'top'
  if (pie) return wide ? 'right' : 'bottom'
  return size.height < 96 ? null : 'top'
}

export function Drawing({ content, data, plotted, hidden, onHidden, sizeRef }: DrawingProps) {
  const figure = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType | null>(null)
  const [outer, setOuter] = useState<Size | null>(null)
  const [size, setSize] = useState<Size | null>(null)
  const [colors, setColors] = useState<ThemeColors | null>(null)
  const decals = useDecals(content)
  const keys = useMemo(() => keysOf(content, data, hidden), [content, data, hidden])
  const label = useMemo(() => describe(content, plotted, data), [content, plotted, data])
  const side = legendSide(content, keys.length, outer)

  useEffect(() => {
    const element = box.current
    const frame = figure.current
    if (!element || !frame) return
    const first = readColors(element)
    setColors(first)
    const made = init(element, chartTheme(first), { renderer: 'canvas' })
    chart.current = made
    let request = 0
    const observer = new ResizeObserver(() => {
      // One resize per frame: a drag of the corner reports many.
      cancelAnimationFrame(request)
      request = requestAnimationFrame(() => {
        const of = ({ clientWidth: width, clientHeight: height }: Element): Size => ({ width, height })
        const keep = (next: Size) => (old: Size | null) =>
          old && old.width === next.width && old.height === next.height ? old : next
        setOuter(keep(of(frame)))
        const own = of(element)
        if (own.width === 0 || own.height === 0) return
        made.resize()
        setSize(keep(own))
      })
    })
    observer.observe(element)
    observer.observe(frame)
    const stop = onThemeChange(() => setColors(readColors(element)))
    // Paper is light. The picture must be ready when this returns.
    const onPrint = () => {
      flushSync(() => setColors(lightColors(element)))
      made.getZr().flush()
    }
    const onPrinted = () => setColors(readColors(element))
    window.addEventListener('beforeprint', onPrint)
    window.addEventListener('afterprint', onPrinted)
    return () => {
      cancelAnimationFrame(request)
      observer.disconnect()
      stop()
      window.removeEventListener('beforeprint', onPrint)
      window.removeEventListener('afterprint', onPrinted)
      made.dispose()
      chart.current = null
    }
  }, [])

  sizeRef.current = size
  const drawn = useRef<{ plotted: Plotted; colors: ThemeColors } | null>(null)
  useEffect(() => {
    const made = chart.current
    if (!made || !size || !colors) return
    const before = drawn.current
    if (before && before.colors !== colors) made.setTheme(chartTheme(colors), { silent: true })
    // Bars grow when their numbers change, not when the block is made larger.
    const animate = before?.plotted !== plotted && !window.matchMedia('(prefers-reduced-motion: reduce)').matches
    const look = {
      ...size,
      palette: colors.palette,
      neutral: colors.faint,
      surface: colors.surface,
      animate,
      decals,
    }
    made.setOption(chartOption(content, data, plotted, look), { notMerge: true })
    drawn.current = { plotted, colors }
  }, [content, data, plotted, size, colors, decals])

  const point = (key: Key | null) => {
    const made = chart.current
    if (!made) return
    made.dispatchAction({ type: 'downplay' })
    if (!key) return
    if (content.chartType === 'pie') {
      made.dispatchAction({ type: 'highlight', seriesIndex: 0, dataIndex: plotted.series[0]?.xs.indexOf(key.index) })
    } else made.dispatchAction({ type: 'highlight', seriesId: String(key.index) })
  }

  const keyboard = usePoints({ content, data, plotted, chart })
  const legend = side !== null && colors !== null && (
    <Legend
      content={content}
      keys={keys}
      hidden={hidden}
      colors={colors}
      decals={decals}
      side={side}
      onHidden={onHidden}
      onPoint={point}
    />
  )
  return (
    <div ref={figure} className="chart-figure" data-type={content.chartType} data-legend={side ?? undefined}>
      {side !== 'bottom' && side !== 'right' && legend}
      <div
        className="chart-plot"
        role="application"
        aria-roledescription="chart"
        aria-label={`${content.title || 'Chart'}: points`}
        aria-describedby={keyboard.hintId}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk through the points of the chart
        tabIndex={0}
        data-testid="chart-plot"
        onKeyDown={keyboard.onKeyDown}
        onBlur={keyboard.leave}
      >
        <div ref={box} className="chart-canvas" role="img" aria-label={label} data-testid="chart-canvas" />
        {content.chartType === 'pie' && size && <Middle content={content} plotted={plotted} size={size} />}
        <span id={keyboard.hintId} className="visually-hidden">
          Arrow keys move through the points.
        </span>
        <span className="visually-hidden" aria-live="polite" data-testid="chart-point">
          {keyboard.said}
        </span>
      </div>
      {(side === 'bottom' || side === 'right') && legend}
    </div>
  )
}

/** In the ring of a pie whose slices add up: what they add up to. */
function Middle({ content, plotted, size }: { content: ChartContent; plotted: Plotted; size: Size }) {
  const { inner } = ring(size.width, size.height, pieLabels(content, size))
  if (!addsUp(content.aggregation) && content.y !== '') return null
  if (inner < 34) return null
  const total = (plotted.series[0]?.raw ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0)
  const text = formatMeasure(
    total,
    Math.abs(total) >= 1e6
      ? { ...content.measure, format: content.measure.format === 'auto' ? 'compact' : content.measure.format }
      : content.measure,
  )
  const fits = (inner * 1.7) / Math.max(1, text.length * 0.58)
  return (
    <div className="chart-middle" style={{ maxWidth: inner * 1.8 }} aria-hidden="true">
      <b style={{ fontSize: Math.max(11, Math.min(22, fits)) }}>{text}</b>
    </div>
  )
}

interface Place {
  series: number
  index: number
}

/** Walking through the points: along the axis with left and right, from series to series with up and down. */
function usePoints({
  content,
  data,
  plotted,
  chart,
}: {
  content: ChartContent
  data: Aggregated
  plotted: Plotted
  chart: { current: EChartsType | null }
}) {
  const hintId = useId()
  const place = useRef<Place | null>(null)
  const [said, setSaid] = useState('')

  // What was pointed at may be gone.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when other points are drawn
  useEffect(() => {
    place.current = null
    setSaid('')
  }, [plotted])

  const show = (next: Place | null) => {
    const made = chart.current
    place.current = next
    made?.dispatchAction({ type: 'downplay' })
    if (!next) {
      made?.dispatchAction({ type: 'hideTip' })
      setSaid('')
      return
    }
    const at = { seriesIndex: next.series, dataIndex: next.index }
    made?.dispatchAction({ type: 'highlight', ...at })
    made?.dispatchAction({ type: 'showTip', ...at })
    setSaid(sayPoint(content, data, plotted, next))
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== event.currentTarget) return
    const here = place.current
    if (event.key === 'Escape' && here) {
      event.preventDefault()
      event.stopPropagation()
      show(null)
      return
    }
    const next = stepPoint(plotted, here, event.key)
    if (!next) return
    event.preventDefault()
    event.stopPropagation()
    show(next)
  }
  return { hintId, said, onKeyDown, leave: () => place.current && show(null) }
}

/** Where a key leads from a point; null for a key that leads nowhere. Places without a value are passed over. */
export function stepPoint(plotted: Plotted, from: Place | null, key: string): Place | null {
  const along = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: 0, End: 0 }[key]
  const across = { ArrowDown: 1, ArrowUp: -1 }[key]
  if (along === undefined && across === undefined) return null
  const { series } = plotted
  const filled = (at: number, index: number) => {
    const value = series[at]?.drawn[index]
    return value !== null && value !== undefined
  }
  /** The nearest value from `index` on, in this direction, else the other way. */
  const seek = (at: number, index: number, direction: number): Place | null => {
    const length = series[at]?.xs.length ?? 0
    for (const way of [direction, -direction]) {
      for (let one = index; one >= 0 && one < length; one += way) if (filled(at, one)) return { series: at, index: one }
    }
    return null
  }
  if (!from) return seek(0, key === 'End' ? (series[0]?.xs.length ?? 1) - 1 : 0, key === 'End' ? -1 : 1)
  if (across !== undefined) {
    if (series.length < 2) return stepPoint(plotted, from, across > 0 ? 'ArrowRight' : 'ArrowLeft')
    const at = (from.series + across + series.length) % series.length
    const x = series[from.series]?.xs[from.index] ?? 0
    const xs = series[at]?.xs ?? []
    let nearest = 0
    for (let index = 0; index < xs.length; index++) {
      if (Math.abs((xs[index] ?? 0) - x) < Math.abs((xs[nearest] ?? 0) - x)) nearest = index
    }
    return seek(at, nearest, 1)
  }
  const length = series[from.series]?.xs.length ?? 0
  if (key === 'Home') return seek(from.series, 0, 1)
  if (key === 'End') return seek(from.series, length - 1, -1)
  const step = along ?? 0
  const aim = Math.max(0, Math.min(length - 1, from.index + step))
  return seek(from.series, aim, Math.sign(step) || 1)
}

/** One point in words: where, of what, how much. */
export function sayPoint(content: ChartContent, data: Aggregated, plotted: Plotted, at: Place): string {
  const series = plotted.series[at.series]
  const value = series?.raw[at.index]
  if (!series || value === null || value === undefined) return ''
  const where = pointLabel(series.xs[at.index] ?? 0, data, content)
  const name = plotted.series.length > 1 ? `, ${series.name}` : ''
  const drawn = series.drawn[at.index]
  const whole = series.raw.reduce<number>((sum, one) => sum + (one ?? 0), 0)
  const share =
    content.chartType === 'pie' && whole > 0
      ? `, ${shareText(value / whole)}`
      : plotted.percent && drawn !== null && drawn !== undefined
        ? `, ${shareText(Math.abs(drawn) / 100)}`
        : ''
  return `${where}${name}: ${formatMeasure(value, content.measure)}${share}`
}

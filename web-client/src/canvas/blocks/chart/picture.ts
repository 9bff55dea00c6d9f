/**
 * A chart as a PNG: its title, its legend and the drawing on the light theme's ground, at twice the size on screen.
 * Owns the composition; what is drawn is the same option the page shows.
 */
import { init } from 'echarts/core'
import { formatMeasure } from '../format'
import { type Aggregated, addsUp } from './aggregate'
import type { ChartContent } from './fields'
import { chartOption, pieLabels, ring } from './options'
import { colorOf, type Key, type Plotted } from './plot'
import { chartTheme, type ThemeColors } from './theme'
import { shareText } from './words'

export interface PictureOptions {
  content: ChartContent
  data: Aggregated
  plotted: Plotted
  /** Empty where the chart shows no legend. */
  keys: readonly Key[]
  width: number
  height: number
  colors: ThemeColors
  decals: boolean
}

const SCALE = 2
const EDGE = 20
const LINE = 20
const SWATCH = 12
/** A legend longer than this would leave no room for the chart. */
const MAX_LEGEND_LINES = 6

export async function drawPicture(options: PictureOptions): Promise<Blob> {
  const { content, data, plotted, keys, colors, decals } = options
  const width = Math.max(480, Math.round(options.width))
  const canvas = document.createElement('canvas')
  const pen = canvas.getContext('2d')
  if (!pen) throw new Error('This browser cannot draw a picture.')
  const inner = width - 2 * EDGE

  pen.font = `600 17px ${colors.font}`
  const title = wrap(pen, content.title, inner, 3)
  pen.font = `12px ${colors.font}`
  const legend = layoutLegend(pen, keys, inner)
  const head = title.length * 23 + (title.length > 0 ? 8 : 0) + legend.lines * LINE + (legend.lines > 0 ? 8 : 0)
  const chartHeight = Math.max(300, Math.round(options.height))
  const height = EDGE * 2 + head + chartHeight

  canvas.width = width * SCALE
  canvas.height = height * SCALE
  pen.scale(SCALE, SCALE)
  pen.fillStyle = colors.surface
  pen.fillRect(0, 0, width, height)
  pen.textBaseline = 'middle'
  pen.fillStyle = colors.text
  pen.font = `600 17px ${colors.font}`
  for (const [index, line] of title.entries()) pen.fillText(line, EDGE, EDGE + 11 + index * 23)

  const top = EDGE + title.length * 23 + (title.length > 0 ? 8 : 0)
  pen.font = `12px ${colors.font}`
  for (const item of legend.items) {
    const x = EDGE + item.x
    const y = top + item.line * LINE + LINE / 2
    pen.fillStyle = colorOf(content.colors, colors.palette, colors.faint, item.key)
    pen.fillRect(x, y - SWATCH / 2, SWATCH, SWATCH)
    if (decals) pattern(pen, x, y - SWATCH / 2, item.key.index, colors.surface)
    pen.fillStyle = colors.text
    pen.fillText(item.text, x + SWATCH + 6, y)
  }

  const host = document.createElement('div')
  const chart = init(host, chartTheme(colors), {
    renderer: 'canvas',
    width: inner,
    height: chartHeight,
    devicePixelRatio: SCALE,
  })
  try {
    const look = {
      width: inner,
      height: chartHeight,
      palette: colors.palette,
      neutral: colors.faint,
      surface: colors.surface,
      animate: false,
      decals,
    }
    // Large sets are otherwise drawn over several frames, and this picture takes one.
    chart.setOption({ ...chartOption(content, data, plotted, look), progressive: 0, progressiveThreshold: 1e9 })
    const drawn = chart.renderToCanvas({ pixelRatio: SCALE, backgroundColor: colors.surface })
    pen.drawImage(drawn, EDGE, EDGE + head, inner, chartHeight)
  } finally {
    chart.dispose()
  }
  if (content.chartType === 'pie' && addsUp(content.aggregation)) {
    const total = (plotted.series[0]?.raw ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0)
    if (ring(inner, chartHeight, pieLabels(content, { width: inner, height: chartHeight })).inner > 34) {
      pen.textAlign = 'center'
      pen.fillStyle = colors.text
      pen.font = `600 18px ${colors.font}`
      pen.fillText(formatMeasure(total, content.measure), width / 2, EDGE + head + chartHeight / 2)
    }
  }
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))), 'image/png'),
  )
}

/** Words into lines of at most `width`; the last line ends with an ellipsis where the text goes on. */
function wrap(pen: CanvasRenderingContext2D, text: string, width: number, most: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (pen.measureText(longer).width <= width || line === '') line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  if (line !== '') lines.push(line)
  const kept = lines.slice(0, most)
  return kept.map((one, index) => cut(pen, index === most - 1 && lines.length > most ? `${one} …` : one, width))
}

function cut(pen: CanvasRenderingContext2D, text: string, width: number): string {
  let short = text
  while (short.length > 1 && pen.measureText(short).width > width) short = `${short.replace(/…$/, '').slice(0, -1)}…`
  return short
}

function layoutLegend(pen: CanvasRenderingContext2D, keys: readonly Key[], width: number) {
  const items: { key: Key; text: string; x: number; line: number }[] = []
  let x = 0
  let line = 0
  for (const key of keys) {
    const text = cut(pen, key.share === null ? key.name : `${key.name}  ${shareText(key.share)}`, width / 2)
    const needs = SWATCH + 6 + pen.measureText(text).width + 18
    if (x > 0 && x + needs > width) {
      x = 0
      line++
    }
    if (line >= MAX_LEGEND_LINES) break
    items.push({ key, text, x, line })
    x += needs
  }
  return { items, lines: items.length === 0 ? 0 : (items.at(-1)?.line ?? 0) + 1 }
}

/** The pattern of a series on its swatch, near enough to be matched by eye. */
function pattern(pen: CanvasRenderingContext2D, x: number, y: number, index: number, color: string): void {
  const kind = index % 8
  if (kind === 0) return
  pen.save()
  pen.beginPath()
  pen.rect(x, y, SWATCH, SWATCH)
  pen.clip()
  pen.strokeStyle = color
  pen.fillStyle = color
  pen.lineWidth = 1.5
  for (let at = -SWATCH; at <= SWATCH * 2; at += 4) {
    pen.beginPath()
    if (kind === 1) pen.moveTo(x + at, y + SWATCH)
    else if (kind === 3) pen.moveTo(x + at, y)
    else if (kind === 4) pen.moveTo(x, y + at)
    else if (kind === 6) pen.moveTo(x + at, y)
    if (kind === 1) pen.lineTo(x + at + SWATCH, y)
    else if (kind === 3) pen.lineTo(x + at + SWATCH, y + SWATCH)
    else if (kind === 4) pen.lineTo(x + SWATCH, y + at)
    else if (kind === 6) pen.lineTo(x + at, y + SWATCH)
    pen.stroke()
    if (kind === 2 || kind === 5 || kind === 7) {
      for (let down = 2; down < SWATCH; down += 4) {
        pen.beginPath()
        if (kind === 2) pen.arc(x + at + 2, y + down, 1.1, 0, Math.PI * 2)
        else pen.rect(x + at + 1, y + down - 1, 2, 2)
        pen.fill()
      }
    }
  }
  pen.restore()
}

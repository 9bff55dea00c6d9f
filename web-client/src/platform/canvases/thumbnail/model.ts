/**
 * A canvas as a small picture: its blocks where they are, drawn from their real data. Pure: canvas JSON and rows in, a
 * short list of marks out, in units of a picture of 320 by 200. Colours are names, so one picture serves both themes.
 *
 * Charts and metrics go through the readers and the calculations of the blocks themselves, so that the picture cannot say
 * something else than the canvas. Too small to read is drawn as bars of the same length instead of letters.
 */
import * as Y from 'yjs'
import { aggregate } from '../../../canvas/blocks/chart/aggregate'
import { readChart } from '../../../canvas/blocks/chart/fields'
import { colorOf, type Plotted, plot } from '../../../canvas/blocks/chart/plot'
import { applyFilters, readFilters } from '../../../canvas/blocks/filters'
import { formatCell, formatNumber, isNumeric } from '../../../canvas/blocks/format'
import { compute, sparkOf } from '../../../canvas/blocks/metric/compute'
import { readMetric } from '../../../canvas/blocks/metric/fields'
import { written } from '../../../canvas/blocks/metric/words'
import { estimateWidth, tableColumns } from '../../../canvas/blocks/table/columns'
import { typeOf } from '../../../canvas/blocks/types'
import { GAP, layoutOf, ROW, rectOf } from '../../../canvas/layout'
import { addBlock, type Block, type BlockJson, blocksMap, getContent, type JsonObject } from '../../../doc/schema'
import type { Cell, Column } from '../../datasets/cells'

export const WIDTH = 320
export const HEIGHT = 200

/** A colour by name: "c1" to "c10" of the charts, a colour of the page, or a CSS colour somebody chose. */
export type Paint = string
export type Mark =
  | { k: 'card'; x: number; y: number; w: number; h: number }
  | { k: 'fill'; d: string; c: Paint; o?: number }
  | { k: 'line'; d: string; c: Paint; w: number; o?: number }
  | { k: 'text'; x: number; y: number; t: string; s: number; b: boolean; c: Paint }

export type Data = { columns: Column[]; order: string[]; rows: Cell[][]; complete: boolean }
export type DataOf = (datasetId: string) => Data | undefined

type Box = { x: number; y: number; w: number; h: number }

/** The width of the drawing area whose picture this is, pixels, and what stays free around it. */
const GRID = 1200
const MARGIN = 20
const SCALE = WIDTH / (GRID + 2 * MARGIN)
/** Rows of the grid that are in the picture. */
export const ROWS = Math.ceil((HEIGHT / SCALE - MARGIN) / (ROW + GAP))

const MAX_BARS = 60
const MAX_POINTS = 90
const MAX_DOTS = 160
const PALETTE = Array.from({ length: 10 }, (_, index) => `c${index + 1}`)

const n = (value: number): string => String(Math.round(value * 10) / 10)
const bar = (x: number, y: number, w: number, h: number): string => `M${n(x)} ${n(y)}h${n(w)}v${n(h)}h${n(-w)}z`
const dot = (x: number, y: number, r: number): string =>
  `M${n(x - r)} ${n(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`

/** The average width of a letter at size 1. */
const LETTER = 0.54
const cut = (text: string, size: number, width: number): string => {
  const letters = Math.floor(width / (size * LETTER))
  const clean = text.replace(/\s+/g, ' ').trim()
  return clean.length <= letters ? clean : letters < 3 ? '' : `${clean.slice(0, letters - 1).trimEnd()}…`
}

const label = (marks: Mark[], text: string, box: Box, s: number, c: Paint = 'text', b = true): void => {
  const t = cut(text, s, box.w)
  if (t !== '') marks.push({ k: 'text', x: box.x, y: box.y + s * 0.82, t, s, b, c })
}

/** Blocks as live Y types, which is what the readers of blocks read. */
const blocksOf = (blocks: readonly BlockJson[]): { doc: Y.Doc; ids: Map<string, BlockJson> } => {
  const doc = new Y.Doc()
  const ids = new Map<string, BlockJson>()
  doc.transact(() => {
    for (const json of blocks) {
      const { x, y, w, h } = json.position
      const id = addBlock(doc, json.type, json.content, [x, y], [w, h])
      if (id !== null) ids.set(id, json)
    }
  })
  return { doc, ids }
}

const datasetOf = (content: JsonObject): string => {
  const source = content.data_source
  if (typeof source !== 'object' || source === null || Array.isArray(source)) return ''
  return source.type === 'dataset' && typeof source.dataset_id === 'string' ? source.dataset_id : ''
}

const inPicture = (blocks: readonly BlockJson[]): BlockJson[] =>
  blocks
    .filter((block) => block.position.y <= ROWS)
    .sort((a, b) => a.position.y - b.position.y || a.position.x - b.position.x)
    .slice(0, 40)

/** The datasets to read for a picture, in the order their blocks are seen. */
export const datasetsFor = (blocks: readonly BlockJson[], most: number): string[] =>
  [...new Set(inPicture(blocks).map((block) => datasetOf(block.content)))].filter((id) => id !== '').slice(0, most)

export function draw(blocks: readonly BlockJson[], dataOf: DataOf): Mark[] {
  const marks: Mark[] = []
  const { doc, ids } = blocksOf(inPicture(blocks))
  const map = blocksMap(doc)
  const cells = layoutOf(
    // Sorted by their own ids, as the canvas does: ties are broken the same way.
    [...ids].map(
      ([
        id,
        {
          id: own,
          position: { x, y, w, h },
        },
      ]) => ({
        id: `${own}\n${id}`,
        at: [x, y] as const,
        size: [w, h] as const,
        locked: false,
        placements: {},
      }),
    ),
    'lg',
  )
  for (const cell of cells) {
    const id = cell.id.split('\n')[1] ?? ''
    const block = map.get(id)
    const json = ids.get(id)
    if (block === undefined || json === undefined) continue
    const rect = rectOf(cell, { width: GRID, columns: 12 })
    const box = {
      x: (rect.left + MARGIN) * SCALE,
      y: (rect.top + MARGIN) * SCALE,
      w: rect.width * SCALE,
      h: rect.height * SCALE,
    }
    if (box.y < HEIGHT) drawBlock(marks, json, block, box, dataOf)
  }
  doc.destroy()
  return marks
}

const shrink = (box: Box, by: number): Box => ({
  x: box.x + by,
  y: box.y + by,
  w: Math.max(0, box.w - 2 * by),
  h: Math.max(0, box.h - 2 * by),
})
const below = (box: Box, by: number): Box => ({ ...box, y: box.y + by, h: Math.max(0, box.h - by) })

function drawBlock(marks: Mark[], json: BlockJson, block: Block, box: Box, dataOf: DataOf): void {
  if (typeOf(json.type)?.quiet !== true) marks.push({ k: 'card', ...box })
  const inside = shrink(box, 5)
  const title = getContent(block, ['title'])
  const titled = typeof title === 'string' && title !== ''
  const known = dataOf(datasetOf(json.content))
  const data =
    known === undefined
      ? undefined
      : { ...known, rows: applyFilters(known.rows, known.order, known.columns, readFilters(json.content.filters)) }
  switch (json.type) {
    case 'heading':
      heading(marks, json, inside)
      break
    case 'divider':
      marks.push({ k: 'fill', d: bar(box.x, box.y + box.h / 2, box.w, 0.8), c: 'line' })
      break
    case 'narrative':
      narrative(marks, json, inside)
      break
    case 'image':
      picture(marks, box)
      break
    case 'metric':
      metric(marks, json, block, inside, data)
      break
    case 'chart':
      if (titled) label(marks, title, inside, 6.4)
      chart(marks, block, below(inside, titled ? 10 : 1), data)
      break
    case 'table':
      if (titled) label(marks, title, inside, 6.4)
      table(marks, block, below(inside, titled ? 11 : 0), data)
      break
    default:
      lines(marks, inside)
  }
}

/** Stands for what is not known: lines of text that say nothing. */
const lines = (marks: Mark[], box: Box): void => {
  let d = ''
  for (let row = 0; row < Math.min(5, Math.floor(box.h / 7)); row++) {
    d += bar(box.x, box.y + 2 + row * 7, box.w * ([0.8, 0.95, 0.6, 0.9, 0.4][row] ?? 0.5), 2.4)
  }
  if (d !== '') marks.push({ k: 'fill', d, c: 'faint' })
}

const heading = (marks: Mark[], { content }: BlockJson, box: Box): void => {
  const size = content.level === 1 ? 10 : content.level === 3 ? 6.6 : 8.4
  label(marks, typeof content.text === 'string' ? content.text : '', { ...box, y: box.y + (box.h - size) / 2 }, size)
  if (content.line !== false) marks.push({ k: 'fill', d: bar(box.x, box.y + box.h + 3, box.w, 0.7), c: 'line' })
}

const picture = (marks: Mark[], box: Box): void => {
  marks.push({ k: 'fill', d: bar(box.x + 1, box.y + 1, box.w - 2, box.h - 2), c: 'faint', o: 0.6 })
  const size = Math.min(box.w, box.h) * 0.34
  const [x, y] = [box.x + box.w / 2, box.y + box.h / 2 + size * 0.4]
  const hill = `M${n(x - size)} ${n(y)}l${n(size * 0.7)} ${n(-size * 0.9)}l${n(size * 0.5)} ${n(size * 0.6)}l${n(size * 0.25)} ${n(-size * 0.3)}l${n(size * 0.55)} ${n(size * 0.6)}z`
  marks.push({ k: 'fill', d: `${hill}${dot(x + size * 0.5, y - size * 0.85, 2)}`, c: 'muted', o: 0.5 })
}

/** Words as bars of their length; headings as letters; a value bound to the text as a coloured bar. */
function narrative(marks: Mark[], { content }: BlockJson, box: Box): void {
  const values = new Map<string, string>()
  for (const one of Array.isArray(content.data_bindings) ? content.data_bindings : []) {
    if (typeof one === 'object' && one !== null && !Array.isArray(one) && typeof one.key === 'string') {
      const { value } = one
      values.set(one.key, typeof value === 'number' ? formatNumber(value) : String(value ?? '…'))
    }
  }
  let [words, chips] = ['', '']
  let y = box.y
  const bottom = Math.min(box.y + box.h, HEIGHT)
  const text = typeof content.text === 'string' ? content.text : ''
  for (const line of text.slice(0, 4000).split('\n')) {
    if (y + 4 > bottom) break
    const title = /^(#{1,6})\s+(.*)$/.exec(line)
    if (title) {
      const size = title[1]?.length === 1 ? 9 : 7
      label(
        marks,
        plain(title[2] ?? '').replace(/\{\{(.*?)\}\}/g, (_, key) => values.get(key.trim()) ?? '…'),
        { ...box, y },
        size,
      )
      y += size + 5
      continue
    }
    if (line.trim() === '') {
      y += 3
      continue
    }
    const item = /^\s*(?:[-*+]|\d+\.)\s+/.exec(line)
    const left = box.x + (item ? 6 : 0)
    if (item) words += dot(box.x + 1, y + 1.6, 1)
    let x = left
    for (const word of plain(item ? line.slice(item[0].length) : line)
      .replace(/\}\}/g, '}} ')
      .split(/\s+(?![^{]*\}\})/)) {
      const chip = /\{\{(.*?)\}\}/.exec(word)
      const letters = chip ? (values.get((chip[1] ?? '').trim()) ?? '…').length + 1 : word.length
      if (letters === 0) continue
      const width = Math.min(letters * 1.9, box.w)
      if (x > left && x + width > box.x + box.w) {
        x = left
        y += 5.6
        if (y + 4 > bottom) break
      }
      if (chip) chips += bar(x, y - 0.4, width, 3.6)
      else words += bar(x, y + 0.3, width, 2.2)
      x += width + 1.7
    }
    y += 7.2
  }
  if (words !== '') marks.push({ k: 'fill', d: words, c: 'muted', o: 0.55 })
  if (chips !== '') marks.push({ k: 'fill', d: chips, c: 'accent', o: 0.85 })
}

const plain = (markdown: string): string =>
  markdown
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`~>|]+/g, '')
    .trim()

function table(marks: Mark[], block: Block, box: Box, data: Data | undefined): void {
  if (data === undefined) {
    lines(marks, box)
    return
  }
  const columns = tableColumns(getContent(block, ['columns']), data.columns, data.order).filter((one) => !one.hidden)
  let [head, cells, rules] = ['', '', '']
  const wanted = columns.map((column) => estimateWidth(column, data.rows) * SCALE)
  // Columns share what is left, as the table block does.
  const spare = Math.max(
    1,
    box.w /
      Math.max(
        1,
        wanted.reduce((sum, width) => sum + width, 0),
      ),
  )
  const rows = data.rows.slice(0, Math.max(0, Math.floor((Math.min(box.h, HEIGHT - box.y) - 8) / 7.6)))
  let x = box.x
  columns.forEach((column, at) => {
    const width = Math.min((wanted[at] ?? 0) * spare, box.x + box.w - x)
    if (width < 6) return
    const right = isNumeric(column.format)
    const piece = (text: string, y: number, letter: number): string => {
      const long = Math.min(Math.max(2, text.length * letter), width - 3)
      return bar(right ? x + width - 3 - long : x, y, long, 2.2)
    }
    head += piece(column.header, box.y + 1, 1.9)
    rows.forEach((row, index) => {
      const text = formatCell(row[column.index], column.format, { name: column.field })
      cells += piece(text, box.y + 10.4 + index * 7.6, 1.7)
    })
    x += width
  })
  for (let index = 0; index <= rows.length; index++) rules += bar(box.x, box.y + 7 + index * 7.6, box.w, 0.4)
  marks.push({ k: 'fill', d: rules, c: 'line' })
  if (head !== '') marks.push({ k: 'fill', d: head, c: 'text', o: 0.62 })
  if (cells !== '') marks.push({ k: 'fill', d: cells, c: 'muted', o: 0.42 })
}

const every = <T>(all: readonly T[], most: number): T[] => {
  const step = all.length / most
  return step <= 1 ? [...all] : Array.from({ length: most }, (_, at) => all[Math.floor(at * step)] as T)
}

function chart(marks: Mark[], block: Block, box: Box, data: Data | undefined): void {
  const content = readChart(block)
  if (box.w < 8 || box.h < 8) return
  if (data === undefined || (content.x === '' && content.y === '')) {
    skeleton(marks, box)
    return
  }
  const grouped = aggregate(content, data.columns, data.order, data.rows)
  const plotted = plot(content, grouped, new Set())
  const color = (key: { index: number; other: boolean }): Paint => colorOf(content.colors, PALETTE, 'muted', key)
  if (content.chartType === 'pie') {
    pie(marks, box, plotted, color)
    return
  }
  const values = plotted.series.flatMap((one) => one.drawn)
  if (!values.some((value) => value !== null)) {
    skeleton(marks, box)
    return
  }
  const plots = { x: box.x, y: box.y, w: box.w, h: box.h - 3 }
  const [low, high] = range(plotted, content.chartType)
  const min = content.yMin ?? low
  const max = Math.max(content.yMax ?? high, min + 1e-9)
  const toUnit = (value: number): number => {
    const [v, a, b] = plotted.log ? [value, Math.max(min, 1e-9), max].map(Math.log10) : [value, min, max]
    return Math.max(0, Math.min(1, ((v ?? 0) - (a ?? 0)) / ((b ?? 1) - (a ?? 0) || 1)))
  }
  let grid = ''
  const flat = content.orientation === 'horizontal' && content.chartType === 'bar'
  for (let line = 0; line <= 3; line++) {
    grid += flat
      ? bar(plots.x + (plots.w * line) / 3, plots.y, 0.5, plots.h)
      : bar(plots.x, plots.y + (plots.h * line) / 3, plots.w, 0.5)
  }
  marks.push({ k: 'fill', d: grid, c: 'line' })
  if (content.chartType === 'bar') {
    bars(marks, plots, plotted, color, toUnit, flat)
    return
  }
  const xs = plotted.series.flatMap((one) => one.xs)
  const [first, last] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))]
  const at = (x: number): number => plots.x + (last === first ? plots.w / 2 : ((x - first) / (last - first)) * plots.w)
  const up = (value: number): number => plots.y + plots.h * (1 - toUnit(value))
  if (content.chartType === 'scatter') {
    const share = Math.max(8, Math.floor(MAX_DOTS / plotted.series.length))
    for (const one of plotted.series) {
      const points = one.xs.flatMap((x, index) => {
        const y = one.drawn[index]
        return y === null || y === undefined ? [] : [[x, y] as const]
      })
      const d = every(points, share).map(([x, y]) => dot(at(x), up(y), 1.3))
      if (d.length > 0) marks.push({ k: 'fill', d: d.join(''), c: color(one), o: 0.75 })
    }
    return
  }
  const area = content.chartType === 'area'
  const floor = new Map<number, number>()
  for (const one of plotted.series) {
    const places = every(
      one.xs.map((_, index) => index),
      MAX_POINTS,
    )
    const top: string[] = []
    const base: string[] = []
    for (const index of places) {
      const [x, value] = [one.xs[index], one.drawn[index]]
      if (x === undefined || value === null || value === undefined) continue
      const under = plotted.stacked ? (floor.get(x) ?? 0) : 0
      top.push(`${n(at(x))} ${n(up(under + value))}`)
      base.unshift(`${n(at(x))} ${n(up(under))}`)
      if (plotted.stacked) floor.set(x, under + value)
    }
    if (top.length === 0) continue
    const c = color(one)
    if (area) marks.push({ k: 'fill', d: `M${[...top, ...base].join('L')}z`, c, o: plotted.stacked ? 0.75 : 0.22 })
    marks.push({ k: 'line', d: `M${top.join('L')}${top.length === 1 ? 'h.1' : ''}`, c, w: 1.3 })
  }
}

/** From the least to the most a scale has to show: piles as high as they get, bars and areas from zero. */
function range(plotted: Plotted, type: string): [number, number] {
  const piles = new Map<number, [number, number]>()
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const one of plotted.series) {
    one.drawn.forEach((value, index) => {
      if (value === null) return
      let [bottom, top] = [value, value]
      if (plotted.stacked) {
        const x = one.xs[index] ?? 0
        const pile = piles.get(x) ?? [0, 0]
        if (value < 0) pile[0] += value
        else pile[1] += value
        piles.set(x, pile)
        ;[bottom, top] = pile
      }
      low = Math.min(low, bottom)
      high = Math.max(high, top)
    })
  }
  if (plotted.log) return [low, high]
  if (type === 'bar' || type === 'area') return [Math.min(0, low), Math.max(0, high)]
  // Lines and points start at zero where that costs little of the picture.
  return [low > 0 && low < (high - low) * 0.5 ? 0 : low, high]
}

function bars(
  marks: Mark[],
  box: Box,
  plotted: Plotted,
  color: (key: { index: number; other: boolean }) => Paint,
  toUnit: (value: number) => number,
  flat: boolean,
): void {
  const places = every(
    [...new Set(plotted.series.flatMap((one) => one.xs))].sort((a, b) => a - b),
    MAX_BARS,
  )
  const length = flat ? box.h : box.w
  const step = length / Math.max(1, places.length)
  const beside = plotted.stacked ? 1 : plotted.series.length
  const thick = Math.max(0.6, Math.min(step * 0.72, length / 5))
  const zero = toUnit(0)
  const piles = new Map<number, [number, number]>()
  plotted.series.forEach((one, order) => {
    const at = new Map(one.xs.map((x, index) => [x, one.drawn[index] ?? null]))
    let d = ''
    places.forEach((place, index) => {
      const value = at.get(place)
      if (value === null || value === undefined) return
      let [from, to] = [zero, toUnit(value)]
      if (plotted.stacked) {
        const pile = piles.get(place) ?? [0, 0]
        const side = value < 0 ? 0 : 1
        from = toUnit(pile[side])
        pile[side] += value
        to = toUnit(pile[side])
        piles.set(place, pile)
      }
      const offset = (index + 0.5) * step - thick / 2 + (plotted.stacked ? 0 : (order * thick) / beside)
      const [a, b] = [Math.min(from, to), Math.max(from, to)]
      d += flat
        ? bar(box.x + a * box.w, box.y + offset, Math.max(0.4, (b - a) * box.w), thick / beside)
        : bar(box.x + offset, box.y + (1 - b) * box.h, thick / beside, Math.max(0.4, (b - a) * box.h))
    })
    if (d !== '') marks.push({ k: 'fill', d, c: color(one) })
  })
}

function pie(
  marks: Mark[],
  box: Box,
  plotted: Plotted,
  color: (key: { index: number; other: boolean }) => Paint,
): void {
  const slices = plotted.series[0]
  const values = slices?.drawn.map((value) => Math.max(0, value ?? 0)) ?? []
  const whole = values.reduce((sum, value) => sum + value, 0)
  if (slices === undefined || whole === 0) {
    skeleton(marks, box)
    return
  }
  const r = Math.min(box.w, box.h) / 2 - 1
  const [x, y, hole] = [box.x + box.w / 2, box.y + box.h / 2, r * 0.58]
  let angle = -Math.PI / 2
  values.forEach((value, index) => {
    const turn = Math.min((value / whole) * 2 * Math.PI, 2 * Math.PI - 0.001)
    const end = angle + turn
    const point = (at: number, radius: number): string =>
      `${n(x + Math.cos(at) * radius)} ${n(y + Math.sin(at) * radius)}`
    const large = turn > Math.PI ? 1 : 0
    const d = `M${point(angle, r)}A${n(r)} ${n(r)} 0 ${large} 1 ${point(end, r)}L${point(end, hole)}A${n(hole)} ${n(hole)} 0 ${large} 0 ${point(angle, hole)}z`
    marks.push({ k: 'fill', d, c: color({ index: slices.xs[index] ?? index, other: false }) })
    angle = end
  })
}

const skeleton = (marks: Mark[], box: Box): void => {
  const heights = [0.45, 0.7, 0.55, 0.9, 0.65, 0.8]
  const step = box.w / heights.length
  const d = heights.map((share, at) =>
    bar(box.x + at * step + step * 0.2, box.y + box.h * (1 - share), step * 0.6, box.h * share),
  )
  marks.push({ k: 'fill', d: d.join(''), c: 'faint' })
}

/** The number as the block says it; a bar where half of the rows would make another number of it. */
function metric(marks: Mark[], { content }: BlockJson, block: Block, box: Box, data: Data | undefined): void {
  label(marks, typeof content.title === 'string' ? content.title : '', box, 5.6, 'muted', false)
  const size = Math.max(8, Math.min(17, box.h * 0.42, box.w * 0.2))
  const y = box.y + 9
  const fields = readMetric(block)
  const result = data === undefined ? null : compute(fields, data.columns, data.order, data.rows)
  if (data?.complete !== true || result === null || result.value === null) {
    marks.push({ k: 'fill', d: bar(box.x, y, Math.min(box.w * 0.5, 44), size * 0.7), c: 'text', o: 0.7 })
  } else {
    label(marks, written(result.value, { measure: fields.measure, unit: '' }), { ...box, y }, size)
  }
  const spark = { ...box, y: y + size + 4, h: box.y + box.h - (y + size + 4) }
  if (result === null || !fields.sparkline || result.periods.length < 2 || spark.h < 5) return
  const points = every(sparkOf(result.periods), MAX_POINTS)
  const d = points.map((point) => `${n(spark.x + point.x * spark.w)} ${n(spark.y + point.y * spark.h)}`)
  marks.push({ k: 'line', d: `M${d.join('L')}`, c: 'c1', w: 1.2 })
}

/**
 * From rows to what a chart draws: group by x and by colour, fold y, sort, bound.
 * Pure: no ECharts, no DOM, no formatting beyond the names of series. It refuses to guess silently: every row or
 * category that is not drawn is counted in the result, so that the block can say so.
 */
import {
  asNumber,
  asTime,
  type Cell,
  type Column,
  type ColumnType,
  compareCells,
  sortLabels,
} from '../../../platform/datasets/cells'
import { floorTime, nextPeriod, type TimeUnit } from '../../../platform/datasets/periods'

export const CHART_TYPES = ['bar', 'line', 'area', 'scatter', 'pie'] as const
export type ChartType = (typeof CHART_TYPES)[number]
export const AGGREGATIONS = ['sum', 'avg', 'median', 'min', 'max', 'count', 'distinct', 'none'] as const
export type Aggregation = (typeof AGGREGATIONS)[number]
/** A minus stands for the largest, or the last, first. */
export const SORTS = ['auto', 'label', '-label', 'value', '-value'] as const
export type Sort = (typeof SORTS)[number]

export interface ChartFields {
  chartType: ChartType
  x: string
  y: string
  color: string
  aggregation: Aggregation
  timeUnit: TimeUnit
  sort: Sort
  /** How many categories (or, over a continuous axis, series) are shown; 0 for all. */
  limit: number
}

export interface Series {
  name: string
  /** It stands for several that were folded together. */
  other: boolean
  /**
   * On a category axis: one value per category, null where there is none. Otherwise pairs of x and y in order of x,
   * where x is a number or milliseconds.
   */
  values: (number | null)[]
  points: [number, number | null][]
}

export interface Aggregated {
  axis: 'category' | 'value' | 'time'
  /** The cells of the categories, in order of the axis; empty unless `axis` is "category". */
  categories: Cell[]
  xType: ColumnType
  /** The period each x stands for, if dates were grouped. */
  unit: TimeUnit
  series: Series[]
  /** Rows that could not be drawn: an x that is no number or date on such an axis, or a y that is no number. */
  skippedRows: number
  /** Categories, series or points beyond a bound or the limit: dropped, or folded in "Other". */
  hiddenCategories: number
  hiddenSeries: number
  foldedCategories: number
  foldedSeries: number
  /** Places on the axis before any bound or limit. */
  places: number
  /** The label of the value axis: "sum of price", "price", "rows". */
  measure: string
}

/** More bars than this cannot be told apart at any width a block has. */
export const MAX_CATEGORIES = 500
/** More colours than this cannot be told apart; the smallest are folded together. */
export const MAX_SERIES = 20
export const MAX_SLICES = 12
/** What `aggregation: none` may draw, in points over all series. */
export const MAX_POINTS = 50_000

export const EMPTY_LABEL = '(empty)'
export const OTHER_LABEL = 'Other'

/** Adding up groups says something only for what adds up: the sum of the averages of the rest is the average of nothing. */
export const addsUp = (aggregation: Aggregation): boolean => aggregation === 'sum' || aggregation === 'count'

export class Fold {
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  /** Every value, where the aggregation needs them all. */
  values: number[] = []
  cells = new Set<string>()
  add(value: number, aggregation: Aggregation) {
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
    if (aggregation === 'median') this.values.push(value)
  }
  see(cell: Cell) {
    this.count++
    this.cells.add(`${typeof cell}${String(cell)}`)
  }
  merge(other: Fold) {
    this.count += other.count
    this.sum += other.sum
    this.min = Math.min(this.min, other.min)
    this.max = Math.max(this.max, other.max)
    for (const value of other.values) this.values.push(value)
    for (const cell of other.cells) this.cells.add(cell)
  }
  result(aggregation: Aggregation): number | null {
    if (aggregation === 'count') return this.count
    if (aggregation === 'distinct') return this.cells.size
    if (this.count === 0) return null
    switch (aggregation) {
      case 'avg':
        return this.sum / this.count
      case 'median':
        return median(this.values)
      case 'min':
        return this.min
      case 'max':
        return this.max
      default:
        return this.sum
    }
  }
}

/** The middle value; between the two middle ones when their number is even. */
export function median(values: number[]): number | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2
}

const isEmpty = (cell: Cell | undefined): cell is null | undefined | '' =>
  cell === null || cell === undefined || cell === ''

/** One key per distinct cell; numbers and text never meet, so 1 and "1" of a JSON dataset stay apart. */
function keyOf(cell: Cell | undefined, type: ColumnType): string {
  if (isEmpty(cell)) return ''
  if (type === 'date') {
    const time = asTime(cell)
    if (time !== null) return `d${time}`
  }
  return `${typeof cell === 'number' ? 'n' : 's'}${String(cell)}`
}

const NOUNS = { sum: 'sum', count: 'count', min: 'minimum', max: 'maximum' } as const

export function measureName(fields: Pick<ChartFields, 'y' | 'aggregation'>): string {
  if (!fields.y) return 'rows'
  switch (fields.aggregation) {
    case 'none':
      return fields.y
    case 'avg':
      return `average ${fields.y}`
    case 'median':
      return `median ${fields.y}`
    case 'distinct':
      return `different ${fields.y}`
    default:
      return `${NOUNS[fields.aggregation]} of ${fields.y}`
  }
}

/** Which axis x gets: bars and slices are always categories, points and lines follow the type of the column. */
export function axisOf(chartType: ChartType, xType: ColumnType, hasX: boolean): Aggregated['axis'] {
  if (!hasX || chartType === 'bar' || chartType === 'pie') return 'category'
  if (xType === 'number') return 'value'
  return xType === 'date' ? 'time' : 'category'
}

interface Entry {
  cell: Cell
  x: number
  folds: Map<string, Fold>
}

const total = (entry: Entry, aggregation: Aggregation): number | null => {
  const all = new Fold()
  for (const fold of entry.folds.values()) all.merge(fold)
  return all.count === 0 ? null : all.result(aggregation)
}

/** The first day of a period, as a dataset writes it. */
const isoDay = (time: number): string => new Date(time).toISOString().slice(0, 10)

export function aggregate(fields: ChartFields, columns: Column[], order: string[], rows: Cell[][]): Aggregated {
  const typeOf = (name: string): ColumnType => columns.find((column) => column.name === name)?.type ?? 'string'
  const at = (name: string) => (name ? order.indexOf(name) : -1)
  const xAt = at(fields.x)
  const yAt = at(fields.y)
  const colorAt = at(fields.color)
  const xType = xAt < 0 ? 'string' : typeOf(fields.x)
  const colorType = colorAt < 0 ? 'string' : typeOf(fields.color)
  const axis = axisOf(fields.chartType, xType, xAt >= 0)
  // Without a y there is nothing to fold but the rows themselves.
  const aggregation: Aggregation = yAt < 0 ? 'count' : fields.aggregation
  const unit: TimeUnit = xType === 'date' && aggregation !== 'none' ? fields.timeUnit : ''
  const result: Aggregated = {
    axis,
    categories: [],
    xType,
    unit,
    series: [],
    skippedRows: 0,
    hiddenCategories: 0,
    hiddenSeries: 0,
    foldedCategories: 0,
    foldedSeries: 0,
    places: 0,
    measure: measureName({ y: yAt < 0 ? '' : fields.y, aggregation }),
  }
  const xNumber = (cell: Cell | undefined) => (axis === 'time' ? asTime(cell) : asNumber(cell))

  if (aggregation === 'none') {
    return drawRows(result, fields, rows, { xAt, yAt, colorAt, colorType, xNumber })
  }

  // category key -> series key -> fold
  const seriesCells = new Map<string, Cell>()
  const xs = new Map<string, Entry>()
  for (const row of rows) {
    let xCell = xAt < 0 ? null : (row[xAt] ?? null)
    let x = 0
    if (unit !== '') {
      const time = asTime(xCell)
      if (time === null) {
        result.skippedRows++
        continue
      }
      x = floorTime(time, unit)
      xCell = axis === 'category' ? isoDay(x) : xCell
    } else if (axis !== 'category') {
      const value = xNumber(xCell)
      if (value === null) {
        result.skippedRows++
        continue
      }
      x = value
    }
    let value = 1
    let counted: Cell = null
    if (yAt >= 0) {
      const cell = row[yAt]
      if (aggregation === 'count' || aggregation === 'distinct') {
        if (isEmpty(cell)) continue
        counted = cell
      } else {
        const number = asNumber(cell)
        if (number === null) {
          result.skippedRows++
          continue
        }
        value = number
      }
    }
    const xKey = unit !== '' || axis !== 'category' ? String(x) : keyOf(xCell, xType)
    const colorCell = colorAt < 0 ? null : (row[colorAt] ?? null)
    const sKey = colorAt < 0 ? '' : keyOf(colorCell, colorType)
    let entry = xs.get(xKey)
    if (!entry) {
      entry = { cell: isEmpty(xCell) ? null : xCell, x, folds: new Map() }
      xs.set(xKey, entry)
    }
    let fold = entry.folds.get(sKey)
    if (!fold) {
      fold = new Fold()
      entry.folds.set(sKey, fold)
      if (!seriesCells.has(sKey)) seriesCells.set(sKey, isEmpty(colorCell) ? null : colorCell)
    }
    if (aggregation === 'distinct') fold.see(counted)
    else fold.add(value, aggregation)
  }

  let entries = [...xs.values()]
  result.places = entries.length
  if (axis !== 'category') entries.sort((a, b) => a.x - b.x)
  else if (unit !== '')
    entries = withGaps(
      entries.sort((a, b) => a.x - b.x),
      unit,
    )
  else entries = sortLabels(entries, (entry) => entry.cell, xType)

  if (fields.chartType === 'pie') return slices(result, entries, aggregation, fields)
  if (axis === 'category') entries = arrange(result, entries, aggregation, fields)

  // Series beyond the bound are folded, smallest first, so that the total of a stack stays true.
  const ordered = sortLabels([...seriesCells.keys()], (key) => seriesCells.get(key) ?? null, colorType)
  let keys = ordered
  let folded: Set<string> | null = null
  const asked = axis !== 'category' && fields.limit > 0 && fields.limit < keys.length
  if (asked || keys.length > MAX_SERIES) {
    const weight = new Map<string, number>()
    for (const entry of entries) {
      for (const [key, fold] of entry.folds) {
        weight.set(key, (weight.get(key) ?? 0) + Math.abs(fold.result(aggregation) ?? 0))
      }
    }
    const ranked = [...keys].sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0))
    const room = asked ? Math.min(fields.limit, MAX_SERIES - 1) : MAX_SERIES - 1
    const kept = new Set(ranked.slice(0, room))
    keys = keys.filter((key) => kept.has(key))
    if (asked && !addsUp(aggregation)) result.hiddenSeries = ranked.length - room
    else {
      folded = new Set(ranked.slice(room))
      result.foldedSeries = folded.size
    }
  }
  const nameOf = (key: string) => (colorAt < 0 ? result.measure : nameOfCell(seriesCells.get(key)))

  const push = (name: string, other: boolean, valueAt: (folds: Map<string, Fold>) => number | null) => {
    const series: Series = { name, other, values: [], points: [] }
    for (const entry of entries) {
      const value = valueAt(entry.folds)
      if (axis === 'category') series.values.push(value)
      else if (value !== null) series.points.push([entry.x, value])
    }
    result.series.push(series)
  }
  for (const key of keys) push(nameOf(key), false, (folds) => folds.get(key)?.result(aggregation) ?? null)
  if (folded) {
    const group = folded
    push(OTHER_LABEL, true, (folds) => {
      const all = new Fold()
      for (const [key, fold] of folds) if (group.has(key)) all.merge(fold)
      return all.count ? all.result(aggregation) : null
    })
  }
  if (axis === 'category') result.categories = entries.map((entry) => entry.cell)
  return result
}

const nameOfCell = (cell: Cell | undefined): string => {
  if (typeof cell === 'boolean') return cell ? 'Yes' : 'No'
  return String(cell ?? EMPTY_LABEL)
}

/** Periods without a row keep their place: a month with no sales is a gap, and not a month that never was. */
function withGaps(entries: Entry[], unit: TimeUnit): Entry[] {
  const last = entries.at(-1)
  const filled: Entry[] = []
  for (const entry of entries) {
    const before = filled.at(-1)
    if (before) {
      for (let at = nextPeriod(before.x, unit); at < entry.x; at = nextPeriod(at, unit)) {
        if (filled.length > MAX_CATEGORIES) return entries
        filled.push({ cell: isoDay(at), x: at, folds: new Map() })
      }
    }
    filled.push(entry)
  }
  return last === undefined ? entries : filled
}

/** The order of categories, and how many of them. `entries` come by label. */
function arrange(result: Aggregated, entries: Entry[], aggregation: Aggregation, fields: ChartFields): Entry[] {
  const { sort } = fields
  const byValue = sort === 'value' || sort === '-value'
  const values = new Map<Entry, number>()
  const value = (entry: Entry): number => {
    let known = values.get(entry)
    if (known === undefined) {
      known = total(entry, aggregation) ?? Number.NEGATIVE_INFINITY
      values.set(entry, known)
    }
    return known
  }
  const descending = (list: Entry[]) => [...list].sort((a, b) => value(b) - value(a))
  const ascending = (list: Entry[]) => [...list].sort((a, b) => value(a) - value(b))

  let shown = sort === 'value' ? ascending(entries) : sort === '-value' ? descending(entries) : entries
  if (sort === '-label') shown = [...entries].reverse()

  const limit = Math.min(fields.limit > 0 ? fields.limit : MAX_CATEGORIES, MAX_CATEGORIES)
  if (shown.length <= limit) return shown
  const rest = new Set(shown)
  if (fields.limit <= 0) {
    shown = shown.slice(0, limit)
  } else if (result.xType === 'date' && !byValue) {
    // Of a course of time, the last part.
    const kept = new Set(entries.slice(-limit))
    shown = shown.filter((entry) => kept.has(entry))
  } else {
    const kept = new Set((sort === 'value' ? shown : descending(entries)).slice(0, limit))
    shown = shown.filter((entry) => kept.has(entry))
  }
  for (const entry of shown) rest.delete(entry)
  const foldable = fields.limit > 0 && addsUp(aggregation) && result.xType !== 'date' && sort !== 'value'
  if (!foldable) {
    result.hiddenCategories = rest.size
    return shown
  }
  result.foldedCategories = rest.size
  const other: Entry = { cell: OTHER_LABEL, x: 0, folds: new Map() }
  for (const entry of rest) {
    for (const [key, fold] of entry.folds) {
      const own = other.folds.get(key)
      if (own) own.merge(fold)
      else {
        const copy = new Fold()
        copy.merge(fold)
        other.folds.set(key, copy)
      }
    }
  }
  return [...shown, other]
}

/** A pie: the largest slices by value, the rest as one. What is not above zero has no angle and is counted instead. */
function slices(result: Aggregated, entries: Entry[], aggregation: Aggregation, fields: ChartFields): Aggregated {
  const parts: { cell: Cell; fold: Fold; value: number; at: number }[] = []
  entries.forEach((entry, at) => {
    const fold = new Fold()
    for (const other of entry.folds.values()) fold.merge(other)
    const value = fold.result(aggregation)
    if (value === null || value <= 0) result.skippedRows += fold.count
    else parts.push({ cell: entry.cell, fold, value, at })
  })
  const ranked = [...parts].sort((a, b) => b.value - a.value || compareCells(a.cell, b.cell, result.xType))
  const series: Series = { name: result.measure, other: false, values: [], points: [] }
  const limit = fields.limit > 0 ? Math.min(fields.limit, MAX_SLICES - 1) : MAX_SLICES
  const kept = ranked.length > limit ? ranked.slice(0, Math.min(limit, MAX_SLICES - 1)) : ranked
  const rest = ranked.slice(kept.length)
  const sign = fields.sort.startsWith('-') ? -1 : 1
  if (fields.sort === 'label' || fields.sort === '-label') kept.sort((a, b) => sign * (a.at - b.at))
  else if (fields.sort === 'value') kept.reverse()
  for (const part of kept) {
    result.categories.push(part.cell)
    series.values.push(part.value)
  }
  if (rest.length > 0 && !addsUp(aggregation)) result.hiddenCategories = rest.length
  else if (rest.length > 0) {
    const fold = new Fold()
    for (const part of rest) fold.merge(part.fold)
    result.foldedCategories = rest.length
    result.categories.push(OTHER_LABEL)
    series.values.push(fold.result(aggregation))
  }
  result.series.push(series)
  return result
}

/** No folding: every row is a mark. On a category axis of bars and slices each row is its own place. */
function drawRows(
  result: Aggregated,
  fields: ChartFields,
  rows: Cell[][],
  at: {
    xAt: number
    yAt: number
    colorAt: number
    colorType: ColumnType
    xNumber: (cell: Cell | undefined) => number | null
  },
): Aggregated {
  interface Mark {
    cell: Cell
    x: number
    y: number
    key: string
  }
  const names = new Map<string, Cell>()
  let marks: Mark[] = []
  for (const row of rows) {
    const cell = at.xAt < 0 ? null : (row[at.xAt] ?? null)
    const y = asNumber(row[at.yAt])
    const x = result.axis === 'category' ? 0 : at.xNumber(cell)
    if (y === null || x === null) {
      result.skippedRows++
      continue
    }
    const colorCell = at.colorAt < 0 ? null : (row[at.colorAt] ?? null)
    const key = at.colorAt < 0 ? '' : keyOf(colorCell, at.colorType)
    if (!names.has(key)) names.set(key, isEmpty(colorCell) ? null : colorCell)
    marks.push({ cell: isEmpty(cell) ? null : cell, x, y, key })
  }
  const asked = result.axis === 'category' && fields.chartType !== 'scatter' && fields.limit > 0
  const limit = asked
    ? Math.min(fields.limit, MAX_CATEGORIES)
    : fields.chartType === 'pie'
      ? MAX_SLICES * 2
      : result.axis === 'category' && fields.chartType !== 'scatter'
        ? MAX_CATEGORIES
        : MAX_POINTS
  result.places = marks.length
  if (result.axis === 'category') {
    const { sort } = fields
    if (sort === 'value') marks.sort((a, b) => a.y - b.y)
    else if (sort === '-value') marks.sort((a, b) => b.y - a.y)
    else marks = sortLabels(marks, (mark) => mark.cell, result.xType)
    if (sort === '-label') marks.reverse()
  } else if (fields.chartType !== 'scatter') {
    marks.sort((a, b) => a.x - b.x)
  }
  if (marks.length > limit) {
    result.hiddenCategories = marks.length - limit
    if (asked && fields.sort !== 'value') {
      const kept = new Set([...marks].sort((a, b) => b.y - a.y).slice(0, limit))
      marks = marks.filter((mark) => kept.has(mark))
    } else marks = marks.slice(0, limit)
  }
  let keys = sortLabels([...names.keys()], (key) => names.get(key) ?? null, at.colorType)
  let other: string | null = null
  if (keys.length > MAX_SERIES) {
    const count = new Map<string, number>()
    for (const mark of marks) count.set(mark.key, (count.get(mark.key) ?? 0) + 1)
    const kept = new Set([...keys].sort((a, b) => (count.get(b) ?? 0) - (count.get(a) ?? 0)).slice(0, MAX_SERIES - 1))
    result.foldedSeries = keys.length - kept.size
    other = '\u0000other'
    for (const mark of marks) if (!kept.has(mark.key)) mark.key = other
    keys = [...keys.filter((key) => kept.has(key)), other]
  }
  const series = new Map<string, Series>()
  for (const key of keys) {
    const name = key === other ? OTHER_LABEL : at.colorAt < 0 ? result.measure : nameOfCell(names.get(key))
    const one: Series = { name, other: key === other, values: [], points: [] }
    series.set(key, one)
    result.series.push(one)
  }
  if (result.axis !== 'category') {
    for (const mark of marks) series.get(mark.key)?.points.push([mark.x, mark.y])
    return result
  }
  if (fields.chartType === 'scatter') {
    // A strip of points over each category: pairs of the category's place and y.
    const place = new Map<string, number>()
    for (const mark of marks) {
      const key = keyOf(mark.cell, result.xType)
      let index = place.get(key)
      if (index === undefined) {
        index = result.categories.length
        place.set(key, index)
        result.categories.push(mark.cell)
      }
      series.get(mark.key)?.points.push([index, mark.y])
    }
    return result
  }
  marks.forEach((mark, index) => {
    result.categories.push(mark.cell)
    for (const one of result.series) one.values.push(null)
    const own = series.get(mark.key)
    if (own) own.values[index] = mark.y
  })
  return result
}

/** True when there is nothing to draw. */
export function isBlank(data: Aggregated): boolean {
  return data.series.every((series) => series.points.length === 0 && series.values.every((value) => value === null))
}

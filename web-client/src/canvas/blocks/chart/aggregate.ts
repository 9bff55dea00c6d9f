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

export const CHART_TYPES = ['bar', 'line', 'area', 'scatter', 'pie'] as const
export type ChartType = (typeof CHART_TYPES)[number]
export const AGGREGATIONS = ['sum', 'avg', 'count', 'min', 'max', 'none'] as const
export type Aggregation = (typeof AGGREGATIONS)[number]

export interface ChartFields {
  chartType: ChartType
  x: string
  y: string
  color: string
  aggregation: Aggregation
}

export interface Series {
  name: string
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
  series: Series[]
  /** Rows that could not be drawn: an x that is no number or date on such an axis, or a y that is no number. */
  skippedRows: number
  /** Categories or series beyond the bounds below. Categories are dropped, series and slices are folded in "Other". */
  hiddenCategories: number
  foldedSeries: number
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

class Fold {
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  add(value: number) {
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }
  merge(other: Fold) {
    this.count += other.count
    this.sum += other.sum
    this.min = Math.min(this.min, other.min)
    this.max = Math.max(this.max, other.max)
  }
  result(aggregation: Aggregation): number | null {
    if (aggregation === 'count') return this.count
    if (this.count === 0) return null
    switch (aggregation) {
      case 'avg':
        return this.sum / this.count
      case 'min':
        return this.min
      case 'max':
        return this.max
      default:
        return this.sum
    }
  }
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

export function measureName(fields: Pick<ChartFields, 'y' | 'aggregation'>): string {
  if (!fields.y) return 'rows'
  switch (fields.aggregation) {
    case 'none':
      return fields.y
    case 'avg':
      return `average ${fields.y}`
    case 'count':
      return `count of ${fields.y}`
    default:
      return `${fields.aggregation} of ${fields.y}`
  }
}

/** Which axis x gets: bars and slices are always categories, points and lines follow the type of the column. */
export function axisOf(chartType: ChartType, xType: ColumnType, hasX: boolean): Aggregated['axis'] {
  if (!hasX || chartType === 'bar' || chartType === 'pie') return 'category'
  if (xType === 'number') return 'value'
  return xType === 'date' ? 'time' : 'category'
}

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
  const result: Aggregated = {
    axis,
    categories: [],
    xType,
    series: [],
    skippedRows: 0,
    hiddenCategories: 0,
    foldedSeries: 0,
    measure: measureName({ y: yAt < 0 ? '' : fields.y, aggregation }),
  }
  const xNumber = (cell: Cell | undefined) => (axis === 'time' ? asTime(cell) : asNumber(cell))

  if (aggregation === 'none') {
    return drawRows(result, fields, rows, { xAt, yAt, colorAt, colorType, xNumber })
  }

  // category key -> series key -> fold
  const seriesCells = new Map<string, Cell>()
  const xs = new Map<string, { cell: Cell; x: number; folds: Map<string, Fold> }>()
  for (const row of rows) {
    const xCell = xAt < 0 ? null : (row[xAt] ?? null)
    let x = 0
    if (axis !== 'category') {
      const value = xNumber(xCell)
      if (value === null) {
        result.skippedRows++
        continue
      }
      x = value
    }
    let value = 1
    if (yAt >= 0) {
      const cell = row[yAt]
      if (aggregation === 'count') {
        if (isEmpty(cell)) continue
      } else {
        const number = asNumber(cell)
        if (number === null) {
          result.skippedRows++
          continue
        }
        value = number
      }
    }
    const xKey = axis === 'category' ? keyOf(xCell, xType) : String(x)
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
    fold.add(value)
  }

  let entries = [...xs.values()]
  entries = axis === 'category' ? sortLabels(entries, (entry) => entry.cell, xType) : entries.sort((a, b) => a.x - b.x)

  if (fields.chartType === 'pie') return slices(result, entries, aggregation)

  if (entries.length > MAX_CATEGORIES && axis === 'category') {
    result.hiddenCategories = entries.length - MAX_CATEGORIES
    entries = entries.slice(0, MAX_CATEGORIES)
  }

  // Series beyond the bound are folded, smallest first, so that the total of a stack stays true.
  let keys = sortLabels([...seriesCells.keys()], (key) => seriesCells.get(key) ?? null, colorType)
  let folded: Set<string> | null = null
  if (keys.length > MAX_SERIES) {
    const weight = new Map<string, number>()
    for (const entry of entries) {
      for (const [key, fold] of entry.folds) {
        weight.set(key, (weight.get(key) ?? 0) + Math.abs(fold.result(aggregation) ?? 0))
      }
    }
    const ranked = [...keys].sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0))
    const kept = new Set(ranked.slice(0, MAX_SERIES - 1))
    folded = new Set(ranked.slice(MAX_SERIES - 1))
    result.foldedSeries = folded.size
    keys = keys.filter((key) => kept.has(key))
  }
  const nameOf = (key: string) => (colorAt < 0 ? result.measure : String(seriesCells.get(key) ?? EMPTY_LABEL))

  const push = (name: string, valueAt: (folds: Map<string, Fold>) => number | null) => {
    const series: Series = { name, values: [], points: [] }
    for (const entry of entries) {
      const value = valueAt(entry.folds)
      if (axis === 'category') series.values.push(value)
      else if (value !== null) series.points.push([entry.x, value])
    }
    result.series.push(series)
  }
  for (const key of keys) push(nameOf(key), (folds) => folds.get(key)?.result(aggregation) ?? null)
  if (folded) {
    const group = folded
    push(OTHER_LABEL, (folds) => {
      const all = new Fold()
      for (const [key, fold] of folds) if (group.has(key)) all.merge(fold)
      return all.count ? all.result(aggregation) : null
    })
  }
  if (axis === 'category') result.categories = entries.map((entry) => entry.cell)
  return result
}

/** A pie: the largest slices by value, the rest as one. What is not above zero has no angle and is counted instead. */
function slices(
  result: Aggregated,
  entries: { cell: Cell; folds: Map<string, Fold> }[],
  aggregation: Aggregation,
): Aggregated {
  const parts: { cell: Cell; fold: Fold; value: number }[] = []
  for (const entry of entries) {
    const fold = new Fold()
    for (const other of entry.folds.values()) fold.merge(other)
    const value = fold.result(aggregation)
    if (value === null || value <= 0) result.skippedRows += fold.count
    else parts.push({ cell: entry.cell, fold, value })
  }
  parts.sort((a, b) => b.value - a.value || compareCells(a.cell, b.cell, result.xType))
  const series: Series = { name: result.measure, values: [], points: [] }
  const kept = parts.length > MAX_SLICES ? parts.slice(0, MAX_SLICES - 1) : parts
  for (const part of kept) {
    result.categories.push(part.cell)
    series.values.push(part.value)
  }
  if (kept.length < parts.length) {
    const rest = parts.slice(kept.length)
    const fold = new Fold()
    for (const part of rest) fold.merge(part.fold)
    result.hiddenCategories = 0
    result.foldedSeries = rest.length
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
  const limit =
    fields.chartType === 'pie'
      ? MAX_SLICES * 2
      : result.axis === 'category' && fields.chartType !== 'scatter'
        ? MAX_CATEGORIES
        : MAX_POINTS
  if (result.axis === 'category') {
    marks = sortLabels(marks, (mark) => mark.cell, result.xType)
  } else if (fields.chartType !== 'scatter') {
    marks.sort((a, b) => a.x - b.x)
  }
  if (marks.length > limit) {
    result.hiddenCategories = marks.length - limit
    marks = marks.slice(0, limit)
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
    const name = key === other ? OTHER_LABEL : at.colorAt < 0 ? result.measure : String(names.get(key) ?? EMPTY_LABEL)
    const one: Series = { name, values: [], points: [] }
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

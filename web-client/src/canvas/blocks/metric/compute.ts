/**
 * From rows to one number: fold all of them, or the last period of them, and say how the periods went. Pure: no DOM and no
 * formatting. What is left out is counted in the result, so that the block can say so.
 *
 * A calculation in a text (`first`, `last`, `percentage_change` of this block) means the same as here for each value of x;
 * `tests/vectors/calculations.json` holds both to it. Periods longer than a value are this block's own.
 */
import { asNumber, asTime, type Cell, type Column, type ColumnType } from '../../../platform/datasets/cells'
import { floorTime, type TimeUnit } from '../../../platform/datasets/periods'
import { type Aggregation, Fold } from '../chart/aggregate'

export const METRIC_AGGREGATIONS = ['sum', 'avg', 'median', 'min', 'max', 'count', 'distinct', 'last', 'first'] as const
export type MetricAggregation = (typeof METRIC_AGGREGATIONS)[number]
export const COMPARISONS = ['previous', 'first', 'none'] as const
export type Comparison = (typeof COMPARISONS)[number]
export const SPANS = ['all', 'last'] as const
export type Span = (typeof SPANS)[number]

export interface MetricFields {
  /** The column that is folded; empty counts rows. */
  y: string
  aggregation: MetricAggregation
  /** The column that orders rows into periods; empty for none. */
  x: string
  timeUnit: TimeUnit
  /** Which rows the number is of: all of them, or those of the last period along `x`. */
  span: Span
  compare: Comparison
}

/** One place along x with the rows that fall there. */
export interface Period {
  cell: Cell
  /** Where it stands on the line: milliseconds or a number, otherwise its turn. */
  at: number
  value: number
}

export interface Change {
  from: Period
  to: Period
  difference: number
  /** Of the size of what it was; null when that was zero, which nothing is a share of. */
  ratio: number | null
}

export interface MetricResult {
  value: number | null
  /** The period the value is of; null when it is of all rows. */
  of: Period | null
  periods: Period[]
  change: Change | null
  xType: ColumnType
  unit: TimeUnit
  /** Rows whose cell is neither empty nor a number, and rows that have a value and no place along x. */
  noNumber: number
  noPlace: number
  missing: string[]
}

const isEmpty = (cell: Cell | undefined): cell is null | undefined | '' =>
  cell === null || cell === undefined || cell === ''

/** How the rows of one period are folded: the last period of a sum is the sum of that period. */
export const foldOf = ({ y, aggregation }: Pick<MetricFields, 'y' | 'aggregation'>): Aggregation => {
  if (y === '') return 'count'
  return aggregation === 'last' || aggregation === 'first' ? 'sum' : aggregation
}

export function compute(fields: MetricFields, columns: Column[], order: string[], rows: Cell[][]): MetricResult {
  const xAt = fields.x === '' ? -1 : order.indexOf(fields.x)
  const yAt = fields.y === '' ? -1 : order.indexOf(fields.y)
  const xType = columns.find((column) => column.name === fields.x)?.type ?? 'string'
  const unit: TimeUnit = xType === 'date' ? fields.timeUnit : ''
  const result: MetricResult = {
    value: null,
    of: null,
    periods: [],
    change: null,
    xType,
    unit,
    noNumber: 0,
    noPlace: 0,
    missing: [fields.x, fields.y].filter((name) => name !== '' && !order.includes(name)),
  }
  if (result.missing.length > 0) return result

  const aggregation = foldOf(fields)
  const all = new Fold()
  const places = new Map<string, { cell: Cell; at: number; fold: Fold }>()
  const thereOf = (row: Cell[]): Fold | null => {
    const place = xAt < 0 ? null : placeOf(row[xAt], xType, unit, places.size)
    if (place === null) return null
    const key = typeof place.key === 'number' ? `n${place.key}` : `s${place.key}`
    let there = places.get(key)
    if (!there) {
      there = { cell: place.cell, at: place.at, fold: new Fold() }
      places.set(key, there)
    }
    return there.fold
  }
  let first: number | null = null
  let last: number | null = null
  for (const row of rows) {
    const cell = yAt < 0 ? true : (row[yAt] ?? null)
    // Words have no order but that of the rows, also of those without a value.
    const there = thereOf(row)
    if (isEmpty(cell)) continue
    const number = aggregation === 'count' || aggregation === 'distinct' ? 1 : asNumber(cell)
    if (number === null) {
      result.noNumber++
      continue
    }
    const into = (fold: Fold) => (aggregation === 'distinct' ? fold.see(cell) : fold.add(number, aggregation))
    into(all)
    first ??= number
    last = number
    if (there !== null) into(there)
    else if (xAt >= 0) result.noPlace++
  }

  for (const { cell, at, fold } of [...places.values()].sort((a, b) => a.at - b.at)) {
    const value = fold.result(aggregation)
    if (value !== null) result.periods.push({ cell, at, value })
  }

  const { periods } = result
  if (fields.aggregation === 'first' || fields.aggregation === 'last') {
    const end = fields.aggregation === 'first' ? 0 : -1
    result.of = periods.at(end) ?? null
    if (result.of) result.value = result.of.value
    else if (xAt < 0 && yAt >= 0) result.value = fields.aggregation === 'first' ? first : last
    else if (yAt < 0) result.value = xAt < 0 ? all.result('count') : null
  } else if (fields.span === 'last' && xAt >= 0) {
    result.of = periods.at(-1) ?? null
    result.value = result.of?.value ?? null
  } else if (all.count > 0 || aggregation === 'count' || aggregation === 'distinct') {
    result.value = all.result(aggregation)
  }

  const to = periods.at(-1)
  const from = fields.compare === 'first' ? periods[0] : periods.at(-2)
  // The first value has nothing before it that it could have changed from.
  if (fields.compare !== 'none' && fields.aggregation !== 'first' && periods.length > 1 && to && from) {
    const difference = to.value - from.value
    result.change = { from, to, difference, ratio: from.value === 0 ? null : difference / Math.abs(from.value) }
  }
  return result
}

/** Where a row stands along x; null when its cell cannot be placed. */
function placeOf(
  cell: Cell | undefined,
  type: ColumnType,
  unit: TimeUnit,
  turn: number,
): { key: number | string; cell: Cell; at: number } | null {
  if (isEmpty(cell)) return null
  if (type === 'date') {
    const time = asTime(cell)
    if (time === null) return null
    const start = floorTime(time, unit)
    return { key: start, cell, at: start }
  }
  if (type === 'number') {
    const number = asNumber(cell)
    return number === null ? null : { key: number, cell, at: number }
  }
  return { key: String(cell), cell, at: turn }
}

export interface Spark {
  /** 0 to 1 from the left and from the top. */
  x: number
  y: number
}

/** The periods as places in a box. A line that never changes runs through the middle. */
export function sparkOf(periods: readonly Period[]): Spark[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { value } of periods) {
    if (value < low) low = value
    if (value > high) high = value
  }
  const start = periods[0]?.at ?? 0
  const span = (periods.at(-1)?.at ?? 0) - start
  return periods.map(({ at, value }) => ({
    x: span > 0 ? (at - start) / span : 0.5,
    y: high > low ? (high - value) / (high - low) : 0.5,
  }))
}

/** More points than pixels: of each stretch the lowest and the highest, so that no peak is lost. */
export function thin(points: readonly Spark[], most: number): Spark[] {
  if (points.length <= most) return [...points]
  const kept: Spark[] = []
  const step = points.length / (most / 2)
  for (let begin = 0; begin < points.length; begin += step) {
    const part = points.slice(Math.floor(begin), Math.floor(begin + step))
    let [top, bottom] = [part[0], part[0]]
    for (const point of part) {
      if (top && point.y < top.y) top = point
      if (bottom && point.y > bottom.y) bottom = point
    }
    if (!top || !bottom) continue
    if (top === bottom) kept.push(top)
    else kept.push(...(top.x <= bottom.x ? [top, bottom] : [bottom, top]))
  }
  const [first, last] = [points[0], points.at(-1)]
  if (first && kept[0] !== first) kept.unshift(first)
  if (last && kept.at(-1) !== last) kept.push(last)
  return kept
}

/** The period nearest to a place from the left, 0 to 1. */
export function nearest(points: readonly Spark[], x: number): number {
  let [low, high] = [0, points.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle]?.x ?? 0) < x) low = middle + 1
    else high = middle
  }
  const before = points[low - 1]
  const here = points[low]
  return before && here && x - before.x < here.x - x ? low - 1 : low
}

/**
 * What a chart should show when somebody has only picked a dataset, or another field: a type, fields and an aggregation
 * that give a readable picture. Pure; looks at the columns and at a sample of rows, never at the whole dataset.
 */
import { asTime, type Cell, type Column, sortLabels } from '../../../platform/datasets/cells'
import { type TimeUnit, unitForSpan } from '../../../platform/datasets/periods'
import type { Aggregation, ChartType, Sort } from './aggregate'

export interface Suggestion {
  chart_type: ChartType
  x_axis: string
  y_axis: string
  color: string
  aggregation: Aggregation
  time_unit: TimeUnit
  sort: Sort
  title: string
}

/** Columns that name or number a row rather than measure something. */
const IDENTIFIER = /(^|[_\s-])(id|uuid|guid|key|index|zip|zipcode|postcode|fips|iata|code|rank|phone)s?$|^(id|no|nr)$/i
const PLACE = /^(lat|latitude|lon|lng|long|longitude)$/i
const YEAR = /^(year|yr|jahr|fiscal[_\s-]?year)$/i
/** Measures of state: adding them up over rows means nothing. */
const STATE =
  /(price|rate|ratio|percent|pct|avg|average|mean|score|rating|index|temp|temperature|humidity|pressure|speed|wind|expect|age|height|weight|length|width|depth|density|share)/i

export const isYearColumn = (column: Column): boolean => column.type === 'number' && YEAR.test(column.name)
/** A number that measures something, by its name. */
export const isMeasure = (column: Column): boolean =>
  column.type === 'number' && !YEAR.test(column.name) && !IDENTIFIER.test(column.name) && !PLACE.test(column.name)
export const isState = (name: string): boolean => STATE.test(name)

interface Profile {
  column: Column
  distinct: number
  empty: number
  rows: number
}

function profile(column: Column, at: number, rows: Cell[][]): Profile {
  const seen = new Set<Cell>()
  let empty = 0
  for (const row of rows) {
    const cell = row[at] ?? null
    if (cell === null || cell === '') empty++
    else seen.add(cell)
  }
  return { column, distinct: seen.size, empty, rows: rows.length }
}

const words = (name: string) => name.replace(/[_]+/g, ' ').trim()
/** The titles given here; `isSuggestedTitle` recognises them. */
const titles = {
  over: (y: string) => sentence(`${words(y)} over time`),
  by: (x: string, y: string) => sentence(`${y === '' ? 'rows' : words(y)} by ${words(x)}`),
  against: (x: string, y: string) => sentence(`${words(y)} against ${words(x)}`),
}

/** True for a title that came from here for these fields, and so may be replaced when the fields are. */
export const isSuggestedTitle = (title: string, x: string, y: string): boolean =>
  title === titles.over(y) || title === titles.by(x, y) || title === titles.against(x, y)

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

/** At most this many rows are looked at. */
const SAMPLE = 2000

export function suggest(columns: Column[], order: string[], rows: Cell[][]): Suggestion {
  const sample = rows.length > SAMPLE ? spread(rows, SAMPLE) : rows
  const profiles = columns
    .map((column) => profile(column, order.indexOf(column.name), sample))
    .filter((one) => one.rows === 0 || one.empty < one.rows)
  const byType = (type: Column['type']) => profiles.filter((one) => one.column.type === type)

  const isYear = (one: Profile) => isYearColumn(one.column)
  const time = byType('date')[0] ?? profiles.find((one) => isYear(one) && one.distinct > 1)
  const measures = profiles.filter((one) => isMeasure(one.column))
  const measure = measures[0]
  const groups = [...byType('string'), ...byType('boolean')].filter(
    (one) =>
      (one.distinct >= 1 || one.rows === 0) &&
      !(one.rows >= 20 && one.distinct === one.rows && IDENTIFIER.test(one.column.name)),
  )
  // A colour says something with two to eight values; beyond that the legend is longer than the chart.
  const color = groups.find((one) => one.distinct >= 2 && one.distinct <= 8)
  const axis =
    groups.filter((one) => one.distinct >= 2 && one.distinct <= 30).sort((a, b) => b.distinct - a.distinct)[0] ??
    groups.find((one) => one.distinct <= 60) ??
    groups[0]

  const fold: Aggregation = measure && isState(measure.column.name) ? 'avg' : 'sum'
  const make = (
    chart_type: ChartType,
    x: Profile | undefined,
    y: Profile | undefined,
    by: Profile | undefined,
    aggregation: Aggregation,
    title: string,
  ): Suggestion => ({
    chart_type,
    x_axis: x?.column.name ?? '',
    y_axis: y?.column.name ?? '',
    color: by && by !== x ? by.column.name : '',
    aggregation,
    time_unit: x?.column.type === 'date' && aggregation !== 'none' ? timeUnitOf(x, order, sample) : '',
    sort: chart_type === 'bar' && x?.column.type === 'string' && !hasOrder(x, order, sample) ? '-value' : 'auto',
    title,
  })

  if (time && measure) {
    const by = color
    // One row per moment and colour needs no folding; asking for one would only rename the axis.
    const unique = time.rows > 0 && !by && time.distinct === time.rows - time.empty
    return make('line', time, measure, by, unique ? 'none' : fold, titles.over(measure.column.name))
  }
  if (measure && axis && axis.distinct <= 60) {
    return make('bar', axis, measure, undefined, fold, titles.by(axis.column.name, measure.column.name))
  }
  if (measures.length >= 2) {
    const [x, y] = measures as [Profile, Profile]
    return make('scatter', x, y, color, 'none', titles.against(x.column.name, y.column.name))
  }
  if (measure && axis)
    return make('bar', axis, measure, undefined, fold, titles.by(axis.column.name, measure.column.name))
  if (axis) {
    const chart = axis.distinct >= 2 && axis.distinct <= 5 ? 'pie' : 'bar'
    return make(chart, axis, undefined, undefined, 'count', titles.by(axis.column.name, ''))
  }
  if (time) return make('bar', time, undefined, undefined, 'count', titles.by(time.column.name, ''))
  const any = profiles[0]
  return make('bar', any, undefined, undefined, 'count', any ? titles.by(any.column.name, '') : '')
}

/** More moments than this on one axis, and grouping them shows more. */
const MANY_MOMENTS = 120

function timeUnitOf(x: Profile, order: string[], sample: Cell[][]): TimeUnit {
  if (x.distinct <= MANY_MOMENTS) return ''
  return unitForSpan(spanOf(sample, order.indexOf(x.column.name)))
}

function spanOf(rows: Cell[][], at: number): number {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const row of rows) {
    const time = asTime(row[at])
    if (time === null) continue
    if (time < min) min = time
    if (time > max) max = time
  }
  return max > min ? max - min : 0
}

/** Months, weekdays and numbered names have an order of their own, which the largest first would hide. */
function hasOrder(x: Profile, order: string[], sample: Cell[][]): boolean {
  const at = order.indexOf(x.column.name)
  const names = [...new Set(sample.map((row) => row[at] ?? null))].filter((cell) => cell !== null && cell !== '')
  if (names.length < 2) return false
  if (names.every((cell) => /\d/.test(String(cell)))) return true
  const byName = [...names].sort((a, b) => String(a).localeCompare(String(b)))
  return sortLabels(byName, (cell) => cell, 'string').some((cell, index) => cell !== byName[index])
}

export interface Fields {
  x: string
  y: string
}

/** The type these two fields call for. */
export function typeFor({ x, y }: Fields, columns: Column[]): ChartType {
  const xType = columns.find((column) => column.name === x)?.type
  const yType = columns.find((column) => column.name === y)?.type
  if (xType === 'date' || (xType === 'number' && YEAR.test(x))) return 'line'
  if (xType === 'number' && yType === 'number') return 'scatter'
  return 'bar'
}

/** How this measure is folded: prices and temperatures have an average, sales a sum, names are counted. */
export function foldFor({ y }: Pick<Fields, 'y'>, columns: Column[]): Aggregation {
  if (y === '') return 'count'
  if (columns.find((column) => column.name === y)?.type !== 'number') return 'count'
  return STATE.test(y) ? 'avg' : 'sum'
}

export interface Refit {
  chart_type?: ChartType
  aggregation?: Aggregation
  time_unit?: TimeUnit
  title?: string
}

/**
 * What changes along with a field. Only what was as it would have been suggested follows: a type, a fold or a title that
 * somebody chose otherwise is theirs.
 */
export function refit(
  now: Fields & { chartType: ChartType; aggregation: Aggregation; timeUnit: TimeUnit; title: string },
  next: Fields,
  columns: Column[],
  order: string[],
  rows: Cell[][],
): Refit {
  const change: Refit = {}
  const [was, becomes] = [typeFor(now, columns), typeFor(next, columns)]
  const type = now.chartType === was && was !== becomes ? becomes : now.chartType
  if (type !== now.chartType) change.chart_type = type

  const fold = foldFor(next, columns)
  let aggregation = now.aggregation
  if (type === 'scatter' && now.chartType !== 'scatter') aggregation = 'none'
  else if (now.chartType === 'scatter' && type !== 'scatter' && now.aggregation === 'none') aggregation = fold
  else if (now.y !== next.y && now.aggregation !== 'none') {
    const numeric = columns.find((column) => column.name === next.y)?.type === 'number'
    if (now.y === '' || now.aggregation === foldFor(now, columns)) aggregation = fold
    else if (!numeric && next.y !== '' && now.aggregation !== 'count' && now.aggregation !== 'distinct')
      aggregation = fold
  }
  if (aggregation !== now.aggregation) change.aggregation = aggregation

  const dated = columns.find((column) => column.name === next.x)?.type === 'date'
  if (dated && now.x !== next.x && now.timeUnit === '' && aggregation !== 'none') {
    const sample = rows.length > SAMPLE ? spread(rows, SAMPLE) : rows
    const column = columns.find((one) => one.name === next.x)
    const unit = column ? timeUnitOf(profile(column, order.indexOf(next.x), sample), order, sample) : ''
    if (unit !== '') change.time_unit = unit
  }
  if (isSuggestedTitle(now.title, now.x, now.y)) {
    const title =
      next.x === ''
        ? ''
        : type === 'scatter'
          ? titles.against(next.x, next.y)
          : type === 'line' && next.y !== ''
            ? titles.over(next.y)
            : titles.by(next.x, next.y)
    if (title !== '' && title !== now.title) change.title = title
  }
  return change
}

function spread(rows: Cell[][], count: number): Cell[][] {
  const step = rows.length / count
  const taken: Cell[][] = []
  for (let i = 0; i < count; i++) {
    const row = rows[Math.floor(i * step)]
    if (row) taken.push(row)
  }
  return taken
}

/**
 * What a chart should show when somebody has only picked a dataset: a type, fields and an aggregation that give a
 * readable first picture. Pure; looks at the columns and at a sample of rows, never at the whole dataset.
 */
import type { Cell, Column } from '../../../platform/datasets/cells'
import type { Aggregation, ChartType } from './aggregate'

export interface Suggestion {
  chart_type: ChartType
  x_axis: string
  y_axis: string
  color: string
  aggregation: Aggregation
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

function spread(rows: Cell[][], count: number): Cell[][] {
  const step = rows.length / count
  const taken: Cell[][] = []
  for (let i = 0; i < count; i++) {
    const row = rows[Math.floor(i * step)]
    if (row) taken.push(row)
  }
  return taken
}

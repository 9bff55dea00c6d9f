/**
 * The calculations a chip may be bound to, as text: `agg`, `agg:column` or `agg:column@by`.
 *
 * Owns the grammar, its meaning over rows, and how it reads in words. The number everybody sees is the server's; what is
 * computed here is only the preview while somebody chooses. Pure. Filters are applied by the caller, before.
 */
import { asNumber, asTime, type Cell, type ColumnType, compareCells, guessType } from '../../../platform/datasets/cells'

export const CALCULATIONS = [
  'sum',
  'avg',
  'median',
  'min',
  'max',
  'count',
  'distinct',
  'first',
  'last',
  'percentage_change',
] as const
export type Agg = (typeof CALCULATIONS)[number]

export interface Calculation {
  agg: Agg
  /** Empty: the column of the block itself. */
  column: string
  by: string
}

/** What the source block says about its own numbers, as far as a calculation leans on it. */
export interface Defaults {
  y: string
  x: string
  aggregation: string
}

export interface Rows {
  columns: string[]
  rows: Cell[][]
  /** Types where the dataset's description is at hand; otherwise they are guessed from the cells. */
  types?: Record<string, ColumnType>
}

export function parseCalculation(text: string): Calculation | null {
  const colon = text.indexOf(':')
  const agg = (colon < 0 ? text : text.slice(0, colon)).trim()
  if (!(CALCULATIONS as readonly string[]).includes(agg)) return null
  const rest = colon < 0 ? '' : text.slice(colon + 1)
  const at = rest.lastIndexOf('@')
  return {
    agg: agg as Agg,
    column: at < 0 ? rest : rest.slice(0, at),
    by: at < 0 ? '' : rest.slice(at + 1),
  }
}

/** The shortest text of a calculation; a column that is the block's own is left out, so that it follows the block. */
export function writeCalculation({ agg, column, by }: Calculation): string {
  if (by !== '') return `${agg}:${column}@${by}`
  return column === '' ? agg : `${agg}:${column}`
}

const isEmpty = (cell: Cell | undefined): boolean => cell === null || cell === undefined || cell === ''

/** Plain JSON numbers of at most 12 significant digits: two machines that add in another order agree on them. */
export const rounded = (value: number): number => Number(value.toPrecision(12))

function fold(agg: string, cells: (Cell | undefined)[]): number | null {
  if (agg === 'count') return cells.filter((cell) => !isEmpty(cell)).length
  if (agg === 'distinct')
    return new Set(cells.filter((cell) => !isEmpty(cell)).map((cell) => `${typeof cell} ${cell}`)).size
  const numbers: number[] = []
  for (const cell of cells) {
    const value = asNumber(cell)
    if (value !== null) numbers.push(value)
  }
  if (numbers.length === 0) return null
  switch (agg) {
    case 'avg':
      return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
    case 'median': {
      numbers.sort((a, b) => a - b)
      const middle = numbers.length >> 1
      const high = numbers[middle] ?? 0
      return numbers.length % 2 === 1 ? high : ((numbers[middle - 1] ?? 0) + high) / 2
    }
    case 'min':
      return numbers.reduce((least, one) => Math.min(least, one))
    case 'max':
      return numbers.reduce((most, one) => Math.max(most, one))
    default:
      return numbers.reduce((sum, one) => sum + one, 0)
  }
}

/** The values of the groups of `by`, in numeric or date order, else in order of appearance. */
function grouped(rows: Rows, at: number, byAt: number, by: string, aggregation: string): (number | null)[] {
  const type = rows.types?.[by] ?? guessType(rows.rows, byAt)
  const groups = new Map<string, { cell: Cell; cells: (Cell | undefined)[] }>()
  for (const row of rows.rows) {
    const cell = row[byAt] ?? null
    if (isEmpty(cell)) continue
    const moment = type === 'date' ? asTime(cell) : null
    const key = moment === null ? String(cell) : `t${moment}`
    let group = groups.get(key)
    if (!group) {
      group = { cell, cells: [] }
      groups.set(key, group)
    }
    group.cells.push(at < 0 ? true : row[at])
  }
  const order = [...groups.values()]
  if (type === 'number' || type === 'date') order.sort((a, b) => compareCells(a.cell, b.cell, type))
  return order.map((group) => fold(at < 0 ? 'count' : aggregation, group.cells))
}

/** The value, or null where there is none: no such column, no numbers, nothing to compare with. */
export function calculate(calculation: Calculation, defaults: Defaults, rows: Rows): number | null {
  const column = calculation.column || defaults.y
  const by = calculation.by || defaults.x
  const at = column === '' ? -1 : rows.columns.indexOf(column)
  if (column !== '' && at < 0) return null
  const { agg } = calculation
  let value: number | null
  if (agg === 'first' || agg === 'last' || agg === 'percentage_change') {
    const byAt = rows.columns.indexOf(by)
    if (by === '' || byAt < 0) return null
    const own = defaults.aggregation
    const aggregation = own === 'none' || own === '' || own === 'first' || own === 'last' ? 'sum' : own
    const values = grouped(rows, at, byAt, by, aggregation).filter((one) => one !== null)
    const first = values[0] ?? null
    const last = values.at(-1) ?? null
    if (first === null || last === null) return null
    if (agg === 'percentage_change') value = first === 0 ? null : ((last - first) / Math.abs(first)) * 100
    else value = agg === 'first' ? first : last
  } else if (at < 0) {
    value = agg === 'count' ? rows.rows.length : null
  } else {
    value = fold(
      agg,
      rows.rows.map((row) => row[at]),
    )
  }
  return value === null || !Number.isFinite(value) ? null : rounded(value)
}

const WORDS: Record<Agg, string> = {
  sum: 'Sum of',
  avg: 'Average',
  median: 'Median',
  min: 'Lowest',
  max: 'Highest',
  count: 'Count of',
  distinct: 'Different values of',
  first: 'First',
  last: 'Latest',
  percentage_change: 'Change in',
}

/** "Sum of revenue", "Change in price, first to last date". */
export function inWords(calculation: Calculation, defaults: Defaults): string {
  const column = calculation.column || defaults.y
  const by = calculation.by || defaults.x
  const { agg } = calculation
  const end = agg === 'first' || agg === 'last'
  if (agg === 'percentage_change') {
    return `Change in ${column || 'the number of rows'}${by === '' ? '' : `, first to last ${by}`}`
  }
  if (column === '') return end && by !== '' ? `Number of rows, ${WORDS[agg].toLowerCase()} ${by}` : 'Number of rows'
  if (end && by !== '') return `${WORDS[agg]} ${column} by ${by}`
  return `${WORDS[agg]} ${column}`
}

const NAMES: Record<Agg, (column: string) => string> = {
  sum: (column) => `${column} total`,
  avg: (column) => `${column} average`,
  median: (column) => `${column} median`,
  min: (column) => `lowest ${column}`,
  max: (column) => `highest ${column}`,
  count: (column) => (column === 'rows' ? 'rows' : `${column} count`),
  distinct: (column) => `different ${column}`,
  first: (column) => `first ${column}`,
  last: (column) => `last ${column}`,
  percentage_change: (column) => `${column} change`,
}

/** The most a key may hold, in UTF-16 units. */
export const KEY_LIMIT = 60

/** A name a person would give the value: "revenue total". It is what stands in the Markdown between the braces. */
export function keyFor(calculation: Calculation, defaults: Defaults): string {
  const column = (calculation.column || defaults.y || 'rows')
    .replace(/[{}|\n_]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return NAMES[calculation.agg](column).slice(0, KEY_LIMIT).trim()
}

/** `key`, or "key 2", "key 3" … where it is taken. */
export function uniqueKey(key: string, taken: (key: string) => boolean): string {
  if (!taken(key)) return key
  for (let number = 2; ; number++) {
    const end = ` ${number}`
    const next = `${key.slice(0, KEY_LIMIT - end.length)}${end}`
    if (!taken(next)) return next
  }
}

/** What may be asked of a source, the likeliest first: its own number, its change, then the rest of its numeric columns. */
export function proposals(defaults: Defaults, rows: Rows): Calculation[] {
  const type = (name: string): ColumnType => rows.types?.[name] ?? guessType(rows.rows, rows.columns.indexOf(name))
  const out: Calculation[] = []
  const seen = new Set<string>()
  const add = (agg: Agg, column = '', by = '') => {
    const one = { agg, column, by }
    const key = writeCalculation(one)
    if (!seen.has(key) && out.length < 60) out.push(one)
    seen.add(key)
  }
  const numeric = (name: string) => type(name) === 'number'
  if (defaults.y !== '' && rows.columns.includes(defaults.y)) {
    if (numeric(defaults.y)) {
      const own = CALCULATIONS.find((agg) => agg === defaults.aggregation)
      if (own) add(own)
      add('sum')
      if (defaults.x !== '' && rows.columns.includes(defaults.x)) add('percentage_change')
      for (const agg of ['avg', 'median', 'min', 'max'] as const) add(agg)
      if (defaults.x !== '' && rows.columns.includes(defaults.x)) {
        add('first')
        add('last')
      }
    }
    add('count')
    if (!numeric(defaults.y)) add('distinct')
  } else add('count')
  for (const name of rows.columns) {
    if (name === defaults.y || name.includes('@')) continue
    if (numeric(name)) for (const agg of ['sum', 'avg', 'min', 'max'] as const) add(agg, name)
    else if (type(name) === 'string') add('distinct', name)
  }
  return out
}

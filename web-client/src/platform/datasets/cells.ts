/**
 * Cells: the typed values of a dataset's rows, and what may be read out of one (a number, a moment, an order).
 * Owns no fetching and no formatting; charts, tables and pickers all compare and convert through here, so that the
 * same column sorts the same way everywhere.
 */

export type Cell = string | number | boolean | null
export type ColumnType = 'string' | 'number' | 'boolean' | 'date'
export interface Column {
  name: string
  type: ColumnType
}

/** The whole set of rows of a dataset that the client holds. `rows[i][j]` belongs to `columns[j]`. */
export interface RowSet {
  columns: string[]
  rows: Cell[][]
  /** True when reading stopped at the client's bound and the dataset has more rows. */
  truncated: boolean
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/**
 * A finite number, from a number or from text that is wholly a decimal one; null for everything else. Strict on purpose:
 * "0x10" and " " are numbers to JavaScript and to nobody else, the server included.
 */
export function asNumber(cell: Cell | undefined): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null
  if (typeof cell === 'boolean') return cell ? 1 : 0
  if (typeof cell !== 'string') return null
  const text = cell.trim()
  if (!DECIMAL.test(text)) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?$/i

/**
 * The moment of ISO 8601 text, in milliseconds since 1970 UTC; null for any other text. Read here and not by the browser:
 * what 30 February is differs between browsers, and it is nothing to the server. Without a zone it is UTC.
 */
export function isoTime(text: string): number | null {
  const parts = ISO.exec(text.trim())
  if (parts === null) return null
  const part = (index: number): number => Number(parts[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (hour > 23 || minute > 59 || second > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  const millis = Number((parts[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const zone = parts[8] ?? 'Z'
  const offset = /z/i.test(zone) ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)))
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis
}

/** No `Date` holds a moment further from 1970 than this, milliseconds. */
const LAST_MOMENT = 8.64e15

/**
 * Milliseconds since 1970 UTC. Text without a zone is read as UTC: a dataset must give the same chart to two people in
 * two time zones. A bare number of up to four digits is a year.
 */
export function asTime(cell: Cell | undefined): number | null {
  if (typeof cell === 'number') {
    if (!(Math.abs(cell) <= LAST_MOMENT)) return null
    return Number.isInteger(cell) && cell >= 1000 && cell <= 9999 ? Date.UTC(cell, 0, 1) : cell
  }
  if (typeof cell !== 'string') return null
  const text = cell.trim()
  if (text === '') return null
  if (/^\d{4}$/.test(text)) return Date.UTC(Number(text), 0, 1)
  if (/^\d{4}-\d\d-\d\d/.test(text)) return isoTime(text)
  // "Jan 5 2024" and "1/5/2024" are read in the zone of whoever looks, unless they name one.
  return ISO_DATE.test(text) || ZONE.test(text) ? moment(text) : (moment(`${text} UTC`) ?? moment(text))
}

const ISO_DATE = /^[+-]?\d{4,6}-\d{2}/
const ZONE = /(Z|UTC|GMT|[+-]\d{2}:?\d{2}|\([^)]*\))$/i

const moment = (text: string): number | null => {
  const value = Date.parse(text)
  return Number.isNaN(value) ? null : value
}

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

function calendarIndex(words: string[], text: string): number {
  const low = text.trim().toLowerCase().replace(/\.$/, '')
  if (low.length < 3) return -1
  return words.findIndex((word) => word === low || (low.length <= 4 && word.startsWith(low)))
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** Ascending order of two cells of a column of this type. Empty cells come last. */
export function compareCells(a: Cell | undefined, b: Cell | undefined, type: ColumnType): number {
  const emptyA = a === null || a === undefined || a === ''
  const emptyB = b === null || b === undefined || b === ''
  if (emptyA || emptyB) return emptyA === emptyB ? 0 : emptyA ? 1 : -1
  if (type === 'number' || type === 'boolean') {
    const x = asNumber(a)
    const y = asNumber(b)
    if (x !== null && y !== null) return x - y
    if (x !== null || y !== null) return x !== null ? -1 : 1
  }
  if (type === 'date') {
    const x = asTime(a)
    const y = asTime(b)
    if (x !== null && y !== null) return x - y
    if (x !== null || y !== null) return x !== null ? -1 : 1
  }
  return collator.compare(String(a), String(b))
}

/**
 * Order for the labels of an axis: as compareCells, except that text which is wholly month or weekday names goes in
 * calendar order, because "Apr, Aug, Dec" is never what somebody meant.
 */
export function sortLabels<T>(items: T[], cellOf: (item: T) => Cell, type: ColumnType): T[] {
  if (type === 'string') {
    for (const words of [MONTHS, DAYS]) {
      const index = new Map<T, number>()
      for (const item of items) {
        const cell = cellOf(item)
        const at = typeof cell === 'string' ? calendarIndex(words, cell) : cell === null ? words.length : -1
        if (at < 0) break
        index.set(item, at)
      }
      if (index.size === items.length && items.length > 1) {
        return [...items].sort((a, b) => (index.get(a) ?? 0) - (index.get(b) ?? 0))
      }
    }
  }
  return [...items].sort((a, b) => compareCells(cellOf(a), cellOf(b), type))
}

/** The type of a column by its values, for rows whose dataset description is not at hand. */
export function guessType(rows: Cell[][], index: number): ColumnType {
  let seen = 0
  let numbers = 0
  let booleans = 0
  let dates = 0
  for (const row of rows) {
    const cell = row[index]
    if (cell === null || cell === undefined || cell === '') continue
    seen++
    if (typeof cell === 'number') numbers++
    else if (typeof cell === 'boolean') booleans++
    else if (/^\d{4}-\d{2}-\d{2}/.test(cell) && asTime(cell) !== null) dates++
    if (seen >= 200) break
  }
  if (seen === 0) return 'string'
  if (numbers === seen) return 'number'
  if (booleans === seen) return 'boolean'
  return dates === seen ? 'date' : 'string'
}

/**
 * Filters of a block over the rows of its dataset: reading them, applying them, saying them in words. Pure.
 *
 * The server applies the same rules when it computes a number from a filtered block; `tests/vectors/calculations.json`
 * holds both to them. The rules, in order:
 * - all filters must hold; a column the dataset does not have reads as empty cells;
 * - an empty cell (null or "") matches only `empty` and `!=`;
 * - two values that both read wholly as decimal numbers compare as numbers, two that both read as ISO dates as time,
 *   everything else as text: exactly, or without regard to case for `contains`.
 */
import type { Json } from '../../doc/schema'
import { asNumber, type Cell, type Column, type ColumnType, isoTime } from '../../platform/datasets/cells'
import { type Format, formatCell, formatOf } from './format'

export const FILTER_OPS = ['=', '!=', '<', '<=', '>', '>=', 'contains', 'in', 'empty', 'not_empty'] as const
export type FilterOp = (typeof FILTER_OPS)[number]
export type FilterValue = string | number | boolean | (string | number | boolean)[]
export type Filter = { field: string; op: FilterOp; value: FilterValue }

/** More filters than a person sets; a document with more is read up to here. */
export const MAX_FILTERS = 50

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

/** The filters in a `filters` leaf. What is no filter is left out: a damaged entry must not hide every row. */
export function readFilters(value: Json | undefined): Filter[] {
  if (!Array.isArray(value)) return []
  const filters = value.slice(0, MAX_FILTERS).flatMap((one): Filter[] => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return []
    const { field, op, value: wanted } = one
    if (typeof field !== 'string' || !(FILTER_OPS as readonly unknown[]).includes(op)) return []
    if (op === 'empty' || op === 'not_empty') return [{ field, op, value: '' }]
    const known = op as FilterOp
    if (isScalar(wanted)) return [{ field, op: known, value: wanted }]
    return Array.isArray(wanted) ? [{ field, op: known, value: wanted.filter(isScalar) }] : []
  })
  // Two people may have added the same one; it says nothing twice, and each is known by what it says.
  return filters.filter((one, index) => filters.findIndex((other) => sameFilter(one, other)) === index)
}

export const isEmptyCell = (cell: Cell | undefined): boolean => cell === null || cell === undefined || cell === ''

/** True and false are words here, not 1 and 0. */
const numberIn = (value: Cell | undefined): number | null => (typeof value === 'boolean' ? null : asNumber(value))

const timeIn = (value: Cell | undefined): number | null => (typeof value === 'string' ? isoTime(value) : null)

/** Text by code points, as the server orders it; JavaScript's own order is by UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; ) {
    const x = a.codePointAt(at) ?? 0
    const y = b.codePointAt(at) ?? 0
    if (x !== y) return x - y
    at += x > 0xffff ? 2 : 1
  }
  return a.length - b.length
}

type Scalar = string | number | boolean
type Test = (cell: Cell) => boolean

/** Compares cells with one value that was read once: a filter runs over 100,000 rows. */
function comparison(value: Scalar): (cell: Cell) => number {
  const number = numberIn(value)
  const time = timeIn(value)
  const text = String(value)
  return (cell) => {
    if (number !== null) {
      const own = numberIn(cell)
      if (own !== null) return own - number
    } else if (time !== null) {
      const own = timeIn(cell)
      if (own !== null) return own - time
    }
    return compareText(String(cell), text)
  }
}

/** True for the non-empty cells that match. */
function matching({ op, value }: Filter): Test {
  const scalar: Scalar = Array.isArray(value) ? (value[0] ?? '') : value
  const compare = comparison(scalar)
  switch (op) {
    case '=':
      return (cell) => compare(cell) === 0
    case '!=':
      return (cell) => compare(cell) !== 0
    case '<':
      return (cell) => compare(cell) < 0
    case '<=':
      return (cell) => compare(cell) <= 0
    case '>':
      return (cell) => compare(cell) > 0
    case '>=':
      return (cell) => compare(cell) >= 0
    case 'contains': {
      const needle = String(scalar).toLowerCase()
      return (cell) => String(cell).toLowerCase().includes(needle)
    }
    case 'in': {
      const each = (Array.isArray(value) ? value : [value]).map(comparison)
      return (cell) => each.some((one) => one(cell) === 0)
    }
    case 'empty':
      return () => false
    case 'not_empty':
      return () => true
  }
}

/** Whether a row passes, as a function of the row. */
export function rowTest(order: readonly string[], filters: readonly Filter[]): (row: readonly Cell[]) => boolean {
  const tests = filters.map((filter) => {
    const index = order.indexOf(filter.field)
    const test = matching(filter)
    const whenEmpty = filter.op === 'empty' || filter.op === '!='
    return (row: readonly Cell[]): boolean => {
      const cell = index < 0 ? null : (row[index] ?? null)
      return isEmptyCell(cell) ? whenEmpty : test(cell)
    }
  })
  return (row) => tests.every((test) => test(row))
}

/**
 * The rows that pass all filters; the very same array when there are none. `order` names the cells of a row. The types
 * of the columns do not matter: what two values read as decides, so that the server needs no types either.
 */
export function applyFilters(
  rows: Cell[][],
  order: readonly string[],
  _columns: readonly Column[],
  filters: readonly Filter[],
): Cell[][] {
  return filters.length === 0 ? rows : rows.filter(rowTest(order, filters))
}

export const sameFilter = (a: Filter, b: Filter): boolean =>
  a.field === b.field && a.op === b.op && JSON.stringify(a.value) === JSON.stringify(b.value)

/** Comparisons worth offering for a column, the likeliest first. */
export function opsFor(type: ColumnType): FilterOp[] {
  switch (type) {
    case 'number':
      return ['=', '!=', '>', '>=', '<', '<=', 'in', 'empty', 'not_empty']
    case 'date':
      return ['>=', '<=', '=', '!=', '>', '<', 'empty', 'not_empty']
    case 'boolean':
      return ['=', '!=', 'empty', 'not_empty']
    case 'string':
      return ['in', '=', '!=', 'contains', 'empty', 'not_empty']
  }
}

export const needsValue = (op: FilterOp): boolean => op !== 'empty' && op !== 'not_empty'

/** A comparison in words, to stand between a column and a value. */
export function opWords(op: FilterOp, type: ColumnType): string {
  const date = type === 'date'
  switch (op) {
    case '=':
      return 'is'
    case '!=':
      return 'is not'
    case '<':
      return date ? 'is before' : 'is less than'
    case '<=':
      return date ? 'is on or before' : 'is at most'
    case '>':
      return date ? 'is after' : 'is more than'
    case '>=':
      return date ? 'is on or after' : 'is at least'
    case 'contains':
      return 'contains'
    case 'in':
      return 'is any of'
    case 'empty':
      return 'is empty'
    case 'not_empty':
      return 'is not empty'
  }
}

const LISTED = 2

/** A filter as a person reads it, in three parts: "Region", "is", "West". One value of `in` reads as "is". */
export function filterParts(
  { field, op, value }: Filter,
  columns: readonly Column[],
  formats: (field: string) => Format | undefined = () => undefined,
): { verb: string; value: string } {
  const type = columns.find((column) => column.name === field)?.type ?? 'string'
  const format = formats(field) ?? formatOf(type)
  const words = (one: Scalar): string => formatCell(one, format, { name: field })
  if (!needsValue(op)) return { verb: opWords(op, type), value: '' }
  const list = Array.isArray(value) ? value : [value]
  if (op === 'in' && list.length === 0) return { verb: 'is any of', value: 'nothing' }
  const shown = list.slice(0, list.length === LISTED + 1 ? LISTED + 1 : LISTED).map(words)
  const more = list.length - shown.length
  return {
    verb: opWords(op === 'in' && list.length === 1 ? '=' : op, type),
    value: more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', '),
  }
}

/** What a person typed, as the value a column of this type is compared with. Null when it is no such value. */
export function parseValue(text: string, type: ColumnType): Scalar | null {
  const clean = text.trim()
  if (clean === '') return null
  if (type === 'number') return numberIn(clean.replace(/(\d),(?=\d{3}(\D|$))/g, '$1').replace(/%$/, ''))
  if (type === 'boolean') return /^(true|yes|1)$/i.test(clean) ? true : /^(false|no|0)$/i.test(clean) ? false : null
  return clean
}

/** Distinct values looked at before suggestions stop counting: a column of a million names has no common ones. */
const MAX_DISTINCT = 2_000

/** The values of a column, the most frequent first, with how many rows have each. */
export function suggestions(rows: readonly Cell[][], index: number): { value: Scalar; count: number }[] {
  if (index < 0) return []
  const counts = new Map<Scalar, number>()
  for (const row of rows) {
    const cell = row[index]
    if (cell === null || cell === undefined || cell === '') continue
    const seen = counts.get(cell)
    if (seen !== undefined) counts.set(cell, seen + 1)
    else if (counts.size < MAX_DISTINCT) counts.set(cell, 1)
  }
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
}

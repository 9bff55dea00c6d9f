/**
 * Which columns a table shows, and how: the block's own columns over the dataset's. Pure, and shared with the
 * inspector. Owns the order, the width estimate and the default sort; refuses to touch the document.
 */
import type { Json, JsonObject } from '../../../doc/schema'
import { asNumber, type Cell, type Column, type ColumnType } from '../../../platform/datasets/cells'
import { type CellOptions, type Format, formatCell, formatOf, isNumeric, toFormat } from '../format'
import type { SortRule } from '../localView'

export const ALIGNS = ['left', 'center', 'right'] as const
export type Align = (typeof ALIGNS)[number]

export interface TableColumn {
  field: string
  header: string
  format: Format
  /** The type of the cells, which decides how they sort; the format only decides how they read. */
  type: ColumnType
  /** Place of the cell in a row, or -1 when the dataset has no such column. */
  index: number
  hidden: boolean
  /** Pixels somebody chose; null when nobody did. */
  width: number | null
  /** Where somebody wants the cells; null leaves it to the format. */
  align: Align | null
  /** Decimals somebody chose; null leaves it to the numbers. */
  decimals: number | null
  currency: string
  /** The canvas has this column written down; otherwise it is only the dataset's. */
  stored: boolean
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const MIN_WIDTH = 48
export const MAX_WIDTH = 1200
export const MAX_DECIMALS = 6

export const clampWidth = (width: number): number => Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width)))

/** Numbers stand at the right, where their digits line up; everything else at the left. */
export const alignOf = (column: TableColumn): Align => column.align ?? (isNumeric(column.format) ? 'right' : 'left')

/** "total_sales" reads "Total sales"; a name that already has capitals or spaces is left as its author wrote it. */
export function headerOf(field: string): string {
  if (/[A-Z ]/.test(field)) return field
  const words = field.replace(/_+/g, ' ').trim()
  return words === '' ? field : words.charAt(0).toUpperCase() + words.slice(1)
}

const byOrder = ([a, x]: [string, string], [b, y]: [string, string]): number =>
  x < y ? -1 : x > y ? 1 : a < b ? -1 : a > b ? 1 : 0

/** The columns a canvas has written down with their order keys, in their order. Equal keys go by name, on every machine. */
export function storedOrder(stored: Json): [field: string, order: string][] {
  if (!isObject(stored)) return []
  return Object.entries(stored)
    .map(([field, value]): [string, string] => [
      field,
      isObject(value) && typeof value.order === 'string' ? value.order : '',
    ])
    .sort(byOrder)
}

/**
 * The columns of a table in their order. Without any of its own it shows the dataset's; with some, those of the dataset
 * it does not name come last, hidden, so that they can be found and shown.
 */
export function tableColumns(stored: Json, columns: Column[], order: string[]): TableColumn[] {
  const types = new Map(columns.map((column) => [column.name, column.type]))
  const of = (field: string, value: Json | undefined, hidden: boolean): TableColumn => {
    const own = isObject(value) ? value : {}
    const type = types.get(field) ?? 'string'
    const { header, width, align, decimals, currency } = own
    return {
      field,
      header: typeof header === 'string' && header !== '' ? header : headerOf(field),
      format: own.type === undefined ? formatOf(type) : toFormat(own.type),
      type,
      index: order.indexOf(field),
      hidden: isObject(value) ? own.hidden === true : hidden,
      width: typeof width === 'number' && Number.isFinite(width) ? clampWidth(width) : null,
      align: ALIGNS.find((one) => one === align) ?? null,
      decimals: typeof decimals === 'number' && decimals >= 0 ? Math.min(MAX_DECIMALS, Math.floor(decimals)) : null,
      currency: typeof currency === 'string' && /^[A-Z]{3}$/.test(currency) ? currency : 'USD',
      stored: isObject(value),
    }
  }
  const own = storedOrder(stored)
  const known = new Set(own.map(([field]) => field))
  return [
    ...own.map(([field]) => of(field, isObject(stored) ? stored[field] : undefined, false)),
    ...order.filter((field) => !known.has(field)).map((field) => of(field, undefined, own.length > 0)),
  ]
}

/** How the cells of a column are written. */
export const cellOptions = (column: TableColumn, digits: number | undefined): CellOptions => ({
  name: column.field,
  currency: column.currency,
  digits: column.decimals ?? digits,
})

/** Columns to store when a dataset is chosen for a table, in canvas JSON without the order key. */
export function columnsFor(columns: Column[]): { field: string; header: string; type: Format }[] {
  return columns.map((column) => ({
    field: column.name,
    header: headerOf(column.name),
    type: guessFormat(column),
  }))
}

/** Money and percentages are numbers to the dataset; only their name tells. */
export function guessFormat(column: Column): Format {
  if (column.type !== 'number') return formatOf(column.type)
  const name = column.name.replace(/_/g, ' ')
  if (/%|\b(pct|percent|percentage)\b/i.test(name)) return 'percentage'
  if (/\b(usd|dollars?|revenue|gross)\b/i.test(name)) return 'currency'
  return 'number'
}

/** Rows looked at to choose a width and a number of decimals. */
const SAMPLE = 200

/**
 * Rows spread over the dataset, by uneven steps: every fifth or twelfth row of real data is often alike (a month, a round
 * number), and even steps would see only those.
 */
export function sample(rows: Cell[][], size = SAMPLE): Cell[][] {
  if (rows.length <= size) return rows
  const step = rows.length / size
  const taken: Cell[][] = []
  for (let index = 0; index < size; index++) {
    const row = rows[Math.floor((index + ((index * 0.618) % 1)) * step)]
    if (row !== undefined) taken.push(row)
  }
  return taken
}

/**
 * Decimals to write all numbers of a column with: as many as its numbers have, at most two, or four where all are small.
 * Money has none or two.
 */
export function decimalsOf(column: TableColumn, rows: Cell[][]): number | undefined {
  if (!isNumeric(column.format)) return undefined
  let decimals = 0
  let largest = 0
  for (const row of sample(rows)) {
    const value = asNumber(row[column.index])
    if (value === null) continue
    largest = Math.max(largest, Math.abs(value))
    decimals = Math.max(decimals, /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0)
  }
  // Smaller than a fixed number of decimals could show.
  if (largest > 0 && largest < 0.001) return undefined
  if (column.format === 'currency') return decimals === 0 ? 0 : 2
  return Math.min(decimals, largest < 1 ? 4 : 2)
}

/** A width that shows the header and most of the cells, in pixels, whatever somebody chose. */
export function estimateWidth(column: TableColumn, rows: Cell[][]): number {
  let longest = column.header.length + 3
  for (const row of sample(rows)) {
    const text = formatCell(row[column.index], column.format, cellOptions(column, undefined))
    if (text.length > longest) longest = text.length
  }
  return Math.round(Math.min(320, Math.max(72, longest * 6.9 + 26)))
}

/** The most a column without a chosen width grows to fill its table. More reads as a gap, not as a column. */
const MAX_STRETCH = 1.5

/**
 * The widths of all columns in a table of `room` pixels. Columns nobody has set share spare room up to a bound. How much
 * follows from the estimates alone, never from what somebody chose: making one column wider moves no other one's edge.
 */
export function columnWidths(estimates: readonly number[], chosen: readonly (number | null)[], room: number): number[] {
  const sum = estimates.reduce((total, width) => total + width, 0)
  const stretch = sum > 0 ? Math.min(MAX_STRETCH, Math.max(1, room / sum)) : 1
  return estimates.map((width, index) => chosen[index] ?? Math.floor(width * stretch))
}

/**
 * The order a table opens with. `defaultSort` names a field, or is a list of such names; numbers open with the largest
 * first, as a person reads a ranking, everything else ascending. A leading "-" or "+" says otherwise.
 */
export function defaultSort(stored: Json | undefined, columns: TableColumn[]): SortRule[] {
  const rules: SortRule[] = []
  for (const name of Array.isArray(stored) ? stored : [stored]) {
    const rule = sortRule(name, columns)
    if (rule !== null && !rules.some((one) => one.id === rule.id)) rules.push(rule)
  }
  return rules
}

function sortRule(stored: Json | undefined, columns: TableColumn[]): SortRule | null {
  if (typeof stored !== 'string' || stored === '') return null
  const sign = /^[+-]/.exec(stored)?.[0]
  const exact = columns.find((column) => column.field === stored)
  const column = exact ?? columns.find((one) => one.field === stored.slice(1))
  if (!column || column.index < 0) return null
  if (!exact && sign) return { id: column.field, desc: sign === '-' }
  return { id: column.field, desc: isNumeric(column.format) }
}

/**
 * What a press on a header makes of an order: first the way a person expects of the column, then the other, then none.
 * With `also` the other columns stay in the order, and this one keeps its place among them.
 */
export function toggleSort(rules: readonly SortRule[], column: TableColumn, also: boolean): SortRule[] {
  const first = isNumeric(column.format)
  const old = rules.find((rule) => rule.id === column.field)
  const next = old === undefined ? first : old.desc === first ? !first : null
  const rule = next === null ? [] : [{ id: column.field, desc: next }]
  if (!also) return rule
  if (old === undefined) return [...rules, ...rule]
  return rules.flatMap((one) => (one === old ? rule : [one]))
}

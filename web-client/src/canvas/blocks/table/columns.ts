/**
 * Which columns a table shows, and how: the block's own columns over the dataset's. Pure, and shared with the
 * inspector. Owns the order, the width estimate and the default sort; refuses to touch the document.
 */
import type { Json, JsonObject } from '../../../doc/schema'
import { asNumber, type Cell, type Column, type ColumnType } from '../../../platform/datasets/cells'
import { type Format, formatCell, formatOf, isNumeric, toFormat } from '../format'

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
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const MIN_WIDTH = 48
export const MAX_WIDTH = 1200

/** "total_sales" reads "Total sales"; a name that already has capitals or spaces is left as its author wrote it. */
export function headerOf(field: string): string {
  if (/[A-Z ]/.test(field)) return field
  const words = field.replace(/_+/g, ' ').trim()
  return words === '' ? field : words.charAt(0).toUpperCase() + words.slice(1)
}

export function tableColumns(stored: Json, columns: Column[], order: string[]): TableColumn[] {
  const types = new Map(columns.map((column) => [column.name, column.type]))
  const entries = isObject(stored) ? Object.entries(stored) : []
  if (entries.length === 0) {
    return order.map((field, index) => {
      const type = types.get(field) ?? 'string'
      return { field, header: headerOf(field), format: formatOf(type), type, index, hidden: false, width: null }
    })
  }
  const keyOf = (value: Json) => (isObject(value) && typeof value.order === 'string' ? value.order : '')
  return entries
    .sort(([a, x], [b, y]) => (keyOf(x) < keyOf(y) ? -1 : keyOf(x) > keyOf(y) ? 1 : a < b ? -1 : 1))
    .map(([field, value]) => {
      const own = isObject(value) ? value : {}
      const type = types.get(field) ?? 'string'
      const width = typeof own.width === 'number' && Number.isFinite(own.width) ? own.width : null
      return {
        field,
        header: typeof own.header === 'string' && own.header !== '' ? own.header : headerOf(field),
        format: own.type === undefined ? formatOf(type) : toFormat(own.type),
        type,
        index: order.indexOf(field),
        hidden: own.hidden === true,
        width: width === null ? null : Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width)),
      }
    })
}

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

/** Rows looked at to choose a width and a number of decimals, spread over the dataset. */
const SAMPLE = 200

/**
 * Decimals to write all numbers of a column with: as many as its numbers have, at most two, or four where all are small.
 * Money has none or two.
 */
export function decimalsOf(column: TableColumn, rows: Cell[][]): number | undefined {
  if (!isNumeric(column.format)) return undefined
  let decimals = 0
  let largest = 0
  const step = Math.max(1, Math.floor(rows.length / SAMPLE))
  for (let at = 0; at < rows.length; at += step) {
    const value = asNumber(rows[at]?.[column.index])
    if (value === null) continue
    largest = Math.max(largest, Math.abs(value))
    decimals = Math.max(decimals, /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0)
  }
  // Smaller than a fixed number of decimals could show.
  if (largest > 0 && largest < 0.001) return undefined
  if (column.format === 'currency') return decimals === 0 ? 0 : 2
  return Math.min(decimals, largest < 1 ? 4 : 2)
}

/** A width that shows the header and most of the cells, in pixels. */
export function estimateWidth(column: TableColumn, rows: Cell[][]): number {
  if (column.width !== null) return column.width
  let longest = column.header.length + 3
  const step = Math.max(1, Math.floor(rows.length / SAMPLE))
  for (let at = 0; at < rows.length; at += step) {
    const text = formatCell(rows[at]?.[column.index], column.format, { name: column.field })
    if (text.length > longest) longest = text.length
  }
  return Math.round(Math.min(320, Math.max(72, longest * 7.2 + 26)))
}

export interface SortRule {
  id: string
  desc: boolean
}

/**
 * The order a table opens with. `defaultSort` names a field; numbers open with the largest first, as a person reads a
 * ranking, everything else ascending. A leading "-" or "+" says otherwise.
 */
export function defaultSort(stored: Json | undefined, columns: TableColumn[]): SortRule[] {
  if (typeof stored !== 'string' || stored === '') return []
  const sign = /^[+-]/.exec(stored)?.[0]
  const exact = columns.find((column) => column.field === stored)
  const column = exact ?? columns.find((one) => one.field === stored.slice(1))
  if (!column || column.index < 0) return []
  if (!exact && sign) return [{ id: column.field, desc: sign === '-' }]
  return [{ id: column.field, desc: isNumeric(column.format) }]
}

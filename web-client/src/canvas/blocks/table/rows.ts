/**
 * Which rows a table shows and in which order: searched and sorted. Pure, and quick enough for 100,000 rows: what a value
 * sorts as is worked out once for each distinct value, and remembered for as long as the rows are.
 */
import { type Cell, type ColumnType, compareCells } from '../../../platform/datasets/cells'
import { formatCell } from '../format'
import type { SortRule } from '../localView'
import { cellOptions, type TableColumn } from './columns'

const isEmpty = (cell: Cell | undefined): boolean => cell === null || cell === undefined || cell === ''

type Ranks = Map<Cell, number>
const ranksOf = new WeakMap<readonly Cell[][], Map<string, Ranks>>()

/** The place of each distinct value among all of a column; values that sort alike share it. */
function ranks(all: readonly Cell[][], index: number, type: ColumnType): Ranks {
  let columns = ranksOf.get(all)
  if (columns === undefined) {
    columns = new Map()
    ranksOf.set(all, columns)
  }
  const key = `${index}:${type}`
  const known = columns.get(key)
  if (known !== undefined) return known
  const distinct = new Set<Cell>()
  for (const row of all) {
    const cell = row[index]
    if (cell !== undefined && !isEmpty(cell)) distinct.add(cell)
  }
  const made: Ranks = new Map()
  let rank = 0
  let last: Cell | undefined
  for (const cell of [...distinct].sort((a, b) => compareCells(a, b, type))) {
    if (last !== undefined && compareCells(last, cell, type) !== 0) rank++
    made.set(cell, rank)
    last = cell
  }
  columns.set(key, made)
  return made
}

/**
 * `rows` in the order of `rules`; equal rows keep the order they have. Empty cells come last whichever way a column is
 * sorted. `all` are the rows of the dataset, of which `rows` are some.
 */
export function sortRows(
  rows: Cell[][],
  all: readonly Cell[][],
  rules: readonly SortRule[],
  columns: readonly TableColumn[],
): Cell[][] {
  const keys = rules.flatMap((rule) => {
    const column = columns.find((one) => one.field === rule.id)
    if (column === undefined || column.index < 0) return []
    const rank = ranks(all, column.index, column.type)
    const sign = rule.desc ? -1 : 1
    const each = new Float64Array(rows.length)
    rows.forEach((row, at) => {
      const own = rank.get(row[column.index] ?? null)
      each[at] = own === undefined ? Number.MAX_SAFE_INTEGER : own * sign
    })
    return [each]
  })
  if (keys.length === 0) return rows
  const order = Array.from(rows, (_, at) => at)
  order.sort((a, b) => {
    for (const key of keys) {
      const difference = (key[a] ?? 0) - (key[b] ?? 0)
      if (difference !== 0) return difference
    }
    return a - b
  })
  return order.flatMap((at) => {
    const row = rows[at]
    return row === undefined ? [] : [row]
  })
}

/** Anything that a number does not have as it is in the data, but may have as it is shown: "1,234", "$5", "12%". */
const FORMATTED = /[^\d.\-+e]/i

/**
 * The rows with a cell that contains `needle`, as it is in the data or as it reads here. Formatting costs a hundred times
 * what comparing does, so each distinct value is formatted once, and a number only where the needle could be a format's.
 */
export function searchRows(rows: Cell[][], needle: string, columns: readonly TableColumn[]): Cell[][] {
  const wanted = needle.trim().toLowerCase()
  if (wanted === '') return rows
  const shaped = FORMATTED.test(wanted)
  const tests = columns
    .filter((column) => column.index >= 0)
    .map((column) => {
      const seen = new Map<Cell, boolean>()
      const read = column.format === 'date' || column.format === 'boolean' || shaped
      const matches = (cell: Cell): boolean =>
        String(cell).toLowerCase().includes(wanted) ||
        (read &&
          (column.format !== 'string' || typeof cell === 'boolean') &&
          formatCell(cell, column.format, cellOptions(column, undefined)).toLowerCase().includes(wanted))
      return (row: Cell[]): boolean => {
        const cell = row[column.index]
        if (cell === undefined || isEmpty(cell)) return false
        let answer = seen.get(cell)
        if (answer === undefined) {
          answer = matches(cell)
          seen.set(cell, answer)
        }
        return answer
      }
    })
  return rows.filter((row) => tests.some((test) => test(row)))
}

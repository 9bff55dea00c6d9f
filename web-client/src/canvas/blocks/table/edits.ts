/**
 * What an editor changes about the columns of a table: order, width, header, format, visibility. Each call is one
 * transaction that sets only the leaves it is about, so that two people at the same table keep what both did.
 */
import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing'
import { type Block, edit, getContent, type Json, setContent } from '../../../doc/schema'
import type { Column } from '../../../platform/datasets/cells'
import { columnsFor, storedOrder } from './columns'

const isEmpty = (stored: Json): boolean =>
  typeof stored !== 'object' || stored === null || Object.keys(stored).length === 0

/** Writes down the columns a dataset has, in its order. */
export function writeColumns(block: Block, columns: readonly Column[]): void {
  const orders = generateNKeysBetween(null, null, columns.length)
  columnsFor([...columns]).forEach(({ field, header, type }, index) => {
    setContent(block, ['columns', field], { header, type, order: orders[index] ?? 'a0' })
  })
}

/** Every column that is about to differ must be written down: also those of a table that showed its dataset as it is. */
function ensure(block: Block, columns: readonly Column[], field: string): void {
  const stored = getContent(block, ['columns'])
  if (isEmpty(stored)) writeColumns(block, columns)
  const known = storedOrder(getContent(block, ['columns']))
  if (known.some(([name]) => name === field)) return
  const [made] = columnsFor(columns.filter((column) => column.name === field))
  if (made === undefined) return
  const order = orderFor(known, field, null).get(field) ?? 'a0'
  setContent(block, ['columns', field], { header: made.header, type: made.type, order, hidden: true })
}

const alone = (block: Block, change: () => void): void => {
  if (block.doc) edit(block.doc, change)
}

/** Sets leaves of one column; undefined removes one. `columns` are the dataset's. */
export function changeColumn(
  block: Block,
  columns: readonly Column[],
  field: string,
  leaves: { [key: string]: Json | undefined },
): void {
  alone(block, () => {
    ensure(block, columns, field)
    for (const [key, value] of Object.entries(leaves)) setContent(block, ['columns', field, key], value)
  })
}

/**
 * The order keys to write so that `field` stands before `before` (null: last). One key, as a rule: between its new
 * neighbours. Neighbours with the same key (two people put two columns into one gap at once) or with keys that are none
 * leave no room between them, and then all columns are numbered anew.
 */
export function orderFor(
  sorted: readonly (readonly [field: string, order: string])[],
  field: string,
  before: string | null,
): Map<string, string> {
  const rest = sorted.filter(([name]) => name !== field)
  const found = before === null ? -1 : rest.findIndex(([name]) => name === before)
  const at = found < 0 ? rest.length : found
  const previous = rest[at - 1]?.[1] ?? null
  const next = rest[at]?.[1] ?? null
  if (previous === null || next === null || previous < next) {
    try {
      return new Map([[field, generateKeyBetween(previous, next)]])
    } catch {
      // A key some other program wrote.
    }
  }
  const names = [...rest.slice(0, at).map(([name]) => name), field, ...rest.slice(at).map(([name]) => name)]
  const keys = generateNKeysBetween(null, null, names.length)
  return new Map(names.map((name, index) => [name, keys[index] ?? 'a0']))
}

/** Puts a column before another one, or last. */
export function moveColumn(block: Block, columns: readonly Column[], field: string, before: string | null): void {
  if (field === before) return
  alone(block, () => {
    ensure(block, columns, field)
    if (before !== null) ensure(block, columns, before)
    const sorted = storedOrder(getContent(block, ['columns']))
    const now = sorted.findIndex(([name]) => name === field)
    if (now < 0 || (sorted[now + 1]?.[0] ?? null) === before) return
    for (const [name, order] of orderFor(sorted, field, before)) setContent(block, ['columns', name, 'order'], order)
  })
}

/** The column before which `field` stands after one step among those that are shown; undefined when it is at the end. */
export function stepTarget(shown: readonly string[], field: string, step: -1 | 1): string | null | undefined {
  const at = shown.indexOf(field)
  if (at < 0) return undefined
  if (step === -1) return at === 0 ? undefined : shown[at - 1]
  return at === shown.length - 1 ? undefined : (shown[at + 2] ?? null)
}

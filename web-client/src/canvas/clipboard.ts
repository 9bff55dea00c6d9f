/**
 * Blocks from text on the clipboard, so that they can come from another canvas, another window or a file.
 *
 * Pure: text in, checked blocks out. What is pasted may come from anywhere: it is held to the
 * same rules as an import, and refused as a whole with one sentence that says why.
 */
import { BLOCK_LIMIT } from '../doc/limits'
import { type Json, type JsonObject, mapBindings, newBlockId } from '../doc/schema'
import { type BlockType, typeOf } from './blocks/types'
import { COPY_LIMIT, COPY_VERSION, type CopiedBlock, isCopied } from './copy'
import { COLUMNS, MAX_ROWS } from './layout'

/** Rows that a canvas may have: beyond that a place is a mistake. */
const LAST_ROW = 100_000
/** Nesting of content. No block needs more than four levels. */
const DEPTH = 12

export type Pasted =
  | { kind: 'blocks'; blocks: CopiedBlock[] }
  /** Meant to be blocks, and not usable. */
  | { kind: 'refused'; reason: string }
  /** Any other text. */
  | { kind: 'text' }

const refused = (reason: string): Pasted => ({ kind: 'refused', reason })

export const readPasted = (text: string): Pasted => {
  if (!isCopied(text)) return { kind: 'text' }
  if (text.length > COPY_LIMIT) return refused('These blocks are too large to paste: 2 MB at most.')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return refused('These blocks cannot be pasted: the copied text is cut off or damaged.')
  }
  const copy = asObject(json)
  if (copy?.version !== COPY_VERSION) {
    return refused('These blocks were copied by another version of Jabiru. Reload both pages and copy again.')
  }
  const { blocks: list } = copy
  if (!Array.isArray(list) || list.length === 0) return refused('There are no blocks in what was copied.')
  if (list.length > BLOCK_LIMIT) {
    return refused(`That is more than the ${BLOCK_LIMIT.toLocaleString()} blocks a canvas holds.`)
  }
  const blocks: CopiedBlock[] = []
  const seen = new Set<string>()
  for (const [index, item] of list.entries()) {
    const checked = checkBlock(item)
    if (typeof checked === 'string') return refused(`Block ${index + 1} cannot be pasted: ${checked}`)
    if (seen.has(checked.id)) return refused(`Block ${index + 1} cannot be pasted: its id is there twice.`)
    seen.add(checked.id)
    blocks.push(checked)
  }
  return { kind: 'blocks', blocks }
}

const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null

const whole = (value: unknown, low: number, high: number): value is number =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high

/** The block, or what is wrong with it. */
const checkBlock = (value: unknown): CopiedBlock | string => {
  const block = asObject(value)
  if (block === null) return 'it is not a block.'
  const { id, type, position, content, locked } = block
  if (typeof id !== 'string' || id === '' || id.length > 64) return 'it has no id.'
  const known = typeof type === 'string' ? typeOf(type) : undefined
  if (known === undefined) return `there is no type “${String(type).slice(0, 40)}” here.`
  const place = asObject(position)
  if (place === null) return 'it has no place.'
  const { x, y, w, h } = place
  if (!whole(w, 1, COLUMNS.lg) || !whole(x, 0, COLUMNS.lg - w) || !whole(h, 1, MAX_ROWS) || !whole(y, 0, LAST_ROW)) {
    return 'its place or size is outside of the grid.'
  }
  const inside = asObject(content)
  if (inside === null) return 'it has no content.'
  if (!isTame(inside, DEPTH)) return 'its content is nested too deeply.'
  return {
    id,
    type: known.type,
    position: { x, y, w, h },
    content: fitted(known, inside),
    ...(locked === true ? { locked } : {}),
  }
}

const isTame = (value: Json, depth: number): boolean => {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0 || Object.hasOwn(value, '__proto__')) return false
  return Object.values(value).every((child) => isTame(child, depth - 1))
}

/** What the type shares is there and of the right kind; what it does not know is kept, as an import keeps it. */
const fitted = (type: BlockType, given: JsonObject): JsonObject => {
  const content = merge(type.createContent(), given)
  // Arrays whose items are maps in the document: an item without its name could not become one.
  for (const [key, name] of [
    ['columns', 'field'],
    ['data_bindings', 'key'],
  ] as const) {
    const items = content[key]
    if (!Array.isArray(items)) continue
    content[key] = items.filter((item) => {
      const id = asObject(item)?.[name]
      return typeof id === 'string' && id !== '' && id.length <= 200
    })
  }
  return content
}

const merge = (template: JsonObject, given: JsonObject): JsonObject => {
  const out: JsonObject = { ...given }
  for (const [key, own] of Object.entries(template)) {
    const value = given[key]
    const map = asObject(own)
    const fits =
      map !== null
        ? asObject(value) !== null
        : Array.isArray(own)
          ? Array.isArray(value)
          : typeof own === 'string'
            ? typeof value === 'string'
            : value !== undefined && (value === null || typeof value !== 'object')
    if (!fits) out[key] = own
    else if (map !== null) out[key] = merge(map, value as JsonObject)
  }
  return out
}

/** The same blocks under new ids. What is bound to a block of the copy is bound to its new one; numbers are the server's. */
export const withNewIds = (blocks: readonly CopiedBlock[]): CopiedBlock[] => {
  const ids = new Map(blocks.map((block) => [block.id, newBlockId()]))
  return blocks.map((block) => ({
    ...block,
    id: ids.get(block.id) ?? newBlockId(),
    content: mapBindings(block.type, block.content, (source) => ids.get(source) ?? source),
  }))
}

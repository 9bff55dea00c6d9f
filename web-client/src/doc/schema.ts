/**
 * The canvas in Yjs: what is where in the document, and every way the client reads or writes it.
 *
 * Owns: block creation, placement, copying, deletion, content leaves, the canvas name, and the translation between
 * Y types and canvas JSON. Refuses: React, the network, and how a layout looks (`canvas/layout.ts`).
 *
 * Three rules keep concurrent edits whole:
 * - a nested Y.Map is never replaced, its keys are set (replacing it drops what somebody else wrote inside);
 * - `at` and `size` are separate leaves, so a move and a resize merge, and one move never tears into x and y;
 * - blocks live in a map under ids made by their creator, because moving an item of a Y.Array duplicates it.
 */
import { generateNKeysBetween } from 'fractional-indexing'
import { nanoid } from 'nanoid'
import * as Y from 'yjs'
import type { CanvasSession } from '../sync/session'
import { BLOCK_LIMIT, NAME_LIMIT } from './limits'

/** Origin of every change a person makes here. The undo manager of a session tracks exactly this one. */
export const LOCAL = Symbol('local edit')

/** The schema this client writes. A canvas with another one opens read-only. */
export const SCHEMA = 1

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }
export type At = readonly [x: number, y: number]
export type Size = readonly [w: number, h: number]
export type Breakpoint = 'lg' | 'md' | 'sm' | 'xs'
export type Block = Y.Map<unknown>
export type Blocks = Y.Map<Block>

/** What a block component is given. `block` is live: read it through `useY`, write it through this module. */
export type BlockProps = { id: string; block: Block; session: CanvasSession; readOnly: boolean }

/** A block as canvas JSON, the same shape `GET /v1/canvases/{id}` returns in `blocks`. */
export type BlockJson = {
  id: string
  type: string
  position: { x: number; y: number; w: number; h: number }
  content: JsonObject
}

export const canvasMap = (doc: Y.Doc): Y.Map<unknown> => doc.getMap('canvas')
export const blocksMap = (doc: Y.Doc): Blocks => doc.getMap<Block>('blocks')

export const blockType = (block: Block): string => {
  const type = block.get('type')
  return typeof type === 'string' ? type : 'unknown'
}

const pair = (value: unknown): [number, number] | null =>
  Array.isArray(value) && value.length === 2 && value.every((n) => Number.isInteger(n)) ? [value[0], value[1]] : null

/** Where a block was dropped. A missing or malformed leaf reads as the top left corner, so that the block stays reachable. */
export const getAt = (block: Block): At => pair(block.get('at')) ?? [0, 0]

/** Columns and rows a block takes; never less than one of each. */
export const getSize = (block: Block): Size => {
  const [w, h] = pair(block.get('size')) ?? [6, 4]
  return [Math.max(1, w), Math.max(1, h)]
}

/** The place somebody gave this block on one breakpoint, if anybody did. */
export const getPlacement = (
  block: Block,
  breakpoint: Breakpoint,
): readonly [number, number, number, number] | null => {
  const placements = block.get('placements')
  if (!(placements instanceof Y.Map)) return null
  const value = placements.get(breakpoint)
  return Array.isArray(value) && value.length === 4 && value.every((n) => Number.isInteger(n))
    ? [value[0], value[1], value[2], value[3]]
    : null
}

export const isLocked = (block: Block): boolean => block.get('locked') === true

/** The content map. Blocks always have one; a document damaged by another program reads as empty. */
export const contentOf = (block: Block): Y.Map<unknown> => {
  const content = block.get('content')
  return content instanceof Y.Map ? content : EMPTY_CONTENT
}
const EMPTY_CONTENT: Y.Map<unknown> = new Y.Doc().getMap('empty')

/** The Markdown of a narrative block. */
export const narrativeText = (block: Block): Y.Text | null => {
  const text = contentOf(block).get('text')
  return text instanceof Y.Text ? text : null
}

export const canvasName = (doc: Y.Doc): string => {
  const name = canvasMap(doc).get('name')
  return typeof name === 'string' ? name : ''
}

export const schemaOf = (doc: Y.Doc): number | null => {
  const schema = canvasMap(doc).get('schema')
  return typeof schema === 'number' ? schema : null
}

/** Runs a person's change as one transaction, which is one undo step and one update on the wire. */
export const edit = <T>(doc: Y.Doc, change: () => T): T => doc.transact(change, LOCAL) as T

/**
 * One gesture of a person: one transaction that can be undone alone, however soon after the one before. Nothing happens
 * for whoever may not edit: access may change while a field is open.
 */
export const step = (session: Pick<CanvasSession, 'doc' | 'undo' | 'canEdit'>, change: () => void): void => {
  if (!session.canEdit) return
  session.undo.stopCapturing()
  edit(session.doc, change)
  session.undo.stopCapturing()
}

/** Somebody deleted it, and whoever still holds it must not write to it. */
const isGone = (block: Block): boolean => block._item?.deleted === true

/** Names longer than the server keeps are cut; a blank name changes nothing. */
export const renameCanvas = (doc: Y.Doc, name: string): void => {
  const clean = name.trim().slice(0, NAME_LIMIT)
  if (clean === '' || clean === canvasName(doc)) return
  edit(doc, () => canvasMap(doc).set('name', clean))
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Objects become Y.Maps, arrays and scalars stay plain leaves. */
const toMap = (json: JsonObject): Y.Map<unknown> => {
  const map = new Y.Map<unknown>()
  for (const [key, value] of Object.entries(json)) map.set(key, isObject(value) ? toMap(value) : value)
  return map
}

/** Arrays whose items people edit apart are maps in the document; this is the one list of them. */
const keyedBy: Record<string, Record<string, string>> = {
  table: { columns: 'field' },
  narrative: { data_bindings: 'key' },
}

/** Canvas JSON content into Y types: `text` of a narrative is a Y.Text, `columns` and `data_bindings` are keyed maps. */
const contentToY = (type: string, json: JsonObject): Y.Map<unknown> => {
  const map = new Y.Map<unknown>()
  for (const [key, value] of Object.entries(json)) {
    const idField = keyedBy[type]?.[key]
    if (type === 'narrative' && key === 'text') map.set(key, new Y.Text(typeof value === 'string' ? value : ''))
    else if (idField !== undefined && Array.isArray(value)) map.set(key, keyedToY(value, idField, key === 'columns'))
    else map.set(key, isObject(value) ? toMap(value) : value)
  }
  return map
}

const keyedToY = (items: Json[], idField: string, ordered: boolean): Y.Map<unknown> => {
  const map = new Y.Map<unknown>()
  const orders = generateNKeysBetween(null, null, items.length)
  items.forEach((item, index) => {
    if (!isObject(item)) return
    const { [idField]: id, ...rest } = item
    if (typeof id === 'string') map.set(id, toMap(ordered ? { ...rest, order: orders[index] ?? 'a0' } : rest))
  })
  return map
}

const toJson = (value: unknown): Json => {
  if (value instanceof Y.Text) return value.toString()
  if (value instanceof Y.Map) {
    const out: JsonObject = {}
    for (const [key, child] of value.entries()) out[key] = toJson(child)
    return out
  }
  return (value ?? null) as Json
}

const keyedToJson = (map: Y.Map<unknown>, idField: string, ordered: boolean): Json[] => {
  const rows = [...map.entries()].flatMap(([id, value]) => {
    const row = toJson(value)
    return isObject(row) ? [{ ...row, [idField]: id } as JsonObject] : []
  })
  const orderOf = (row: JsonObject): string => (typeof row.order === 'string' ? row.order : '')
  rows.sort((a, b) => compare(orderOf(a), orderOf(b)) || compare(String(a[idField]), String(b[idField])))
  if (!ordered) return rows
  return rows.map(({ order: _order, ...row }) => row)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The content of a block as canvas JSON: keyed maps are arrays again, in their order. */
export const contentJson = (block: Block): JsonObject => {
  const type = blockType(block)
  const out: JsonObject = {}
  for (const [key, value] of contentOf(block).entries()) {
    const idField = keyedBy[type]?.[key]
    out[key] =
      idField !== undefined && value instanceof Y.Map ? keyedToJson(value, idField, key === 'columns') : toJson(value)
  }
  return out
}

export const blockJson = (id: string, block: Block): BlockJson => {
  const [x, y] = getAt(block)
  const [w, h] = getSize(block)
  return { id, type: blockType(block), position: { x, y, w, h }, content: contentJson(block) }
}

/** One content value as plain JSON; `path` walks nested maps. Keyed collections come back as objects here. */
export const getContent = (block: Block, path: readonly string[]): Json => {
  let here: unknown = contentOf(block)
  for (const key of path) {
    if (!(here instanceof Y.Map)) return null
    here = here.get(key)
  }
  return toJson(here)
}

/**
 * Sets content leaves. A plain object is written key by key into the map that is already there; arrays and scalars
 * replace the leaf; `undefined` removes it. Nothing is written where the value is already the same.
 *
 * A map on the path is made only where an imported canvas left it out (the seed's table has no `parameters`): the
 * block could not be edited otherwise. Blocks made here or by the server carry every map they need from the start.
 */
export const setContent = (block: Block, path: readonly string[], value: Json | undefined): void => {
  const doc = block.doc
  const key = path.at(-1)
  if (doc === null || key === undefined || isGone(block)) return
  edit(doc, () => {
    let map = contentOf(block)
    for (const step of path.slice(0, -1)) {
      const next = map.get(step)
      if (next instanceof Y.Map) map = next
      else {
        const made = new Y.Map<unknown>()
        map.set(step, made)
        map = made
      }
    }
    setLeaf(map, key, value)
  })
}

const setLeaf = (map: Y.Map<unknown>, key: string, value: Json | undefined): void => {
  const current = map.get(key)
  if (value === undefined) {
    if (map.has(key)) map.delete(key)
  } else if (isObject(value)) {
    if (current instanceof Y.Map) for (const [k, v] of Object.entries(value)) setLeaf(current, k, v)
    else map.set(key, toMap(value))
  } else if (current instanceof Y.Map || current instanceof Y.Text) {
    throw new Error(`"${key}" is shared by everybody on the canvas and cannot be replaced by a plain value`)
  } else if (JSON.stringify(current) !== JSON.stringify(value)) map.set(key, value)
}

/** Made by whoever makes the block, and never used again. */
export const newBlockId = (): string => nanoid(10)

/** Content with its bindings on other sources. Values are the server's to write: they are left out. */
export const mapBindings = (type: string, content: JsonObject, sourceOf: (source: string) => string): JsonObject => {
  if (type !== 'narrative' || !Array.isArray(content.data_bindings)) return content
  const data_bindings = content.data_bindings.map((binding) => {
    if (!isObject(binding)) return binding
    const { value: _value, error: _error, source, ...rest } = binding
    return { ...rest, source: typeof source === 'string' ? sourceOf(source) : '', value: null }
  })
  return { ...content, data_bindings }
}

/** Adds a block and returns its id, or null when the canvas already holds as many blocks as it may. */
export const addBlock = (
  doc: Y.Doc,
  type: string,
  content: JsonObject,
  at: At,
  size: Size,
  createdBy?: string,
  id = newBlockId(),
): string | null => {
  const blocks = blocksMap(doc)
  if (blocks.size >= BLOCK_LIMIT) return null
  edit(doc, () => blocks.set(id, newBlock(type, contentToY(type, content), at, size, createdBy)))
  return id
}

const newBlock = (type: string, content: Y.Map<unknown>, at: At, size: Size, createdBy: string | undefined): Block => {
  const block: Block = new Y.Map<unknown>()
  block.set('type', type)
  block.set('at', [...at])
  block.set('size', [...size])
  block.set('content', content)
  const metadata: JsonObject = { created_at: new Date().toISOString() }
  if (createdBy !== undefined) metadata.created_by = createdBy
  block.set('metadata', toMap(metadata))
  return block
}

export const setAt = (doc: Y.Doc, id: string, at: At): void => {
  const block = blocksMap(doc).get(id)
  if (block === undefined) return
  const [x, y] = getAt(block)
  if (x !== at[0] || y !== at[1]) edit(doc, () => block.set('at', [...at]))
}

export const setSize = (doc: Y.Doc, id: string, size: Size): void => {
  const block = blocksMap(doc).get(id)
  if (block === undefined) return
  const [w, h] = getSize(block)
  if (w !== size[0] || h !== size[1]) edit(doc, () => block.set('size', [...size]))
}

/**
 * Where a block lies on one breakpoint only. The map is made by whoever arranges that breakpoint first: two people who
 * do so for the same block at the same moment keep one of the two places, and the rest of the block is as it was.
 */
export const setPlacement = (
  doc: Y.Doc,
  id: string,
  breakpoint: Breakpoint,
  place: readonly [number, number, number, number],
): void => {
  const block = blocksMap(doc).get(id)
  if (block === undefined || JSON.stringify(getPlacement(block, breakpoint)) === JSON.stringify(place)) return
  edit(doc, () => {
    const placements = block.get('placements')
    if (placements instanceof Y.Map) placements.set(breakpoint, [...place])
    else block.set('placements', new Y.Map<unknown>([[breakpoint, [...place]]]))
  })
}

/** Free is how a block is without the leaf, so unlocking removes it. */
export const setLocked = (doc: Y.Doc, id: string, locked: boolean): void => {
  const block = blocksMap(doc).get(id)
  if (block === undefined || isLocked(block) === locked) return
  edit(doc, () => (locked ? block.set('locked', true) : block.delete('locked')))
}

export const deleteBlock = (doc: Y.Doc, id: string): void => {
  const blocks = blocksMap(doc)
  if (blocks.has(id)) edit(doc, () => blocks.delete(id))
}

/** Binds the numbers of a narrative to other blocks; `sourceOf` gets every source there is. */
export const rebind = (doc: Y.Doc, id: string, sourceOf: (source: string) => string): void => {
  const block = blocksMap(doc).get(id)
  const bindings = block === undefined ? null : contentOf(block).get('data_bindings')
  if (!(bindings instanceof Y.Map)) return
  edit(doc, () => {
    for (const binding of bindings.values()) {
      const source: unknown = binding instanceof Y.Map ? binding.get('source') : undefined
      if (typeof source === 'string' && sourceOf(source) !== source) binding.set('source', sourceOf(source))
    }
  })
}

/** A copy of a Y type that is not yet in a document. Text keeps its formatting; leaves are cloned, never shared. */
const copyY = (value: unknown): unknown => {
  if (value instanceof Y.Map || value instanceof Y.Text || value instanceof Y.Array) return value.clone()
  return value === undefined ? null : structuredClone(value)
}

/** Copies a block to `at` and returns the new id, or null if the block is gone or the canvas is full. */
export const duplicateBlock = (doc: Y.Doc, id: string, at: At, createdBy?: string): string | null => {
  const blocks = blocksMap(doc)
  const source = blocks.get(id)
  if (source === undefined || blocks.size >= BLOCK_LIMIT) return null
  const copy = nanoid(10)
  edit(doc, () => {
    const content = copyY(contentOf(source)) as Y.Map<unknown>
    blocks.set(copy, newBlock(blockType(source), content, at, getSize(source), createdBy))
  })
  return copy
}

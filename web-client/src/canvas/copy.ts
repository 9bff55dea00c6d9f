/**
 * Blocks as text, the way out: what Ctrl/Cmd+C puts on the clipboard. Small, because the page always has it; the way back
 * in (`clipboard.ts`) is loaded when something is pasted.
 */
import type * as Y from 'yjs'
import { type Blocks, blockJson, blocksMap, isLocked, type JsonObject } from '../doc/schema'

export const COPY_VERSION = 1
/** Characters of a copy. */
export const COPY_LIMIT = 2 * 1024 * 1024

export type CopiedBlock = {
  id: string
  type: string
  position: { x: number; y: number; w: number; h: number }
  content: JsonObject
  locked?: true
}

/** The blocks as text; null when none of them exists. */
export const copyText = (doc: Y.Doc, ids: readonly string[]): string | null => {
  const all: Blocks = blocksMap(doc)
  const blocks = ids.flatMap((id): CopiedBlock[] => {
    const block = all.get(id)
    return block === undefined ? [] : [{ ...blockJson(id, block), ...(isLocked(block) ? { locked: true } : {}) }]
  })
  return blocks.length === 0 ? null : JSON.stringify({ jabiru: 'blocks', version: COPY_VERSION, blocks })
}

/** True for text that was meant to be blocks, usable or not. */
export const isCopied = (text: string): boolean => /^\s*\{\s*"jabiru"\s*:\s*"blocks"/.test(text)

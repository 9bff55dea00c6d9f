/**
 * What a person can do to blocks, each as one undo step. Menus, keys and gestures call these and nothing else.
 */
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { BLOCK_LIMIT } from '../doc/limits'
import {
  type At,
  addBlock,
  type Block,
  type Blocks,
  type Breakpoint,
  blocksMap,
  blockType,
  contentOf,
  deleteBlock,
  duplicateBlock,
  edit,
  getAt,
  getPlacement,
  getSize,
  isLocked,
  type JsonObject,
  type Size,
  setAt,
  setLocked,
  setSize,
} from '../doc/schema'
import { readPeer } from '../presence/state'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { typeOf } from './blocks/types'
import {
  breakpointOf,
  type Cell,
  COLUMNS,
  canArrange,
  layoutOf,
  MIN_SIZE,
  readingOrder,
  type Stored,
  spotFor,
  withMove,
  withSize,
  writesFor,
} from './layout'
import { announce, select, setPanel, type UiStore } from './ui'

const BREAKPOINTS: readonly Breakpoint[] = ['lg', 'md', 'sm', 'xs']

/** The places of all blocks as the document has them. */
export const storedOf = (blocks: Blocks): Stored[] =>
  [...blocks.entries()].map(([id, block]) => {
    const placements: Stored['placements'] = {}
    for (const breakpoint of BREAKPOINTS) {
      const place = getPlacement(block, breakpoint)
      if (place !== null) placements[breakpoint] = place
    }
    return { id, at: getAt(block), size: getSize(block), locked: isLocked(block), placements }
  })

/** A block in words: its title, or the first line of its text, or what it is. */
export const blockName = (block: Block): string => {
  const content = contentOf(block)
  const title = content.get('title')
  if (typeof title === 'string' && title.trim() !== '') return title.trim().slice(0, 80)
  const text = content.get('text')
  if (text instanceof Y.Text) {
    const line = text
      .toString()
      .split('\n', 3)
      .find((part) => part.trim() !== '')
    if (line !== undefined) return line.replace(/^[#>*\-\s]+/, '').slice(0, 80)
  }
  for (const words of [text, content.get('caption'), content.get('alt')]) {
    if (typeof words === 'string' && words.trim() !== '') return words.trim().slice(0, 80)
  }
  return `Untitled ${blockType(block)}`
}

/** Ends the previous undo step, so that this one can be undone alone. */
const step = (session: CanvasSession, change: () => void): void => {
  session.undo.stopCapturing()
  edit(session.doc, change)
  session.undo.stopCapturing()
}

/** The blocks that other people hold with the pointer right now. */
const heldByOthers = (awareness: Awareness): Set<string> => {
  const others = [...awareness.getStates()].filter(([client]) => client !== awareness.clientID)
  return new Set(others.flatMap(([client, state]) => readPeer(client, state)?.drag?.id ?? []))
}

/**
 * Writes a planned layout: the leaves that differ from the current one, in one transaction. `own` is the block that was
 * dropped; a block that somebody else holds is not pushed, since their drop is what should count.
 */
export const commitPlan = (session: CanvasSession, own: string, base: readonly Cell[], plan: readonly Cell[]): void => {
  if (!session.canEdit) return
  const held = heldByOthers(session.awareness)
  const planned = writesFor(storedOf(blocksMap(session.doc)), base, plan)
  const writes = planned.filter((write) => write.id === own || !held.has(write.id))
  if (writes.length === 0) return
  step(session, () => {
    for (const write of writes) {
      if (write.at !== undefined) setAt(session.doc, write.id, write.at)
      if (write.size !== undefined) setSize(session.doc, write.id, write.size)
    }
  })
}

/** The least size of a block of its type. */
export const minSizeOf = (session: CanvasSession, id: string): Size => {
  const block = blocksMap(session.doc).get(id)
  return (block === undefined ? undefined : typeOf(blockType(block))?.min) ?? MIN_SIZE
}

export const undo = (session: CanvasSession): void => {
  if (session.canEdit) session.undo.undo()
}
export const redo = (session: CanvasSession): void => {
  if (session.canEdit) session.undo.redo()
}

/** All blocks in reading order. */
export const allIds = (session: CanvasSession): string[] => readingOrder(current(session)).map(({ id }) => id)

export const canMove = (session: CanvasSession, ids: readonly string[]): boolean =>
  session.canEdit && ids.length > 0 && canArrange(breakpointOf(innerWidth)) && !anyLocked(session, ids)

export const anyLocked = (session: CanvasSession, ids: readonly string[]): boolean => {
  const blocks = blocksMap(session.doc)
  return ids.some((id) => {
    const block = blocks.get(id)
    return block !== undefined && isLocked(block)
  })
}

/** Locked blocks stay where they are: nobody moves, resizes or pushes them. */
export const setLocks = (session: CanvasSession, ui: UiStore, ids: readonly string[], locked: boolean): void => {
  if (!session.canEdit || ids.length === 0) return
  step(session, () => {
    for (const id of ids) setLocked(session.doc, id, locked)
  })
  announce(ui, `${locked ? 'Locked' : 'Unlocked'} ${ids.length === 1 ? 'the block' : `${ids.length} blocks`}.`)
}

/** Puts the focus into a block: its text, or the first thing in it that takes the focus. */
export const editInside = (frame: Element | null): boolean => {
  const inside = frame?.querySelector<HTMLElement>(
    '.frame-body :is([contenteditable="true"], input, button, [tabindex="0"])',
  )
  inside?.focus()
  return inside !== null && inside !== undefined
}

const current = (session: CanvasSession): Cell[] => layoutOf(storedOf(blocksMap(session.doc)), 'lg')

export const canvasIsFull = (): void =>
  toast(`A canvas holds at most ${BLOCK_LIMIT.toLocaleString()} blocks. Delete one first.`)

export const add = (session: CanvasSession, ui: UiStore, type: string, content: JsonObject, size: Size): void => {
  if (!session.canEdit) return
  let id: string | null = null
  step(session, () => {
    id = addBlock(session.doc, type, content, spotFor(current(session), size, COLUMNS.lg), size, session.user.id)
  })
  if (id === null) {
    canvasIsFull()
    return
  }
  select(ui, [id])
  announce(ui, `Added a ${type} block.`)
  if (typeOf(type)?.begins === 'settings' && innerWidth >= 900) setPanel(ui, true)
  reveal(id)
}

/** Scrolls to a block and focuses it once it is drawn. */
export const reveal = (id: string): void => {
  requestAnimationFrame(() => {
    const frame = document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)
    frame?.focus({ preventScroll: true })
    frame?.scrollIntoView({ block: 'nearest', behavior: 'smooth' })
  })
}

export const duplicate = (session: CanvasSession, ui: UiStore, ids: readonly string[]): void => {
  if (!session.canEdit || ids.length === 0) return
  const copies: string[] = []
  step(session, () => {
    for (const id of ids) {
      const base = current(session)
      const source = base.find((cell) => cell.id === id)
      if (source === undefined) continue
      const copy = duplicateBlock(session.doc, id, [source.x, source.y + source.h], session.user.id)
      if (copy === null) {
        canvasIsFull()
        break
      }
      copies.push(copy)
      // Below its source: whatever is there makes room.
      const here: Cell = { ...source, id: copy, x: source.x, y: Number.MAX_SAFE_INTEGER, fixed: false }
      const plan = withMove([...base, here], copy, source.x, source.y + source.h, COLUMNS.lg)
      for (const write of writesFor(storedOf(blocksMap(session.doc)), base, plan)) {
        if (write.at !== undefined) setAt(session.doc, write.id, write.at)
      }
    }
  })
  const last = copies.at(-1)
  if (last === undefined) return
  select(ui, copies)
  announce(ui, copies.length === 1 ? 'Duplicated the block.' : `Duplicated ${copies.length} blocks.`)
  reveal(last)
}

export const remove = (session: CanvasSession, ui: UiStore, ids: readonly string[]): void => {
  if (!session.canEdit || ids.length === 0) return
  step(session, () => {
    for (const id of ids) deleteBlock(session.doc, id)
  })
  select(ui, [])
  const text = ids.length === 1 ? 'Deleted the block.' : `Deleted ${ids.length} blocks.`
  announce(ui, text)
  const taken = session.undo.undoStack.at(-1)
  const run = (): void => {
    if (!session.canEdit || taken === undefined || !session.undo.undoStack.includes(taken)) return
    // Undo goes back one step at a time: undoing anything else than what this message names would be a surprise.
    if (session.undo.undoStack.at(-1) === taken) session.undo.undo()
    else toast('You have changed other things since. Use Ctrl+Z to go back step by step.')
  }
  toast(text, { label: 'Undo', run })
}

export type Direction = 'left' | 'right' | 'up' | 'down'
const DELTA: Record<Direction, At> = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }

/** Moves by one column, or past the next block above or below: one row would compact back to where it was. */
export const nudge = (session: CanvasSession, ui: UiStore, ids: readonly string[], direction: Direction): void => {
  const id = ids[0]
  if (!session.canEdit || id === undefined) return
  const base = current(session)
  const cell = base.find((other) => other.id === id)
  if (cell === undefined) return
  const [dx, dy] = DELTA[direction]
  let plan = withMove(base, id, cell.x + dx, cell.y + dy, COLUMNS.lg)
  for (let reach = 2; dy !== 0 && reach <= 60 && cell.y + dy * reach >= 0; reach++) {
    const now = plan.find((other) => other.id === id)
    if (now !== undefined && now.y !== cell.y) break
    plan = withMove(base, id, cell.x, cell.y + dy * reach, COLUMNS.lg)
  }
  commitPlan(session, id, base, plan)
  tell(session, ui, id, 'moved to')
}

export const grow = (session: CanvasSession, ui: UiStore, ids: readonly string[], direction: Direction): void => {
  const id = ids[0]
  if (!session.canEdit || id === undefined) return
  const base = current(session)
  const cell = base.find((other) => other.id === id)
  if (cell === undefined) return
  const [dw, dh] = DELTA[direction]
  commitPlan(session, id, base, withSize(base, id, cell.w + dw, cell.h + dh, COLUMNS.lg, minSizeOf(session, id)))
  tell(session, ui, id, 'is now')
}

/** Says where a block is now, counted from one as people do. */
export const tell = (session: CanvasSession, ui: UiStore, id: string, verb: 'moved to' | 'is now'): void => {
  const block = blocksMap(session.doc).get(id)
  const cell = current(session).find((other) => other.id === id)
  if (block === undefined || cell === undefined) return
  const place =
    verb === 'moved to' ? `column ${cell.x + 1}, row ${cell.y + 1}` : `${cell.w} columns wide, ${cell.h} rows high`
  announce(ui, `${blockName(block)} ${verb} ${place}.`)
}

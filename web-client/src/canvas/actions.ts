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
  getAt,
  getPlacement,
  getSize,
  isLocked,
  type JsonObject,
  rebind,
  type Size,
  setAt,
  setLocked,
  setPlacement,
  setSize,
  step,
} from '../doc/schema'
import { readPeer } from '../presence/state'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { typeOf } from './blocks/types'
import { keysText, takesKeys } from './keys'
import {
  bottomOf,
  breakpointOf,
  type Cell,
  COLUMNS,
  canArrange,
  isWide,
  layoutOf,
  MAX_ROWS,
  MIN_SIZE,
  readingOrder,
  type Stored,
  spotFor,
  type Write,
  withGroup,
  withShift,
  withSize,
  writesFor,
} from './layout'
import { announce, type Spot, select, setPanel, type UiStore } from './ui'

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

/**
 * A line of Markdown as one says it: without its marks, and a number in it by what it is called. Its value would make the
 * name another one with every change of the data.
 */
const spoken = (line: string): string =>
  line
    .replace(/^(?:[#>*+\-\s]|\d+[.)]\s|\[[ xX]\]\s|\[!\w+\])+/, '')
    .replace(/\{\{([^{}]*)\}\}/g, (_, key: string) => key.trim())
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|__|~~|`/g, '')
    .trim()

/** Lines looked at for a name: a text may begin with rules and empty lines. */
const FIRST_LINES = 12

/** A block in words: its title, or the first line of its text, or what it is. */
export const blockName = (block: Block): string => {
  const content = contentOf(block)
  const title = content.get('title')
  if (typeof title === 'string' && title.trim() !== '') return title.trim().slice(0, 80)
  const text = content.get('text')
  if (text instanceof Y.Text) {
    for (const line of text.toString().split('\n', FIRST_LINES)) {
      const words = spoken(line)
      if (words !== '') return words.slice(0, 80)
    }
  }
  for (const words of [text, content.get('caption'), content.get('alt')]) {
    if (typeof words === 'string' && words.trim() !== '') return words.trim().slice(0, 80)
  }
  return `Untitled ${blockType(block)}`
}

/** Blocks as regions are called, by id: what each is and its name. */
export const labelsOf = (blocks: Blocks): Record<string, string> => {
  const labels: Record<string, string> = {}
  for (const [id, block] of blocks) {
    const type = blockType(block)
    labels[id] = type === 'divider' ? 'divider' : `${type}: ${blockName(block)}`
  }
  return labels
}

/** Those labels with a number wherever several in this order are the same: one could not tell them apart by ear. */
export const toldApart = (order: readonly string[], labels: Record<string, string>): Map<string, string> => {
  const seen = new Map<string, number>()
  return new Map(
    order.map((id) => {
      const label = labels[id] ?? 'block'
      const turn = (seen.get(label) ?? 0) + 1
      seen.set(label, turn)
      return [id, turn === 1 ? label : `${label} (${turn})`]
    }),
  )
}

/** The blocks that other people hold with the pointer right now. */
const heldByOthers = (awareness: Awareness): Set<string> => {
  const others = [...awareness.getStates()].filter(([client]) => client !== awareness.clientID)
  return new Set(others.flatMap(([client, state]) => readPeer(client, state)?.drags.map(({ id }) => id) ?? []))
}

/** The arrangement on screen. */
export const shownBreakpoint = (): Breakpoint => breakpointOf(innerWidth)

/**
 * Writes a planned layout in one transaction. `own` are the blocks that were dropped; a block that somebody else holds is
 * not pushed, since their drop is what should count.
 */
export const commitPlan = (
  session: CanvasSession,
  own: readonly string[],
  base: readonly Cell[],
  plan: readonly Cell[],
  breakpoint: Breakpoint = 'lg',
): void => {
  if (!session.canEdit) return
  const held = heldByOthers(session.awareness)
  const planned = writesFor(storedOf(blocksMap(session.doc)), base, plan, own, breakpoint)
  const writes = planned.filter((write) => own.includes(write.id) || !held.has(write.id))
  if (writes.length === 0) return
  step(session, () => write(session, writes, breakpoint))
  remember(session, own)
}

const write = (session: CanvasSession, writes: readonly Write[], breakpoint: Breakpoint): void => {
  for (const { id, at, size, placement } of writes) {
    if (at !== undefined) setAt(session.doc, id, at)
    if (size !== undefined) setSize(session.doc, id, size)
    if (placement !== undefined) setPlacement(session.doc, id, breakpoint, placement)
  }
}

/** Meta key of an undo step: where the blocks it dropped were stored after it. */
const DROPPED = 'dropped'
type Dropped = ReadonlyMap<string, string>

const placesOf = (session: CanvasSession, ids: Iterable<string>): Dropped => {
  const stored = new Map(storedOf(blocksMap(session.doc)).map((item) => [item.id, item]))
  return new Map(
    [...ids].flatMap((id): [string, string][] => {
      const item = stored.get(id)
      return item === undefined ? [] : [[id, JSON.stringify([item.at, item.size, item.placements])]]
    }),
  )
}

const remember = (session: CanvasSession, ids: Iterable<string>): void => {
  session.undo.undoStack.at(-1)?.meta.set(DROPPED, placesOf(session, ids))
}

/**
 * Undo and redo of one's own steps. Yjs leaves a value alone that somebody else has written since, which is right for
 * words and settings. A block that somebody's drop has pushed since is another matter: taking a move back has to bring
 * it back. Only then the places of that step are restored over what is there, and redo puts that back as it was.
 */
const travel = (session: CanvasSession, way: 'undo' | 'redo'): void => {
  if (!session.canEdit) return
  const manager = session.undo
  const [from, to] = way === 'undo' ? [manager.undoStack, manager.redoStack] : [manager.redoStack, manager.undoStack]
  const dropped = from.at(-1)?.meta.get(DROPPED) as Dropped | undefined
  if (dropped !== undefined) {
    const now = placesOf(session, dropped.keys())
    manager.ignoreRemoteMapChanges = [...now].some(([id, place]) => dropped.get(id) !== place)
  }
  const before = to.at(-1)
  manager[way]()
  manager.ignoreRemoteMapChanges = false
  const made = to.at(-1)
  if (dropped !== undefined && made !== before) made?.meta.set(DROPPED, placesOf(session, dropped.keys()))
}

export const undo = (session: CanvasSession): void => travel(session, 'undo')
export const redo = (session: CanvasSession): void => travel(session, 'redo')

/** The least size of a block of its type. */
export const minSizeOf = (session: CanvasSession, id: string): Size => {
  const block = blocksMap(session.doc).get(id)
  return (block === undefined ? undefined : typeOf(blockType(block))?.min) ?? MIN_SIZE
}

/** All blocks in reading order. */
export const allIds = (session: CanvasSession): string[] => readingOrder(current(session)).map(({ id }) => id)

export const canMove = (session: CanvasSession, ids: readonly string[]): boolean =>
  session.canEdit && ids.length > 0 && canArrange(shownBreakpoint()) && !anyLocked(session, ids)

export const anyLocked = (session: CanvasSession, ids: readonly string[]): boolean => {
  const blocks = blocksMap(session.doc)
  return ids.some((id) => {
    const block = blocks.get(id)
    return block !== undefined && isLocked(block)
  })
}

/** As in a list: one block more in reading order, or one less on the way back. The focus goes along. */
export const extendSelection = (session: CanvasSession, ui: UiStore, step: 1 | -1): void => {
  const order = allIds(session)
  const { selected } = ui.getState()
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.blockId : undefined
  const here = focused !== undefined && selected.includes(focused) ? focused : selected.at(-1)
  const next = here === undefined ? undefined : order[order.indexOf(here) + step]
  if (here === undefined || next === undefined) return
  const ids = selected.includes(next) ? selected.filter((id) => id !== here) : [...selected, next]
  select(ui, ids)
  announce(ui, `Selected ${ids.length} ${ids.length === 1 ? 'block' : 'blocks'}.`)
  reveal(next)
}

/** Locked blocks stay where they are: nobody moves, resizes or pushes them. */
export const setLocks = (session: CanvasSession, ui: UiStore, ids: readonly string[], locked: boolean): void => {
  if (!session.canEdit || ids.length === 0) return
  step(session, () => {
    for (const id of ids) setLocked(session.doc, id, locked)
  })
  announce(ui, `${locked ? 'Locked' : 'Unlocked'} ${ids.length === 1 ? 'the block' : `${ids.length} blocks`}.`)
}

/** Puts the focus into a block: its text, or the first thing in it that takes the focus, as soon as that is loaded. */
export const editInside = (frame: Element | null, frames = 0): void => {
  const inside = frame?.querySelector<HTMLElement>(
    '.frame-body :is([contenteditable="true"], input, button, [tabindex="0"])',
  )
  if (inside) inside.focus()
  else if (frame !== null && frame === document.activeElement && frames < PATIENCE) {
    requestAnimationFrame(() => editInside(frame, frames + 1))
  }
}

const current = (session: CanvasSession, breakpoint: Breakpoint = 'lg'): Cell[] =>
  layoutOf(storedOf(blocksMap(session.doc)), breakpoint)

/** The 12-column arrangement, whatever is on screen. */
export const wideCells = (session: CanvasSession): Cell[] => current(session)

export const canvasIsFull = (): void =>
  toast(`A canvas holds at most ${BLOCK_LIMIT.toLocaleString()} blocks. Delete one first.`)

/** A block that is about to be: where, and how it is made there. `make` returns null when the canvas is full. */
export type Fresh = { at: At; size: Size; make: (at: At) => string | null }

/**
 * Puts new blocks at their places, and others make room: one undo step. Returns their ids; fewer than asked for when the
 * canvas is full, which is said.
 */
export const insert = (
  session: CanvasSession,
  fresh: readonly Fresh[],
  breakpoint: Breakpoint = 'lg',
  finish?: (ids: readonly string[]) => void,
): string[] => {
  const ids: string[] = []
  if (!session.canEdit || fresh.length === 0) return ids
  step(session, () => {
    const wide = isWide(breakpoint)
    const base = current(session, breakpoint)
    const group: Cell[] = []
    for (const { at, size, make } of fresh) {
      // Places of a narrow arrangement mean nothing in the wide one: there the block goes to the end.
      const id = make(wide ? at : spotFor(current(session), size, COLUMNS.lg))
      if (id === null) {
        canvasIsFull()
        break
      }
      ids.push(id)
      group.push({ id, x: at[0], y: at[1], w: Math.min(size[0], COLUMNS[breakpoint]), h: size[1], fixed: false })
    }
    finish?.(ids)
    if (!canArrange(breakpoint)) return
    const plan = withGroup(base, group, COLUMNS[breakpoint])
    const held = heldByOthers(session.awareness)
    const writes = writesFor(storedOf(blocksMap(session.doc)), base, plan, ids, breakpoint)
    write(
      session,
      writes.filter(({ id }) => ids.includes(id) || !held.has(id)),
      breakpoint,
    )
  })
  return ids
}

const spotOf = (session: CanvasSession, ui: UiStore, spot: Spot, size: Size): { at: At; breakpoint: Breakpoint } => {
  const breakpoint = shownBreakpoint()
  if (typeof spot === 'object' && canArrange(breakpoint)) {
    const x = Math.max(0, Math.min(COLUMNS[breakpoint] - Math.min(size[0], COLUMNS[breakpoint]), spot.cell[0]))
    return { at: [x, spot.cell[1]], breakpoint }
  }
  const { selected } = ui.getState()
  const base = current(session)
  const cells = base.filter(({ id }) => selected.includes(id))
  const first = cells[0]
  if (spot === 'below-selection' && first !== undefined) {
    const x = Math.min(COLUMNS.lg - Math.min(size[0], COLUMNS.lg), ...cells.map((cell) => cell.x))
    return { at: [x, bottomOf(cells)], breakpoint: 'lg' }
  }
  return { at: spotFor(base, size, COLUMNS.lg), breakpoint: 'lg' }
}

export const add = (
  session: CanvasSession,
  ui: UiStore,
  type: string,
  content: JsonObject,
  size: Size,
  spot: Spot = 'free',
): void => {
  if (!session.canEdit) return
  const { at, breakpoint } = spotOf(session, ui, spot, size)
  const make = (place: At): string | null => addBlock(session.doc, type, content, place, size, session.user.id)
  const [id] = insert(session, [{ at, size, make }], breakpoint)
  if (id === undefined) return
  select(ui, [id])
  announce(ui, `Added a ${typeOf(type)?.label.toLowerCase() ?? type} block.`)
  const begins = typeOf(type)?.begins
  if (begins === 'settings' && innerWidth >= 900) setPanel(ui, true)
  reveal(id, type === 'narrative' || begins === 'text')
}

/** Frames a new block's text may take to be loaded. */
const PATIENCE = 240

/** Scrolls to a block and focuses it once it is drawn; with `inside`, the text in it as soon as that is there. */
export const reveal = (id: string, inside = false): void => {
  const typed = inside ? keepTyping() : null
  let frames = 0
  const into = (frame: HTMLElement): void => {
    const text = frame.querySelector<HTMLElement>('.frame-body :is([contenteditable="true"], input, textarea)')
    // The focus went elsewhere meanwhile: it is not ours to take.
    const ours = document.activeElement === frame
    if (ours && text === null && frames++ < PATIENCE) {
      requestAnimationFrame(() => into(frame))
      return
    }
    if (ours) text?.focus({ preventScroll: true })
    typed?.(ours && text !== null)
  }
  requestAnimationFrame(() => {
    const frame = document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)
    frame?.focus({ preventScroll: true })
    frame?.scrollIntoView({ block: 'nearest', behavior: calm() ? 'auto' : 'smooth' })
    if (inside && frame) into(frame)
    else typed?.(false)
  })
}

let stopKeeping = (): void => undefined

/**
 * Who adds a text goes on typing: what they type before it is there is kept for it, and is no command meanwhile. Call the
 * returned function once, with whether the text has the focus now.
 */
const keepTyping = (): ((there: boolean) => void) => {
  // Another block was added before the text of the last one came: what is typed is meant for the new one.
  stopKeeping()
  let kept = ''
  const onKey = (event: KeyboardEvent): void => {
    const plain = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing
    if (!plain || takesKeys(event.target)) return
    event.preventDefault()
    event.stopImmediatePropagation()
    kept += event.key
  }
  addEventListener('keydown', onKey, true)
  stopKeeping = () => removeEventListener('keydown', onKey, true)
  return (there) => {
    removeEventListener('keydown', onKey, true)
    // As if typed now: editors and fields hear of it as of any other input.
    if (there && kept !== '') document.execCommand('insertText', false, kept)
  }
}

const calm = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches

/** Below what was copied, in the same places to each other; whatever is there makes room. */
export const duplicate = (session: CanvasSession, ui: UiStore, ids: readonly string[]): void => {
  if (!session.canEdit || ids.length === 0) return
  const sources = readingOrder(current(session)).filter(({ id }) => ids.includes(id))
  const top = Math.min(...sources.map(({ y }) => y))
  const down = bottomOf(sources) - top
  const copies = insert(
    session,
    sources.map(({ id, x, y, w, h }) => ({
      at: [x, y + down],
      size: [w, h],
      make: (at) => duplicateBlock(session.doc, id, at, session.user.id),
    })),
    'lg',
    (made) => {
      // A number in a copied text is that of the copied chart.
      const copyOf = new Map(made.map((copy, index) => [sources[index]?.id ?? '', copy]))
      for (const copy of made) rebind(session.doc, copy, (source) => copyOf.get(source) ?? source)
    },
  )
  const first = copies[0]
  if (first === undefined) return
  select(ui, copies)
  announce(ui, copies.length === 1 ? 'Duplicated the block.' : `Duplicated ${copies.length} blocks.`)
  reveal(first)
}

export const remove = (
  session: CanvasSession,
  ui: UiStore,
  ids: readonly string[],
  verb: 'Deleted' | 'Cut' = 'Deleted',
): void => {
  if (!session.canEdit || ids.length === 0) return
  step(session, () => {
    for (const id of ids) deleteBlock(session.doc, id)
  })
  select(ui, [])
  const text = ids.length === 1 ? `${verb} the block.` : `${verb} ${ids.length} blocks.`
  announce(ui, text)
  const taken = session.undo.undoStack.at(-1)
  const run = (): void => {
    if (!session.canEdit || taken === undefined || !session.undo.undoStack.includes(taken)) return
    // Undo goes back one step at a time: undoing anything else than what this message names would be a surprise.
    if (session.undo.undoStack.at(-1) === taken) undo(session)
    else toast(`You have changed other things since. Use ${keysText('mod+z')} to go back step by step.`)
  }
  toast(text, { label: 'Undo', run })
}

export type Direction = 'left' | 'right' | 'up' | 'down'
const DELTA: Record<Direction, At> = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }

/** Moves by one column, or past the next block above or below: one row would compact back to where it was. */
export const nudge = (session: CanvasSession, ui: UiStore, ids: readonly string[], direction: Direction): void => {
  if (!canMove(session, ids)) return
  const breakpoint = shownBreakpoint()
  const columns = COLUMNS[breakpoint]
  const base = current(session, breakpoint)
  const first = readingOrder(base).find(({ id }) => ids.includes(id))
  if (first === undefined) return
  const [dx, dy] = DELTA[direction]
  let plan = withShift(base, ids, dx, dy, columns)
  for (let reach = 2; dy !== 0 && reach <= MAX_ROWS && first.y + dy * reach >= 0; reach++) {
    const now = plan.find(({ id }) => id === first.id)
    if (now !== undefined && now.y !== first.y) break
    plan = withShift(base, ids, 0, dy * reach, columns)
  }
  commitPlan(session, ids, base, plan, breakpoint)
  tell(session, ui, ids, 'moved to')
}

export const grow = (session: CanvasSession, ui: UiStore, ids: readonly string[], direction: Direction): void => {
  if (!canMove(session, ids)) return
  const breakpoint = shownBreakpoint()
  const base = current(session, breakpoint)
  const [dw, dh] = DELTA[direction]
  const plan = ids.reduce<Cell[]>((cells, id) => {
    const cell = cells.find((other) => other.id === id)
    if (cell === undefined) return cells
    return withSize(cells, id, cell.w + dw, cell.h + dh, COLUMNS[breakpoint], minSizeOf(session, id))
  }, base)
  commitPlan(session, ids, base, plan, breakpoint)
  tell(session, ui, ids, 'is now')
}

/** Says where a block is now, counted from one as people do. */
export const tell = (
  session: CanvasSession,
  ui: UiStore,
  ids: readonly string[],
  verb: 'moved to' | 'is now',
): void => {
  if (ids.length > 1) {
    announce(ui, `${verb === 'moved to' ? 'Moved' : 'Resized'} ${ids.length} blocks.`)
    return
  }
  const id = ids[0] ?? ''
  const block = blocksMap(session.doc).get(id)
  const cell = current(session, shownBreakpoint()).find((other) => other.id === id)
  if (block === undefined || cell === undefined) return
  const place =
    verb === 'moved to' ? `column ${cell.x + 1}, row ${cell.y + 1}` : `${cell.w} columns wide, ${cell.h} rows high`
  announce(ui, `${blockName(block)} ${verb} ${place}.`)
}

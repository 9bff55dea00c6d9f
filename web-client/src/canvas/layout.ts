/**
 * Where blocks are drawn. Pure: stored places in, cells and pixels out.
 *
 * Owns: the four breakpoints, compaction, what a move or a resize does to everybody else, and which leaves a drop
 * writes. Refuses the document and the DOM.
 *
 * What is stored is what somebody dropped. The compacted layout is computed here on every render and never written
 * back; every client gets the same one, because blocks go in sorted by id and the compactor breaks ties by input order.
 */
import { getBreakpointFromWidth, type LayoutItem, verticalCompactor } from 'react-grid-layout/core'
import type { At, Breakpoint, Size } from '../doc/schema'

export const BREAKPOINTS: Record<Breakpoint, number> = { lg: 1200, md: 996, sm: 768, xs: 480 }
/** `lg` and `md` share one arrangement of 12 columns; the smaller two are derived unless somebody placed a block there. */
export const COLUMNS: Record<Breakpoint, number> = { lg: 12, md: 12, sm: 6, xs: 1 }
/** Pixels. */
export const ROW = 50
export const GAP = 12

/** The least a block can be resized to, where its type does not say otherwise. */
export const MIN_SIZE: Size = [2, 2]
/** No block is taller than this many rows: a typing mistake must not make a canvas nobody can scroll. */
export const MAX_ROWS = 60

export type Stored = {
  id: string
  at: At
  size: Size
  locked: boolean
  placements: Partial<Record<Breakpoint, Placement>>
}
export type Cell = { id: string; x: number; y: number; w: number; h: number; fixed: boolean }
export type Rect = { left: number; top: number; width: number; height: number }
export type Placement = readonly [x: number, y: number, w: number, h: number]
/** The leaves of one block that a drop writes. `placement` is the one of the breakpoint it happened on. */
export type Write = { id: string; at?: At; size?: Size; placement?: Placement }

export const breakpointOf = (width: number): Breakpoint => getBreakpointFromWidth(BREAKPOINTS, width) as Breakpoint

/** The 12-column places are on screen as they are stored. */
export const isWide = (breakpoint: Breakpoint): boolean => COLUMNS[breakpoint] === 12
/** One column is reading order and nothing else; everywhere else people arrange by hand. */
export const canArrange = (breakpoint: Breakpoint): boolean => COLUMNS[breakpoint] > 1

const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
/** The order in which people, screen readers and the Tab key go through a canvas. */
export const readingOrder = <T extends Cell>(cells: readonly T[]): T[] =>
  [...cells].sort((a, b) => a.y - b.y || a.x - b.x || byId(a, b))

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value))

const inBounds = (cell: Cell, columns: number): Cell => {
  const w = clamp(cell.w, 1, columns)
  return { ...cell, w, h: clamp(cell.h, 1, MAX_ROWS), x: clamp(cell.x, 0, columns - w), y: Math.max(0, cell.y) }
}

const toItem = ({ id, x, y, w, h, fixed }: Cell): LayoutItem => ({ i: id, x, y, w, h, static: fixed })
const toCell = ({ i, x, y, w, h, static: fixed }: LayoutItem): Cell => ({ id: i, x, y, w, h, fixed: fixed === true })

const compact = (items: readonly LayoutItem[], columns: number): Cell[] =>
  (isCompact(items, columns) ? items : verticalCompactor.compact(items, columns)).map(toCell)

/** Every block stands on another or at the top: the compactor, which compares each with each, would move none. */
const isCompact = (items: readonly LayoutItem[], columns: number): boolean => {
  const heights = new Array<number>(columns).fill(0)
  const down = [...items].sort((a, b) => a.y - b.y || a.x - b.x)
  return down.every(({ x, y, w, h, static: fixed }) => {
    const top = Math.max(...heights.slice(x, x + w))
    heights.fill(y + h, x, x + w)
    return fixed !== true && y === top
  })
}

/** The layout as drawn on a breakpoint, sorted by id. */
export const layoutOf = (stored: readonly Stored[], breakpoint: Breakpoint): Cell[] => {
  const columns = COLUMNS[breakpoint]
  const sorted = [...stored].sort(byId)
  if (isWide(breakpoint)) {
    const cells = sorted.map(({ id, at, size, locked }) =>
      inBounds({ id, x: at[0], y: at[1], w: size[0], h: size[1], fixed: locked }, columns),
    )
    return compact(cells.map(toItem), columns)
  }
  // Nobody arranged it: as on a page, in reading order, from the left, into the next row where it does not fit.
  const wide = readingOrder(layoutOf(stored, 'lg'))
  const cells: Cell[] = []
  let row = 0
  for (const cell of wide) {
    const own = stored.find((item) => item.id === cell.id)?.placements[breakpoint]
    if (own !== undefined) {
      cells.push(inBounds({ ...cell, x: own[0], y: own[1], w: own[2], h: own[3], fixed: false }, columns))
      continue
    }
    const narrow = { ...cell, w: narrowed(cell.w, columns), fixed: false }
    const [x, y] = firstFit(cells, narrow, row, columns)
    row = y
    cells.push({ ...narrow, x, y })
  }
  return compact(cells.map(toItem), columns).sort(byId)
}

/** A quarter of the width becomes a half of a narrower one, so that four side by side are two and two. */
const narrowed = (w: number, columns: number): number => {
  if (columns === 1) return 1
  return w === 3 ? 3 : Math.max(2, Math.round((w * columns) / COLUMNS.lg))
}

/** The leftmost free place in the first row that has one, not above `row`. */
const firstFit = (cells: readonly Cell[], cell: Cell, row: number, columns: number): At => {
  const bottom = bottomOf(cells)
  for (let y = row; y < bottom; y++) {
    for (let x = 0; x + cell.w <= columns; x++) {
      if (!cells.some((other) => overlaps({ ...cell, x, y }, other))) return [x, y]
    }
  }
  return [0, Math.max(row, bottom)]
}

/**
 * The layout with one block moved to a cell: others make room. `base` is not touched.
 *
 * A block it is held over stays above it from its middle on and goes below it before that, so that dragging further in
 * one direction never takes a swap back.
 */
export const withMove = (base: readonly Cell[], id: string, x: number, y: number, columns: number): Cell[] => {
  const cell = base.find((other) => other.id === id)
  if (cell === undefined || cell.fixed) return [...base]
  const held = { ...cell, x: clamp(x, 0, columns - cell.w), y: Math.max(0, y) }
  const rest = compact(base.filter((other) => other.id !== id).map(toItem), columns)
  const over = rest.filter(
    (other) =>
      other.x < held.x + held.w && held.x < other.x + other.w && other.y < held.y && held.y < other.y + other.h / 2,
  )
  return withGroup(base, [{ ...held, y: Math.min(held.y, ...over.map((other) => other.y)) }], columns)
}

/**
 * The layout with several blocks put to cells: they go before what begins there or below, everything else closes up
 * and makes room. `group` may hold blocks that `base` does not know yet.
 */
export const withGroup = (base: readonly Cell[], group: readonly Cell[], columns: number): Cell[] => {
  const moving = new Set(group.map((cell) => cell.id))
  const rest = compact(base.filter((cell) => !moving.has(cell.id)).map(toItem), columns)
  // Half a row up is before whatever begins in that row; compaction ends on whole rows again.
  const placed = group.map((cell) => ({
    ...inBounds({ ...cell, fixed: false }, columns),
    y: Math.max(0, cell.y) - 0.5,
  }))
  return compact([...rest, ...placed].map(toItem), columns).sort(byId)
}

/** The layout with several blocks moved by whole cells, as far as the grid allows, keeping their places to each other. */
export const withShift = (
  base: readonly Cell[],
  ids: readonly string[],
  dx: number,
  dy: number,
  columns: number,
): Cell[] => {
  const group = base.filter((cell) => ids.includes(cell.id) && !cell.fixed)
  const only = group[0]
  if (only === undefined) return [...base]
  if (group.length === 1) return withMove(base, only.id, only.x + dx, only.y + dy, columns)
  const left = Math.min(...group.map((cell) => cell.x))
  const right = Math.max(...group.map((cell) => cell.x + cell.w))
  const top = Math.min(...group.map((cell) => cell.y))
  const x = clamp(dx, -left, columns - right)
  const y = Math.max(-top, dy)
  if (x === 0 && y === 0) return [...base]
  return withGroup(
    base,
    group.map((cell) => ({ ...cell, x: cell.x + x, y: cell.y + y })),
    columns,
  )
}

/** The layout with one block resized: what it now covers goes below it. */
export const withSize = (
  base: readonly Cell[],
  id: string,
  w: number,
  h: number,
  columns: number,
  min: Size = MIN_SIZE,
): Cell[] => {
  const items = base.map((cell) => {
    if (cell.id !== id || cell.fixed) return toItem(cell)
    const width = clamp(w, Math.min(min[0], columns - cell.x), columns - cell.x)
    return toItem({ ...cell, w: width, h: clamp(h, min[1], MAX_ROWS) })
  })
  return compact(items, columns)
}

const sameCell = (a: Cell, b: Cell): boolean => a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h

const apply = (stored: readonly Stored[], writes: readonly Write[], breakpoint: Breakpoint): Stored[] => {
  const byKey = new Map(writes.map((write) => [write.id, write]))
  return stored.map((item) => {
    const write = byKey.get(item.id)
    if (write === undefined) return item
    const { at = item.at, size = item.size, placement } = write
    if (placement === undefined) return { ...item, at, size }
    return { ...item, placements: { ...item.placements, [breakpoint]: placement } }
  })
}

/** So many blocks beyond the dropped one are tried one by one before all that moved are written. */
const TRIES = 6

/**
 * What a drop has to write so that everybody sees `plan`.
 *
 * First of all only the blocks somebody had in the hand (`own`): the others are drawn where compaction puts them, so
 * what happens to them at the same time stays, and taking the drop back brings them back by itself. Where that draws
 * something else than was shown (two blocks stored in one place, say), the first block that differs is written too, and
 * so on; at last every block that is stored elsewhere than it is drawn.
 *
 * On a breakpoint of its own arrangement the leaf is that breakpoint's placement.
 */
export const writesFor = (
  stored: readonly Stored[],
  base: readonly Cell[],
  plan: readonly Cell[],
  own: readonly string[] = [],
  breakpoint: Breakpoint = 'lg',
): Write[] => {
  const before = new Map(base.map((cell) => [cell.id, cell]))
  const items = new Map(stored.map((item) => [item.id, item]))
  const wide = isWide(breakpoint)
  const changed = readingOrder(plan).filter((cell) => {
    const old = before.get(cell.id)
    return items.has(cell.id) && (old === undefined || !sameCell(old, cell))
  })
  if (changed.length === 0) return []

  const writesOf = (ids: ReadonlySet<string>, full = false): Write[] =>
    plan.flatMap((cell): Write[] => {
      const item = items.get(cell.id)
      if (item === undefined || !ids.has(cell.id)) return []
      if (!wide) return [{ id: cell.id, placement: [cell.x, cell.y, cell.w, cell.h] }]
      const old = before.get(cell.id)
      const inHand = !full && own.includes(cell.id)
      // A move writes no size and a resize no place: both may happen to one block at once.
      const place = old === undefined || old.x !== cell.x || old.y !== cell.y || (!inHand && !sameAt(item, cell))
      const size = old === undefined || old.w !== cell.w || old.h !== cell.h
      if (!place && !size) return []
      return [
        {
          id: cell.id,
          ...(place ? { at: [cell.x, cell.y] as const } : {}),
          ...(size ? { size: [cell.w, cell.h] as const } : {}),
        },
      ]
    })

  const order = readingOrder(plan)
  /** The blocks that would be drawn elsewhere than planned. */
  const wrong = (writes: readonly Write[]): Cell[] => {
    const drawn = new Map(layoutOf(apply(stored, writes, breakpoint), breakpoint).map((cell) => [cell.id, cell]))
    return order.filter((cell) => !sameCell(cell, drawn.get(cell.id) ?? { ...cell, x: -1 }))
  }

  const ids = new Set(own.filter((id) => items.has(id)))
  for (let tries = 0; tries <= TRIES; tries++) {
    const writes = writesOf(ids)
    const next = wrong(writes)
    if (next.length === 0) return writes
    const more = next.find((cell) => !ids.has(cell.id))
    if (more === undefined) break
    ids.add(more.id)
  }
  const moved = writesOf(new Set([...own, ...changed.map((cell) => cell.id)]))
  return wrong(moved).length === 0 ? moved : writesOf(new Set(order.map((cell) => cell.id)), true)
}

const sameAt = (item: Stored, cell: Cell): boolean => item.at[0] === cell.x && item.at[1] === cell.y

export const bottomOf = (cells: readonly Cell[]): number =>
  cells.reduce((max, cell) => Math.max(max, cell.y + cell.h), 0)

const overlaps = (a: Omit<Cell, 'id' | 'fixed'>, b: Omit<Cell, 'id' | 'fixed'>): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h

/** Where a new block goes: beside the last row if it fits there, else below everything. */
export const spotFor = (cells: readonly Cell[], size: Size, columns: number): At => {
  const bottom = bottomOf(cells)
  const w = Math.min(size[0], columns)
  const last = Math.max(0, ...cells.map((cell) => cell.y))
  for (let y = last; y < bottom; y++) {
    for (let x = 0; x + w <= columns; x++) {
      if (!cells.some((cell) => overlaps({ x, y, w, h: Math.max(size[1], bottom - y) }, cell))) return [x, y]
    }
  }
  return [0, bottom]
}

/** The edge of a row of blocks nearest to a row of the grid: what is put there cuts nothing in two. */
export const edgeNear = (cells: readonly Cell[], row: number): number => {
  const edges = [0, ...cells.flatMap((cell) => [cell.y, cell.y + cell.h])]
  return edges.reduce((best, edge) => (Math.abs(edge - row) < Math.abs(best - row) ? edge : best))
}

export type Metrics = { width: number; columns: number }
export const columnWidth = ({ width, columns }: Metrics): number => (width - GAP * (columns - 1)) / columns

export const rectOf = (cell: { x: number; y: number; w: number; h: number }, metrics: Metrics): Rect => {
  // Both edges are rounded, not the width: blocks that end at the same column end at the same pixel.
  const step = columnWidth(metrics) + GAP
  const left = Math.round(cell.x * step)
  return {
    left,
    top: cell.y * (ROW + GAP),
    width: Math.round((cell.x + cell.w) * step - GAP) - left,
    height: cell.h * ROW + (cell.h - 1) * GAP,
  }
}

/** The cell whose top left corner is nearest to a pixel. */
export const cellAt = (left: number, top: number, metrics: Metrics): At => [
  Math.round(left / (columnWidth(metrics) + GAP)),
  Math.max(0, Math.round(top / (ROW + GAP))),
]

/** The size in cells nearest to a size in pixels. */
export const sizeAt = (width: number, height: number, metrics: Metrics): Size => [
  Math.max(1, Math.round((width + GAP) / (columnWidth(metrics) + GAP))),
  Math.max(1, Math.round((height + GAP) / (ROW + GAP))),
]

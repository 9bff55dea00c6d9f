/**
 * Where blocks are drawn. Pure: stored places in, cells and pixels out.
 *
 * Owns: the four breakpoints, compaction, what a move or a resize does to everybody else, and which leaves a drop
 * writes. Refuses the document and the DOM.
 *
 * What is stored is what somebody dropped. The compacted layout is computed here on every render and never written
 * back; every client gets the same one, because blocks go in sorted by id and the compactor breaks ties by input order.
 */
import { getBreakpointFromWidth, type LayoutItem, moveElement, verticalCompactor } from 'react-grid-layout/core'
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
  placements: Partial<Record<Breakpoint, readonly [number, number, number, number]>>
}
export type Cell = { id: string; x: number; y: number; w: number; h: number; fixed: boolean }
export type Rect = { left: number; top: number; width: number; height: number }
export type Write = { id: string; at?: At; size?: Size }

export const breakpointOf = (width: number): Breakpoint => getBreakpointFromWidth(BREAKPOINTS, width) as Breakpoint

/** Arranging writes the 12-column places, so it is offered where those are shown. */
export const canArrange = (breakpoint: Breakpoint): boolean => COLUMNS[breakpoint] === 12

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
  verticalCompactor.compact(items, columns).map(toCell)

/** The layout as drawn on a breakpoint, sorted by id. */
export const layoutOf = (stored: readonly Stored[], breakpoint: Breakpoint): Cell[] => {
  const columns = COLUMNS[breakpoint]
  const sorted = [...stored].sort(byId)
  if (canArrange(breakpoint)) {
    const cells = sorted.map(({ id, at, size, locked }) =>
      inBounds({ id, x: at[0], y: at[1], w: size[0], h: size[1], fixed: locked }, columns),
    )
    return compact(cells.map(toItem), columns)
  }
  // Side by side becomes one below the other: going in by reading order keeps that order where places now tie.
  const wide = new Map(layoutOf(stored, 'lg').map((cell) => [cell.id, cell]))
  const cells = readingOrder([...wide.values()]).map((cell) => {
    const own = stored.find((item) => item.id === cell.id)?.placements[breakpoint]
    if (own !== undefined)
      return inBounds({ ...cell, x: own[0], y: own[1], w: own[2], h: own[3], fixed: false }, columns)
    const scale = columns / COLUMNS.lg
    const w = Math.max(1, Math.round(cell.w * scale))
    return inBounds({ ...cell, x: Math.floor(cell.x * scale), w, fixed: false }, columns)
  })
  return compact(cells.map(toItem), columns).sort(byId)
}

/** The layout with one block moved to a cell: others make room. `base` is not touched. */
export const withMove = (base: readonly Cell[], id: string, x: number, y: number, columns: number): Cell[] => {
  const items = base.map(toItem)
  const item = items.find(({ i }) => i === id)
  if (item === undefined || item.static === true) return [...base]
  const moved = moveElement(
    items,
    item,
    clamp(x, 0, columns - item.w),
    Math.max(0, y),
    true,
    false,
    'vertical',
    columns,
  )
  return compact(moved, columns)
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

const apply = (stored: readonly Stored[], writes: readonly Write[]): Stored[] => {
  const byKey = new Map(writes.map((write) => [write.id, write]))
  return stored.map((item) => {
    const write = byKey.get(item.id)
    return write === undefined ? item : { ...item, at: write.at ?? item.at, size: write.size ?? item.size }
  })
}

const sameLayout = (a: readonly Cell[], b: readonly Cell[]): boolean => {
  const other = new Map(b.map((cell) => [cell.id, cell]))
  return a.length === b.length && a.every((cell) => sameCell(cell, other.get(cell.id) ?? { ...cell, x: -1 }))
}

/**
 * What a drop has to write so that everybody sees `plan`: only the leaves of blocks that it moved or resized, so that
 * what others did to the rest at the same time stays. Stored places that compaction had hidden can make that too little;
 * then every block that is stored elsewhere than it is drawn is written as well.
 */
export const writesFor = (stored: readonly Stored[], base: readonly Cell[], plan: readonly Cell[]): Write[] => {
  const before = new Map(base.map((cell) => [cell.id, cell]))
  const at = new Map(stored.map((item) => [item.id, item]))
  const diff = (changed: (cell: Cell, item: Stored) => { at: boolean; size: boolean }): Write[] =>
    plan.flatMap((cell) => {
      const item = at.get(cell.id)
      if (item === undefined) return []
      const { at: place, size } = changed(cell, item)
      if (!place && !size) return []
      return [
        {
          id: cell.id,
          ...(place ? { at: [cell.x, cell.y] as At } : {}),
          ...(size ? { size: [cell.w, cell.h] as Size } : {}),
        },
      ]
    })
  const few = diff((cell) => {
    const old = before.get(cell.id)
    if (old === undefined) return { at: true, size: true }
    return { at: old.x !== cell.x || old.y !== cell.y, size: old.w !== cell.w || old.h !== cell.h }
  })
  if (few.length === 0 || sameLayout(layoutOf(apply(stored, few), 'lg'), plan)) return few
  return diff((cell, item) => ({
    at: item.at[0] !== cell.x || item.at[1] !== cell.y,
    size: item.size[0] !== cell.w || item.size[1] !== cell.h,
  }))
}

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

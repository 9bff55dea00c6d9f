// @vitest-environment node
import { verticalCompactor } from 'react-grid-layout/core'
import { describe, expect, it } from 'vitest'
import type { Breakpoint } from '../doc/schema'
import {
  breakpointOf,
  type Cell,
  cellAt,
  layoutOf,
  readingOrder,
  rectOf,
  type Stored,
  sizeAt,
  spotFor,
  type Write,
  withGroup,
  withMove,
  withShift,
  withSize,
  writesFor,
} from './layout'

const block = (id: string, x: number, y: number, w: number, h: number, more: Partial<Stored> = {}): Stored => ({
  id,
  at: [x, y],
  size: [w, h],
  locked: false,
  placements: {},
  ...more,
})
const at = (cells: readonly Cell[], id: string): number[] => {
  const cell = cells.find((other) => other.id === id)
  return cell === undefined ? [] : [cell.x, cell.y, cell.w, cell.h]
}
const apply = (stored: readonly Stored[], writes: readonly Write[], breakpoint: Breakpoint = 'lg'): Stored[] =>
  stored.map((item) => {
    const { placement, ...leaves } = writes.find((write) => write.id === item.id) ?? {}
    const placements = placement === undefined ? item.placements : { ...item.placements, [breakpoint]: placement }
    return { ...item, ...leaves, placements }
  })

const overlapping = (cells: readonly Cell[]): boolean =>
  cells.some((a) =>
    cells.some((b) => a.id < b.id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h),
  )

/** A small generator, so that a failing case can be seen again. */
const random = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 2 ** 32
}

const some = (next: () => number, count: number): Stored[] =>
  Array.from({ length: count }, (_, n) =>
    block(
      `b${n}`,
      Math.floor(next() * 12),
      Math.floor(next() * 20),
      1 + Math.floor(next() * 12),
      1 + Math.floor(next() * 6),
    ),
  )

describe('the drawn layout', () => {
  it('is the same for everybody, whatever order the map gives', () => {
    const next = random(1)
    for (let run = 0; run < 100; run++) {
      const stored = some(next, 8)
      const shuffled = [...stored].sort(() => next() - 0.5)
      expect(layoutOf(shuffled, 'lg')).toEqual(layoutOf(stored, 'lg'))
      expect(layoutOf(shuffled, 'sm')).toEqual(layoutOf(stored, 'sm'))
    }
  })

  it('pulls blocks up, never overlaps and never leaves the grid', () => {
    const next = random(2)
    for (let run = 0; run < 100; run++) {
      for (const breakpoint of ['lg', 'md', 'sm', 'xs'] as const) {
        const cells = layoutOf(some(next, 10), breakpoint)
        expect(overlapping(cells)).toBe(false)
        const columns = { lg: 12, md: 12, sm: 6, xs: 1 }[breakpoint]
        expect(cells.every((cell) => cell.x >= 0 && cell.x + cell.w <= columns && cell.y >= 0)).toBe(true)
      }
    }
    expect(at(layoutOf([block('a', 0, 9, 6, 4)], 'lg'), 'a')).toEqual([0, 0, 6, 4])
  })

  it('leaves alone exactly what the compactor would leave alone', () => {
    const next = random(4)
    for (let run = 0; run < 300; run++) {
      // Every other run starts from blocks that stand on each other, one of them lifted, or not.
      const loose = some(next, 8)
      const settled = layoutOf(loose, 'lg').map(({ id, x, y, w, h }) => block(id, x, y, w, h))
      if (run % 4 === 1) settled[3] = { ...loose[3], at: [0, 1 + Math.floor(next() * 20)] } as Stored
      const stored = run % 2 === 0 ? loose : settled
      const items = layoutOf(stored, 'lg').map(({ id }) => {
        const { at: from, size } = stored.find((item) => item.id === id) as Stored
        const w = Math.min(size[0], 12)
        return { i: id, x: Math.min(from[0], 12 - w), y: from[1], w, h: size[1] }
      })
      const expected = verticalCompactor.compact(items, 12).map(({ i, x, y }) => [i, x, y])
      expect(layoutOf(stored, 'lg').map(({ id, x, y }) => [id, x, y])).toEqual(expected)
    }
  })

  it('becomes one column in reading order on a phone', () => {
    const stored = [block('z', 0, 0, 6, 4), block('a', 6, 0, 6, 4), block('m', 0, 4, 12, 6)]
    const cells = readingOrder(layoutOf(stored, 'xs'))
    expect(cells.map(({ id }) => id)).toEqual(['z', 'a', 'm'])
    expect(cells.every((cell) => cell.w === 1)).toBe(true)
  })

  it('uses the place somebody gave a block on a breakpoint', () => {
    const stored = [block('a', 0, 0, 12, 4, { placements: { sm: [3, 0, 3, 2] } })]
    expect(at(layoutOf(stored, 'sm'), 'a')).toEqual([3, 0, 3, 2])
    expect(at(layoutOf(stored, 'lg'), 'a')).toEqual([0, 0, 12, 4])
  })

  it('puts four side by side two and two on a narrower canvas, without holes', () => {
    const row = ['a', 'b', 'c', 'd'].map((id, index) => block(id, index * 3, 0, 3, 3))
    const stored = [...row, block('e', 0, 3, 8, 6), block('f', 8, 3, 4, 6)]
    const cells = layoutOf(stored, 'sm')
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((id) => at(cells, id))).toEqual([
      [0, 0, 3, 3],
      [3, 0, 3, 3],
      [0, 3, 3, 3],
      [3, 3, 3, 3],
      [0, 6, 4, 6],
      [4, 6, 2, 6],
    ])
  })

  it('keeps a locked block where it is stored', () => {
    const stored = [block('a', 0, 3, 6, 2, { locked: true }), block('b', 0, 0, 6, 2)]
    expect(at(layoutOf(stored, 'lg'), 'a')).toEqual([0, 3, 6, 2])
    expect(at(withMove(layoutOf(stored, 'lg'), 'a', 4, 4, 12), 'a')).toEqual([0, 3, 6, 2])
  })

  it('knows the four breakpoints', () => {
    expect([1400, 1100, 900, 600, 400].map(breakpointOf)).toEqual(['lg', 'md', 'sm', 'xs', 'xs'])
  })
})

describe('a gesture', () => {
  const stored = [block('a', 0, 0, 6, 4), block('b', 6, 0, 6, 4), block('c', 0, 4, 12, 6)]
  const base = layoutOf(stored, 'lg')

  it('makes the others give way, and leaves the base as it was', () => {
    const before = structuredClone(base)
    const plan = withMove(base, 'a', 6, 0, 12)
    expect(at(plan, 'a')).toEqual([6, 0, 6, 4])
    expect(at(plan, 'b')).toEqual([6, 4, 6, 4])
    expect(base).toEqual(before)
  })

  it('swaps once and stays swapped when a block is dragged on in one direction', () => {
    const tall = layoutOf([block('a', 0, 0, 6, 2), block('c', 0, 2, 6, 4), block('d', 0, 6, 6, 4)], 'lg')
    const order = Array.from({ length: 14 }, (_, y) =>
      readingOrder(withMove(tall, 'a', 0, y, 12))
        .map((cell) => cell.id)
        .join(''),
    )
    expect(order.filter((text, y) => text !== order[y - 1])).toEqual(['acd', 'cad', 'cda'])
  })

  it('pushes down what a resize covers, and stays inside the grid', () => {
    const plan = withSize(base, 'a', 20, 4, 12)
    expect(at(plan, 'a')).toEqual([0, 0, 12, 4])
    expect(at(plan, 'b')).toEqual([6, 4, 6, 4])
    expect(at(withSize(base, 'a', 0, 0, 12), 'a')).toEqual([0, 0, 2, 2])
  })

  it('writes only what it changed', () => {
    const writes = writesFor(stored, base, withSize(base, 'c', 12, 8, 12))
    expect(writes).toEqual([{ id: 'c', size: [12, 8] }])
    expect(writesFor(stored, base, base)).toEqual([])
  })

  it('writes enough that everybody draws what was dropped', () => {
    const next = random(3)
    for (let run = 0; run < 300; run++) {
      const canvas = some(next, 7)
      const drawn = layoutOf(canvas, 'lg')
      const id = `b${Math.floor(next() * 7)}`
      const plan =
        next() < 0.5
          ? withMove(drawn, id, Math.floor(next() * 12), Math.floor(next() * 20), 12)
          : withSize(drawn, id, 1 + Math.floor(next() * 12), 1 + Math.floor(next() * 8), 12)
      expect(layoutOf(apply(canvas, writesFor(canvas, drawn, plan, [id])), 'lg')).toEqual(plan)
    }
  })

  it('writes enough for a group, and for an arrangement of its own on a tablet', () => {
    const next = random(4)
    for (let run = 0; run < 200; run++) {
      const canvas = some(next, 7)
      for (const breakpoint of ['lg', 'sm'] as const) {
        const columns = breakpoint === 'lg' ? 12 : 6
        const drawn = layoutOf(canvas, breakpoint)
        const ids = ['b0', 'b2', 'b5'].filter(() => next() < 0.8)
        const plan = withShift(drawn, ids, Math.floor(next() * 9) - 4, Math.floor(next() * 21) - 10, columns)
        expect(overlapping(plan)).toBe(false)
        const after = apply(canvas, writesFor(canvas, drawn, plan, ids, breakpoint), breakpoint)
        expect(new Set(layoutOf(after, breakpoint))).toEqual(new Set(plan))
        if (breakpoint === 'sm') expect(layoutOf(after, 'lg')).toEqual(layoutOf(canvas, 'lg'))
      }
    }
  })

  it('leaves the blocks it pushes unwritten where they find their place by themselves', () => {
    const writes = writesFor(stored, base, withMove(base, 'a', 6, 0, 12), ['a'])
    expect(writes).toEqual([{ id: 'a', at: [6, 0] }])
  })

  it('moves a group together, as far as its outermost block can go', () => {
    const plan = withShift(base, ['a', 'c'], 5, 0, 12)
    expect(plan).toEqual(base)
    const apart = layoutOf([block('a', 0, 0, 3, 2), block('b', 3, 0, 3, 2), block('c', 0, 2, 3, 2)], 'lg')
    const moved = withShift(apart, ['a', 'b'], 99, 0, 12)
    expect([at(moved, 'a'), at(moved, 'b'), at(moved, 'c')]).toEqual([
      [6, 0, 3, 2],
      [9, 0, 3, 2],
      [0, 0, 3, 2],
    ])
  })

  it('puts new blocks before what begins in that row', () => {
    const fresh: Cell = { id: 'z', x: 0, y: 4, w: 6, h: 2, fixed: false }
    const plan = withGroup(base, [fresh], 12)
    expect(at(plan, 'z')).toEqual([0, 4, 6, 2])
    expect(at(plan, 'c')).toEqual([0, 6, 12, 6])
    expect(at(plan, 'a')).toEqual([0, 0, 6, 4])
  })

  it('does nothing for a block that is gone', () => {
    expect(withMove(base, 'gone', 1, 1, 12)).toEqual(base)
  })
})

describe('new blocks', () => {
  it('go beside the last row if they fit, else below', () => {
    const cells = layoutOf([block('a', 0, 0, 12, 4), block('b', 0, 4, 6, 4)], 'lg')
    expect(spotFor(cells, [6, 4], 12)).toEqual([6, 4])
    expect(spotFor(cells, [8, 4], 12)).toEqual([0, 8])
    expect(spotFor([], [6, 4], 12)).toEqual([0, 0])
  })
})

describe('pixels', () => {
  const metrics = { width: 1318, columns: 12 }
  it('round-trip through cells', () => {
    for (const cell of [
      { x: 0, y: 0, w: 6, h: 4 },
      { x: 7, y: 13, w: 5, h: 2 },
    ]) {
      const rect = rectOf(cell, metrics)
      expect(cellAt(rect.left, rect.top, metrics)).toEqual([cell.x, cell.y])
      expect(sizeAt(rect.width, rect.height, metrics)).toEqual([cell.w, cell.h])
    }
  })
  it('end at the same pixel when they end at the same column', () => {
    const right = (x: number, w: number): number => {
      const rect = rectOf({ x, y: 0, w, h: 1 }, metrics)
      return rect.left + rect.width
    }
    expect(new Set([right(0, 12), right(6, 6), right(11, 1), right(5, 7)]).size).toBe(1)
  })
})

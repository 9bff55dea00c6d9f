import { describe, expect, it } from 'vitest'
import { type Spot, topOf, viewAt } from './follow'

const spot = (id: string, top: number, height: number): Spot => ({ id, top, height })
/** The same four blocks on a wide window, two by two, and on a phone, one below the other. */
const WIDE = [spot('a', 0, 200), spot('b', 0, 200), spot('c', 212, 400), spot('d', 212, 400)]
const PHONE = [spot('a', 0, 200), spot('b', 212, 200), spot('c', 424, 400), spot('d', 836, 400)]

describe('the view that others follow', () => {
  it('names the block at the top of the window and how far into it', () => {
    expect(viewAt(WIDE, 0)).toEqual({ block: 'a', top: 0 })
    expect(viewAt(WIDE, 312)).toEqual({ block: 'c', top: 0.25 })
  })

  it('maps by block to another width', () => {
    const view = viewAt(WIDE, 312)
    if (view === null) throw new Error('there is a block')
    expect(topOf(PHONE, view)).toBe(524)
    expect(topOf(WIDE, view)).toBe(312)
  })

  it('counts from the next block where the top is between two', () => {
    const view = viewAt(WIDE, 206)
    expect(view).toEqual({ block: 'c', top: -0.015 })
    if (view !== null) expect(topOf(WIDE, view)).toBe(206)
  })

  it('counts on from the last block below everything', () => {
    const view = viewAt([spot('a', 0, 200)], 300)
    expect(view).toEqual({ block: 'a', top: 1.5 })
  })

  it('says nothing on an empty canvas, and nothing of a block that is not here', () => {
    expect(viewAt([], 40)).toBeNull()
    expect(topOf(WIDE, { block: 'gone', top: 0 })).toBeNull()
  })
})

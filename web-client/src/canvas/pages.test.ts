import { describe, expect, it } from 'vitest'
import { pageAt, pagesOf, type Tile } from './pages'

const tile = (id: string, top: number, height: number, heading = false): Tile => ({ id, top, height, heading })

describe('pages of a canvas', () => {
  it('keeps blocks beside each other together and fills the window', () => {
    const tiles = [tile('a', 0, 300), tile('b', 0, 200), tile('c', 312, 300), tile('d', 624, 300)]
    expect(pagesOf(tiles, 700)).toEqual([
      { top: 0, bottom: 612 },
      { top: 624, bottom: 924 },
    ])
  })

  it('takes one row a page when no more fits', () => {
    const tiles = [tile('a', 0, 300), tile('b', 312, 300)]
    expect(pagesOf(tiles, 400)).toEqual([
      { top: 0, bottom: 300 },
      { top: 312, bottom: 612 },
    ])
  })

  it('begins a page with each heading, but does not leave one alone', () => {
    const tiles = [tile('h', 0, 50, true), tile('a', 62, 200), tile('i', 274, 50, true), tile('b', 336, 200)]
    expect(pagesOf(tiles, 1000)).toEqual([
      { top: 0, bottom: 262 },
      { top: 274, bottom: 536 },
    ])
    const title = [tile('t', 0, 50, true), tile('h', 62, 50, true), tile('a', 124, 200)]
    expect(pagesOf(title, 1000)).toEqual([{ top: 0, bottom: 324 }])
  })

  it('goes through a row higher than the window in parts that reach its end', () => {
    const pages = pagesOf([tile('a', 0, 1000), tile('b', 1012, 100)], 400)
    expect(pages.length).toBeGreaterThan(3)
    for (const page of pages) expect(page.bottom - page.top).toBeLessThanOrEqual(400)
    for (const [index, page] of pages.entries()) {
      const next = pages[index + 1]
      if (next !== undefined) expect(next.top).toBeGreaterThan(page.top)
    }
    expect(pages.slice(-2)).toEqual([
      { top: 600, bottom: 1000 },
      { top: 1012, bottom: 1112 },
    ])
  })

  it('is empty for an empty canvas', () => {
    expect(pagesOf([], 400)).toEqual([])
    expect(pageAt([], 10)).toBe(0)
  })

  it('finds the page of a place', () => {
    const pages = [
      { top: 0, bottom: 300 },
      { top: 312, bottom: 612 },
    ]
    expect(pageAt(pages, -50)).toBe(0)
    expect(pageAt(pages, 311)).toBe(1)
    expect(pageAt(pages, 5000)).toBe(1)
  })
})

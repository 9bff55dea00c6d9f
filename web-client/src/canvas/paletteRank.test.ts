// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { rank } from './paletteRank'

const best = (search: string, entries: string[][]): string[] =>
  entries
    .map((words) => ({ name: words[0] ?? '', score: rank('', search, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name)

describe('the palette', () => {
  it('puts names that begin with it first, then words, then descriptions', () => {
    const entries = [['Disallow'], ['Duplicate', 'sales'], ['Q4 Sales'], ['Sales by Region'], ['Sales'], ['Undo']]
    expect(best('sal', entries)).toEqual(['Sales', 'Sales by Region', 'Q4 Sales', 'Disallow', 'Duplicate'])
  })

  it('needs every word, in any order', () => {
    expect(best('region sales', [['Sales by Region'], ['Sales']])).toEqual(['Sales by Region'])
    expect(best('sxl', [['Sales by Region']])).toEqual([])
  })

  it('reads over accents and takes signs as they are', () => {
    expect(best('uber', [['Über uns']])).toEqual(['Über uns'])
    expect(best('c++ (', [['Notes on C++ (2020)']])).toEqual(['Notes on C++ (2020)'])
    expect(rank('', '  ', ['Anything'])).toBe(1)
  })
})

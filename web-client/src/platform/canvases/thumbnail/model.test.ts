// @vitest-environment node
import { describe, expect, it } from 'vitest'
import type { BlockJson, JsonObject } from '../../../doc/schema'
import { type Data, type DataOf, datasetsFor, draw, HEIGHT, type Mark, WIDTH } from './model'

const block = (type: string, x: number, y: number, w: number, h: number, content: JsonObject): BlockJson => ({
  id: `${type}${x}${y}`,
  type,
  position: { x, y, w, h },
  content,
})
const source = (id: string): JsonObject => ({ type: 'dataset', dataset_id: id, parameters: {} })
const chart = (chart_type: string, config: JsonObject = {}): BlockJson =>
  block('chart', 0, 0, 6, 6, {
    chart_type,
    title: 'Sales',
    data_source: source('d'),
    filters: [],
    config: { x_axis: 'city', y_axis: 'sold', color: '', aggregation: 'sum', ...config },
    style: { colors: [] },
  })

const data: Data = {
  columns: [
    { name: 'city', type: 'string' },
    { name: 'sold', type: 'number' },
    { name: 'kind', type: 'string' },
  ],
  order: ['city', 'sold', 'kind'],
  rows: [
    ['Oslo', 1, 'a'],
    ['Rome', 3, 'b'],
    ['Rome', 1, 'a'],
  ],
  complete: true,
}
const known: DataOf = (id) => (id === 'd' ? data : undefined)

const fills = (marks: Mark[], paint: string): string[] =>
  marks.flatMap((mark) => (mark.k === 'fill' && mark.c === paint ? [mark.d] : []))
const pieces = (d: string | undefined): number => (d ?? '').split('M').length - 1
const texts = (marks: Mark[]): string[] => marks.flatMap((mark) => (mark.k === 'text' ? [mark.t] : []))
/** Heights of the bars of a path, from its "v" steps. */
const heights = (d: string | undefined): number[] =>
  [...(d ?? '').matchAll(/v(-?[\d.]+)/g)].map((match) => Number(match[1]))

describe('charts', () => {
  it('has a bar for each group, as high as its value', () => {
    const marks = draw([chart('bar')], known)
    const [oslo, rome] = heights(fills(marks, 'c1')[0])
    expect(rome).toBeCloseTo((oslo ?? 0) * 4, 0)
    expect(texts(marks)).toEqual(['Sales'])
  })
  it('has a path for each series, stacked as the block does', () => {
    const marks = draw([chart('bar', { color: 'kind' })], known)
    expect(pieces(fills(marks, 'c1')[0])).toBe(2)
    expect(pieces(fills(marks, 'c2')[0])).toBe(1)
  })
  it('shows only what passes the filters of the block', () => {
    const one = chart('bar')
    one.content.filters = [{ field: 'city', op: '=', value: 'Rome' }]
    expect(pieces(fills(draw([one], known), 'c1')[0])).toBe(1)
  })
  it('draws slices, points and lines', () => {
    expect(fills(draw([chart('pie')], known), 'c1')).toHaveLength(1)
    expect(fills(draw([chart('pie')], known), 'c2')).toHaveLength(1)
    expect(pieces(fills(draw([chart('scatter', { aggregation: 'none' })], known), 'c1')[0])).toBe(3)
    expect(draw([chart('line')], known).some((mark) => mark.k === 'line' && mark.c === 'c1')).toBe(true)
  })
  it('stands in for data it does not have', () => {
    const marks = draw([chart('bar')], () => undefined)
    expect(fills(marks, 'c1')).toEqual([])
    expect(fills(marks, 'faint')).toHaveLength(1)
  })
})

describe('other blocks', () => {
  it('shows headings as words, prose as bars and bound values in colour', () => {
    const text = '# Title\n\nSome words here with {{total}} in them.\n\n- an item'
    const bindings = [{ key: 'total', source: 'x', calculation: 'sum', value: 1200 }]
    const marks = draw([block('narrative', 0, 0, 6, 6, { text, data_bindings: bindings })], known)
    expect(texts(marks)).toEqual(['Title'])
    expect(pieces(fills(marks, 'accent')[0])).toBe(1)
    expect(pieces(fills(marks, 'muted')[0])).toBeGreaterThan(7)
  })
  it('shows a metric as its number, and not a number of half the rows', () => {
    const metric = block('metric', 0, 0, 3, 3, {
      title: 'Sold',
      data_source: source('d'),
      filters: [],
      config: { x_axis: '', y_axis: 'sold', aggregation: 'sum' },
    })
    expect(texts(draw([metric], known))).toEqual(['Sold', '5'])
    expect(texts(draw([metric], () => ({ ...data, complete: false })))).toEqual(['Sold'])
    const latest = block('metric', 0, 0, 3, 3, {
      ...metric.content,
      config: { ...(metric.content.config as object), x_axis: 'city', period: 'last' },
    })
    expect(texts(draw([latest], known))).toEqual(['Sold', '4'])
    expect(draw([latest], known).filter(({ k }) => k === 'line')).toHaveLength(1)
  })
  it('shows a row of a table for each row', () => {
    const table = block('table', 0, 0, 8, 8, { title: '', data_source: source('d'), columns: [], filters: [] })
    const marks = draw([table], known)
    expect(pieces(fills(marks, 'text')[0])).toBe(3)
    expect(pieces(fills(marks, 'muted')[0])).toBe(9)
  })
  it('draws a type it does not know as a card', () => {
    expect(draw([block('hologram', 0, 0, 4, 4, {})], known).map((mark) => mark.k)).toEqual(['card', 'fill'])
  })
})

describe('the page', () => {
  it('leaves out what is below the picture and stays inside its width', () => {
    const far = block('divider', 0, 200, 12, 1, {})
    const marks = draw(
      [chart('bar'), far, block('table', 6, 0, 6, 6, { data_source: source('d'), columns: [] })],
      known,
    )
    const cards = marks.filter((mark) => mark.k === 'card')
    expect(cards).toHaveLength(2)
    for (const card of cards) {
      expect(card.x + card.w).toBeLessThanOrEqual(WIDTH)
      expect(card.y).toBeLessThan(HEIGHT)
    }
    expect(draw([], known)).toEqual([])
  })
  it('asks for each dataset once, the topmost first', () => {
    const low = { ...chart('bar'), position: { x: 0, y: 6, w: 6, h: 6 }, content: { data_source: source('e') } }
    expect(datasetsFor([low, chart('bar'), chart('line')], 4)).toEqual(['d', 'e'])
    expect(datasetsFor([low, chart('bar')], 1)).toEqual(['d'])
  })
})

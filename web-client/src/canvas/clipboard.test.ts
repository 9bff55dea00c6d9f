// @vitest-environment node
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blockJson, blocksMap, type JsonObject } from '../doc/schema'
import { typeOf } from './blocks/types'
import { type Pasted, readPasted, withNewIds } from './clipboard'
import { COPY_LIMIT, copyText } from './copy'

const fresh = (type: string): JsonObject => typeOf(type)?.createContent() ?? {}

/** A chart, and a text with a number of it and one of a block that is not copied. */
const canvas = () => {
  const doc = new Y.Doc()
  const chart = addBlock(doc, 'chart', { ...fresh('chart'), title: 'Sales' }, [0, 0], [6, 4]) as string
  const text = addBlock(
    doc,
    'narrative',
    {
      text: 'Total {{total}} 🦤',
      data_bindings: [
        { key: 'other', source: 'elsewhere', calculation: 'count', value: 1 },
        { key: 'total', source: chart, calculation: 'sum', value: 42, error: 'old' },
      ],
    },
    [6, 2],
    [6, 4],
  ) as string
  return { doc, chart, text }
}

const read = (value: unknown): Pasted => readPasted(JSON.stringify(value))
const copy = (blocks: unknown[]) => ({ jabiru: 'blocks', version: 1, blocks })
const block = (more: JsonObject = {}): JsonObject => ({
  id: 'a',
  type: 'narrative',
  position: { x: 0, y: 0, w: 6, h: 4 },
  content: { text: 'Hi', data_bindings: [] },
  ...more,
})

describe('copied blocks', () => {
  it('come back as they were, in their places', () => {
    const { doc, chart, text } = canvas()
    const pasted = readPasted(copyText(doc, [chart, text]) as string)
    if (pasted.kind !== 'blocks') throw new Error('not blocks')
    expect(pasted.blocks).toEqual([chart, text].map((id) => blockJson(id, blocksMap(doc).get(id) as never)))
  })

  it('get new ids, and what is bound to a copied block follows it', () => {
    const { doc, chart, text } = canvas()
    const pasted = readPasted(copyText(doc, [chart, text]) as string)
    if (pasted.kind !== 'blocks') throw new Error('not blocks')
    const [first, second] = withNewIds(pasted.blocks)
    expect(first?.id).not.toBe(chart)
    expect(second?.id).not.toBe(text)
    expect(second?.content.data_bindings).toEqual([
      { key: 'other', source: 'elsewhere', calculation: 'count', value: null },
      { key: 'total', source: first?.id, calculation: 'sum', value: null },
    ])
  })

  it('are nothing when no block is left', () => {
    expect(copyText(new Y.Doc(), ['gone'])).toBeNull()
  })
})

describe('pasted text', () => {
  it('that is not blocks is text', () => {
    for (const text of ['', 'Hello', '{"jabiru":"other"}', '{"blocks":[]}', '[1,2]', 'see {"jabiru":"blocks"}']) {
      expect(readPasted(text).kind).toBe('text')
    }
  })

  it.each([
    ['cut off', '{"jabiru":"blocks","version":1,"blocks":[{"id"'],
    ['another version', JSON.stringify({ ...copy([block()]), version: 2 })],
    ['empty', JSON.stringify(copy([]))],
    ['not a list', JSON.stringify({ jabiru: 'blocks', version: 1, blocks: {} })],
    ['too many', JSON.stringify(copy(Array.from({ length: 1001 }, (_, n) => block({ id: `b${n}` }))))],
    ['twice the same id', JSON.stringify(copy([block(), block()]))],
    ['no block', JSON.stringify(copy([null]))],
    ['no id', JSON.stringify(copy([block({ id: '' })]))],
    ['unknown type', JSON.stringify(copy([block({ type: 'toString' })]))],
    ['half a column', JSON.stringify(copy([block({ position: { x: 0.5, y: 0, w: 6, h: 4 } })]))],
    ['outside', JSON.stringify(copy([block({ position: { x: 8, y: 0, w: 6, h: 4 } })]))],
    ['far too tall', JSON.stringify(copy([block({ position: { x: 0, y: 0, w: 6, h: 4_000 } })]))],
    ['above', JSON.stringify(copy([block({ position: { x: 0, y: -1, w: 6, h: 4 } })]))],
    ['no content', JSON.stringify(copy([block({ content: 'text' })]))],
    [
      'prototype',
      '{"jabiru":"blocks","version":1,"blocks":[{"id":"a","type":"narrative","position":{"x":0,"y":0,"w":6,"h":4},"content":{"__proto__":{"x":1}}}]}',
    ],
    ['too deep', JSON.stringify(copy([block({ content: JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) })]))],
    ['too large', JSON.stringify(copy([block({ content: { text: 'x'.repeat(COPY_LIMIT) } })]))],
  ])('is refused with a sentence: %s', (_name, text) => {
    const pasted = readPasted(text)
    expect(pasted.kind).toBe('refused')
    expect(pasted.kind === 'refused' && pasted.reason).toMatch(/^[A-Z].*\.$/)
  })

  it('gets every map its type needs, and loses what is of the wrong kind', () => {
    const pasted = read(
      copy([
        {
          ...block(),
          type: 'chart',
          content: { title: 7, config: { x_axis: 'month', y_axis: ['a'] }, filters: 'all', own: 1 },
        },
        { ...block(), id: 't', type: 'table', content: { columns: [{ field: 'a' }, { header: 'B' }, 3] } },
      ]),
    )
    if (pasted.kind !== 'blocks') throw new Error('not blocks')
    const [chart, table] = pasted.blocks
    expect(chart?.content).toEqual({
      ...fresh('chart'),
      own: 1,
      config: { ...(fresh('chart').config as JsonObject), x_axis: 'month' },
    })
    expect(table?.content.columns).toEqual([{ field: 'a' }])
    expect(addBlock(new Y.Doc(), 'chart', chart?.content ?? {}, [0, 0], [6, 4])).not.toBeNull()
  })
})

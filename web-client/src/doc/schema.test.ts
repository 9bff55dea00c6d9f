// @vitest-environment node
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import {
  addBlock,
  blockJson,
  blocksMap,
  canvasMap,
  canvasName,
  contentOf,
  deleteBlock,
  duplicateBlock,
  getAt,
  getContent,
  getPlacement,
  getSize,
  type JsonObject,
  LOCAL,
  narrativeText,
  renameCanvas,
  setAt,
  setContent,
  setSize,
  step,
} from './schema'

const chart: JsonObject = {
  chart_type: 'bar',
  title: 'Sales by Region',
  data_source: { type: 'dataset', dataset_id: 'd1', parameters: {} },
  config: { x_axis: 'region', y_axis: 'total', color: '', aggregation: 'sum' },
  style: { theme: 'light', colors: ['#1f77b4', '#ff7f0e'] },
}
const table: JsonObject = {
  title: 'Rows',
  columns: [
    { field: 'product', header: 'Product', type: 'string' },
    { field: 'sales', header: 'Sales', type: 'currency' },
    { field: 'growth', header: 'Growth', type: 'percentage' },
  ],
}

const block = (doc: Y.Doc, id: string) => {
  const found = blocksMap(doc).get(id)
  if (found === undefined) throw new Error(`no block ${id}`)
  return found
}

/** Two people with the same canvas, and a way to let what both did meanwhile meet. */
const two = () => {
  const a = new Y.Doc()
  const b = new Y.Doc()
  const meet = () => {
    const forB = Y.encodeStateAsUpdate(a, Y.encodeStateVector(b))
    const forA = Y.encodeStateAsUpdate(b, Y.encodeStateVector(a))
    Y.applyUpdate(b, forB)
    Y.applyUpdate(a, forA)
  }
  const id = addBlock(a, 'chart', chart, [0, 0], [6, 4]) as string
  meet()
  return { a, b, meet, id }
}

describe('what two people do to one block at once', () => {
  it('keeps a move and a resize', () => {
    const { a, b, meet, id } = two()
    setAt(a, id, [3, 7])
    setSize(b, id, [9, 5])
    meet()
    for (const doc of [a, b]) {
      expect(getAt(block(doc, id))).toEqual([3, 7])
      expect(getSize(block(doc, id))).toEqual([9, 5])
    }
  })

  it('never tears two moves into x of one and y of the other', () => {
    for (let run = 0; run < 50; run++) {
      const { a, b, meet, id } = two()
      setAt(a, id, [1, 2])
      setAt(b, id, [3, 4])
      meet()
      expect(getAt(block(a, id))).toEqual(getAt(block(b, id)))
      expect([
        [1, 2],
        [3, 4],
      ]).toContainEqual(getAt(block(a, id)))
    }
  })

  it('keeps edits of different leaves', () => {
    const { a, b, meet, id } = two()
    setContent(block(a, id), ['config'], { x_axis: 'month' })
    setContent(block(b, id), ['config', 'y_axis'], 'profit')
    setContent(block(b, id), ['title'], 'Profit')
    meet()
    expect(getContent(block(a, id), ['config'])).toEqual({
      x_axis: 'month',
      y_axis: 'profit',
      color: '',
      aggregation: 'sum',
    })
    expect(blockJson(id, block(a, id))).toEqual(blockJson(id, block(b, id)))
    expect(getContent(block(a, id), ['title'])).toBe('Profit')
  })

  it('lets a deletion win over an edit, with no ghost left', () => {
    const { a, b, meet, id } = two()
    deleteBlock(a, id)
    setAt(b, id, [4, 4])
    setContent(block(b, id), ['title'], 'too late')
    meet()
    expect(blocksMap(a).size).toBe(0)
    expect(blocksMap(b).size).toBe(0)
  })

  it('brings a deleted block back with its text, by undo', () => {
    const doc = new Y.Doc()
    const undo = new Y.UndoManager(blocksMap(doc), { trackedOrigins: new Set([LOCAL]) })
    const id = addBlock(doc, 'narrative', { text: '# Title', data_bindings: [] }, [0, 0], [6, 4]) as string
    narrativeText(block(doc, id))?.insert(7, ' kept')
    undo.clear()
    deleteBlock(doc, id)
    undo.undo()
    expect(narrativeText(block(doc, id))?.toString()).toBe('# Title kept')
  })

  it('undoes only what was done here', () => {
    const { a, b, meet, id } = two()
    const undo = new Y.UndoManager(blocksMap(a), { trackedOrigins: new Set([LOCAL]) })
    setAt(a, id, [2, 2])
    meet()
    setSize(b, id, [3, 3])
    meet()
    undo.undo()
    expect(getAt(block(a, id))).toEqual([0, 0])
    expect(getSize(block(a, id))).toEqual([3, 3])
  })
})

describe('one gesture', () => {
  it('is one update and one step back, however soon after another', () => {
    const doc = new Y.Doc()
    const id = addBlock(doc, 'chart', chart, [0, 0], [6, 4]) as string
    const undo = new Y.UndoManager(blocksMap(doc), { trackedOrigins: new Set([LOCAL]) })
    const session = { doc, undo, canEdit: true }
    let updates = 0
    doc.on('update', () => updates++)
    step(session, () => {
      setContent(block(doc, id), ['title'], 'One')
      setContent(block(doc, id), ['config'], { x_axis: 'month' })
    })
    step(session, () => setContent(block(doc, id), ['title'], 'Two'))
    expect(updates).toBe(2)
    undo.undo()
    expect(getContent(block(doc, id), ['title'])).toBe('One')
    step({ ...session, canEdit: false }, () => setContent(block(doc, id), ['title'], 'Not mine to change'))
    expect(getContent(block(doc, id), ['title'])).toBe('One')
  })

  it('writes nothing into a block that somebody has deleted', () => {
    const doc = new Y.Doc()
    const id = addBlock(doc, 'chart', chart, [0, 0], [6, 4]) as string
    const held = block(doc, id)
    deleteBlock(doc, id)
    let updates = 0
    doc.on('update', () => updates++)
    setContent(held, ['title'], 'Ghost')
    expect(updates).toBe(0)
  })
})

describe('content', () => {
  it('writes leaves and never replaces a map', () => {
    const { a, id } = two()
    const config = contentOf(block(a, id)).get('config')
    setContent(block(a, id), ['config'], { x_axis: 'month', y_axis: 'profit' })
    expect(contentOf(block(a, id)).get('config')).toBe(config)
    expect(() => setContent(block(a, id), ['config'], 'flat')).toThrow(/shared by everybody/)
  })

  it('writes nothing when nothing changes', () => {
    const { a, id } = two()
    let updates = 0
    a.on('update', () => updates++)
    setContent(block(a, id), ['config', 'x_axis'], 'region')
    setContent(block(a, id), ['style', 'colors'], ['#1f77b4', '#ff7f0e'])
    setAt(a, id, [0, 0])
    renameCanvas(a, '   ')
    expect(updates).toBe(0)
    setContent(block(a, id), ['style', 'colors'], ['#000000'])
    setContent(block(a, id), ['config', 'color'], undefined)
    expect(updates).toBe(2)
    expect(getContent(block(a, id), ['config', 'color'])).toBeNull()
  })

  it('makes a map only where an import left it out', () => {
    const doc = new Y.Doc()
    const id = addBlock(doc, 'table', { title: 'T', data_source: { type: 'query' } }, [0, 0], [6, 4]) as string
    setContent(block(doc, id), ['sorting', 'defaultSort'], 'sales')
    expect(getContent(block(doc, id), ['sorting'])).toEqual({ defaultSort: 'sales' })
  })

  it('keeps table columns in order, as a map inside and an array outside', () => {
    const doc = new Y.Doc()
    const id = addBlock(doc, 'table', table, [0, 0], [12, 6]) as string
    expect(contentOf(block(doc, id)).get('columns')).toBeInstanceOf(Y.Map)
    expect(blockJson(id, block(doc, id)).content).toEqual(table)
    setContent(block(doc, id), ['columns', 'product', 'order'], 'z9')
    const fields = (blockJson(id, block(doc, id)).content.columns as JsonObject[]).map(({ field }) => field)
    expect(fields).toEqual(['sales', 'growth', 'product'])
  })

  it('reads a damaged block without throwing', () => {
    const doc = new Y.Doc()
    const broken = new Y.Map<unknown>()
    blocksMap(doc).set('x', broken)
    broken.set('at', 'left')
    broken.set('size', [0, -3])
    broken.set('placements', [1])
    expect(getAt(broken)).toEqual([0, 0])
    expect(getSize(broken)).toEqual([1, 1])
    expect(getPlacement(broken, 'md')).toBeNull()
    expect(blockJson('x', broken)).toMatchObject({ type: 'unknown', content: {} })
  })
})

describe('duplicating', () => {
  it('copies deeply: the copy shares nothing with its source', () => {
    const doc = new Y.Doc()
    const id = addBlock(
      doc,
      'narrative',
      { text: 'one', data_bindings: [{ key: 'k', source: 'b', value: 1 }] },
      [0, 0],
      [6, 4],
    ) as string
    const copy = duplicateBlock(doc, id, [0, 4], 'u1') as string
    expect(copy).not.toBe(id)
    narrativeText(block(doc, copy))?.insert(3, ' two')
    setContent(block(doc, copy), ['data_bindings', 'k', 'source'], 'c')
    expect(narrativeText(block(doc, id))?.toString()).toBe('one')
    expect(getContent(block(doc, id), ['data_bindings', 'k', 'source'])).toBe('b')
    expect(blockJson(copy, block(doc, copy))).toMatchObject({ type: 'narrative', position: { x: 0, y: 4, w: 6, h: 4 } })
  })

  it('answers null for a block that is gone', () => {
    expect(duplicateBlock(new Y.Doc(), 'nothing', [0, 0])).toBeNull()
  })
})

it('renames within the limit, and the later name wins on both sides', () => {
  const { a, b, meet } = two()
  canvasMap(a).set('name', 'Old')
  meet()
  renameCanvas(a, ` ${'n'.repeat(500)} `)
  expect(canvasName(a)).toHaveLength(200)
  renameCanvas(b, 'Other')
  meet()
  expect(canvasName(a)).toBe(canvasName(b))
})

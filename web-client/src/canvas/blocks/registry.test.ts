import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, contentJson, contentOf, getContent, narrativeText } from '../../doc/schema'
import type { Dataset } from '../../platform/datasets/api'
import { applyDataset } from './chart/ChartInspector'
import { readChart } from './chart/fields'
import { BLOCK_TYPES } from './registry'
import { applyTableDataset } from './table/TableInspector'

const place = (type: string) => {
  const doc = new Y.Doc()
  const kind = BLOCK_TYPES.find((one) => one.type === type)
  if (!kind) throw new Error(`no block type ${type}`)
  const id = addBlock(doc, type, kind.createContent(), [0, 0], kind.defaultSize)
  const block = id === null ? undefined : blocksMap(doc).get(id)
  if (!block) throw new Error('no block')
  return { doc, block }
}

const dataset: Dataset = {
  id: '0190c0de-0000-7000-8000-000000000001',
  name: 'Sales',
  columns: [
    { name: 'region', type: 'string' },
    { name: 'revenue', type: 'number' },
  ],
  row_count: 2,
  size_bytes: 20,
  source: null,
  licence: null,
  created_at: '2026-01-01T00:00:00Z',
}
const found = {
  chart_type: 'bar',
  x_axis: 'region',
  y_axis: 'revenue',
  color: '',
  aggregation: 'sum',
  time_unit: '',
  sort: '-value',
  title: 'Revenue by region',
} as const

describe('new blocks', () => {
  it.each(BLOCK_TYPES.map((kind) => kind.type))('%s has every shared child from the start', (type) => {
    const { doc, block } = place(type)
    const maps: Record<string, string[]> = {
      chart: ['data_source', 'config', 'style'],
      table: ['data_source', 'columns', 'pagination', 'sorting', 'filtering'],
      metric: ['data_source', 'config'],
      narrative: ['data_bindings'],
    }
    for (const key of maps[type] ?? []) expect(contentOf(block).get(key)).toBeInstanceOf(Y.Map)
    if (type === 'narrative') expect(narrativeText(block)).toBeInstanceOf(Y.Text)
    if (maps[type]?.includes('data_source')) {
      expect((contentOf(block).get('data_source') as Y.Map<unknown>).get('parameters')).toBeInstanceOf(Y.Map)
    }
    const other = new Y.Doc()
    Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
    expect(blocksMap(other).size).toBe(1)
  })

  it('are no smaller than the least they may be, and each has a key of its own', () => {
    for (const { defaultSize, min } of BLOCK_TYPES) {
      expect(defaultSize[0]).toBeGreaterThanOrEqual(min[0])
      expect(defaultSize[1]).toBeGreaterThanOrEqual(min[1])
    }
    expect(new Set(BLOCK_TYPES.map((kind) => kind.key)).size).toBe(BLOCK_TYPES.length)
  })

  it('are fresh objects each time', () => {
    for (const kind of BLOCK_TYPES) expect(kind.createContent()).not.toBe(kind.createContent())
  })
})

describe('choosing a dataset', () => {
  it('sets a chart’s source, fields, type and title in one transaction', () => {
    const { doc, block } = place('chart')
    let updates = 0
    doc.on('update', () => updates++)
    applyDataset(block, dataset, found)
    expect(updates).toBe(1)
    expect(readChart(block)).toMatchObject({ x: 'region', y: 'revenue', chartType: 'bar', title: 'Revenue by region' })
    expect(getContent(block, ['data_source'])).toEqual({ type: 'dataset', dataset_id: dataset.id, parameters: {} })
  })

  it('keeps the fields of a chart that all exist in the new dataset', () => {
    const { block } = place('chart')
    applyDataset(block, dataset, { ...found, aggregation: 'avg', title: 'Mine' })
    applyDataset(block, { ...dataset, id: 'other' }, found)
    expect(readChart(block)).toMatchObject({ aggregation: 'avg', title: 'Mine' })
  })

  it('replaces a title that was suggested, never one somebody wrote', () => {
    const other = { ...dataset, columns: [{ name: 'kind', type: 'string' as const }] }
    const next = { ...found, x_axis: 'kind', y_axis: '', title: 'Rows by kind' }
    const suggested = place('chart').block
    applyDataset(suggested, dataset, found)
    applyDataset(suggested, other, next)
    expect(readChart(suggested).title).toBe('Rows by kind')
    const written = place('chart').block
    applyDataset(written, dataset, { ...found, title: 'What we sold' })
    applyDataset(written, other, next)
    expect(readChart(written).title).toBe('What we sold')
  })

  it('keeps what a query source of an imported canvas said', () => {
    const { block } = place('chart')
    applyDataset(block, dataset, found)
    expect(contentJson(block)).toMatchObject({ data_source: { type: 'dataset' }, style: { theme: 'auto' } })
  })

  it('writes a table’s columns in the dataset’s order, and replaces those of another dataset', () => {
    const { doc, block } = place('table')
    let updates = 0
    doc.on('update', () => updates++)
    applyTableDataset(block, dataset)
    expect(updates).toBe(1)
    expect(contentJson(block).columns).toEqual([
      { field: 'region', header: 'Region', type: 'string' },
      { field: 'revenue', header: 'Revenue', type: 'currency' },
    ])
    // A column of both keeps its map: somebody else may be writing in it.
    const shared = (contentOf(block).get('columns') as Y.Map<unknown>).get('revenue')
    const next = [
      { name: 'when', type: 'date' },
      { name: 'revenue', type: 'number' },
    ] as const
    applyTableDataset(block, { ...dataset, columns: [...next] })
    expect((contentOf(block).get('columns') as Y.Map<unknown>).get('revenue')).toBe(shared)
    expect(contentJson(block).columns).toEqual([
      { field: 'when', header: 'When', type: 'date' },
      { field: 'revenue', header: 'Revenue', type: 'currency' },
    ])
    expect(contentJson(block).title).toBe('Sales')
  })
})

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, render, screen, waitFor } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, contentOf, getContent, type JsonObject, setContent } from '../../../doc/schema'
import type { Dataset } from '../../../platform/datasets/api'
import type { CanvasSession } from '../../../sync/session'
import { actionsOf } from '../blockActions'
import { typeOf } from '../types'
import { readMetric } from './fields'
import MetricBlock from './MetricBlock'
import { applyMetricDataset } from './MetricInspector'

const dataset: Dataset = {
  id: 'd1',
  name: 'Sales',
  columns: [
    { name: 'day', type: 'date' },
    { name: 'region', type: 'string' },
    { name: 'revenue', type: 'number' },
  ],
  row_count: 4,
  size_bytes: 20,
  source: null,
  licence: null,
  created_at: '2026-01-01T00:00:00Z',
}
const rows = {
  columns: ['day', 'region', 'revenue'],
  rows: [
    ['2024-01-05', 'West', 100],
    ['2024-02-05', 'East', 50],
    ['2024-02-11', 'West', 25],
    ['2024-02-11', 'West', null],
  ],
  next_cursor: null,
}
const found = {
  y_axis: 'revenue',
  aggregation: 'sum',
  x_axis: 'day',
  time_unit: 'month',
  number_format: 'auto',
} as const

const place = (content: JsonObject = {}) => {
  const doc = new Y.Doc()
  const fresh = typeOf('metric')?.createContent() ?? {}
  const id = addBlock(doc, 'metric', { ...fresh, ...content }, [0, 0], [3, 3]) ?? ''
  const block = blocksMap(doc).get(id)
  if (!block) throw new Error('no block')
  return { doc, id, block }
}
const show = (made: ReturnType<typeof place>) => {
  const session = { doc: made.doc, canvasId: made.id, canEdit: true } as unknown as CanvasSession
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <MetricBlock id={made.id} block={made.block} session={session} readOnly={false} />
    </QueryClientProvider>,
  )
}
const serve = (answer: (path: string) => Response) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string) => answer(path)),
  )
const serveData = () => serve((path) => Response.json(path.includes('/rows') ? rows : dataset))

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

describe('a metric block', () => {
  it('asks for a dataset, then shows its number, its change and its line', async () => {
    serveData()
    const made = place()
    show(made)
    expect(screen.getByText('No data source')).toBeTruthy()
    act(() => applyMetricDataset(made.block, dataset, found))
    expect((await screen.findByTestId('metric-value')).textContent).toBe('175')
    expect(screen.getByTestId('metric-change').textContent).toMatch(/down 25% vs Jan 2024/)
    expect(screen.getByTestId('metric-change').dataset.verdict).toBe('bad')
    expect(screen.getByRole('img', { name: /^Total revenue: 175\. Down 25%/ })).toBeTruthy()
    expect(actionsOf(made.id).map(({ label }) => label)).toEqual(['View as table', 'Download CSV'])
    act(() => actionsOf(made.id)[0]?.run())
    expect(screen.getAllByRole('row').map((row) => row.textContent)).toEqual([
      'DayTotal revenue',
      'Feb 202475',
      'Jan 2024100',
    ])
  })

  it('counts only the rows that pass its filters', async () => {
    serveData()
    const made = place({ filters: [{ field: 'region', op: '=', value: 'West' }] })
    applyMetricDataset(made.block, dataset, found)
    show(made)
    expect((await screen.findByTestId('metric-value')).textContent).toBe('125')
    act(() => setContent(made.block, ['filters'], [{ field: 'region', op: '=', value: 'Nowhere' }]))
    expect(screen.getByTestId('metric-value').textContent).toBe('–')
    expect(screen.getByText('No rows pass the filters')).toBeTruthy()
  })

  it('names a column that is not there, and says why data cannot be read', async () => {
    serveData()
    const made = place()
    applyMetricDataset(made.block, dataset, { ...found, y_axis: 'profit' })
    show(made)
    expect(await screen.findByText(/no column “profit”/)).toBeTruthy()
    cleanup()
    serve(() => Response.json({ title: 'Gone', detail: 'There is no such dataset.' }, { status: 404 }))
    const other = place()
    applyMetricDataset(other.block, dataset, found)
    show(other)
    await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('There is no such dataset.'))
  })
})

describe('choosing a dataset for a metric', () => {
  it('is one step, names it, and keeps what fits the next one', () => {
    const { doc, block } = place()
    let updates = 0
    doc.on('update', () => updates++)
    applyMetricDataset(block, dataset, found)
    expect(updates).toBe(1)
    expect(readMetric(block)).toMatchObject({ title: 'Total revenue', y: 'revenue', x: 'day', timeUnit: 'month' })
    setContent(block, ['config', 'aggregation'], 'max')
    applyMetricDataset(block, { ...dataset, id: 'd2' }, found)
    expect(readMetric(block).aggregation).toBe('max')
    expect(getContent(block, ['data_source', 'dataset_id'])).toBe('d2')
    setContent(block, ['title'], 'Mine')
    applyMetricDataset(
      block,
      { ...dataset, columns: [{ name: 'n', type: 'number' }] },
      { ...found, y_axis: 'n', x_axis: '' },
    )
    expect(readMetric(block)).toMatchObject({ title: 'Mine', y: 'n', x: '' })
  })
})

it('reads what another program wrote as something sensible', () => {
  const { block } = place({ title: 7, config: { y_axis: 1, aggregation: 'mode', decimals: 'two', better: true } })
  expect(readMetric(block)).toMatchObject({
    title: '',
    y: '',
    aggregation: 'sum',
    span: 'all',
    compare: 'previous',
    better: 'up',
    measure: { format: 'auto', decimals: null, currency: 'USD' },
    sparkline: true,
  })
  contentOf(block).delete('config')
  expect(readMetric(block).x).toBe('')
})

import { describe, expect, it } from 'vitest'
import type { Column } from '../../../platform/datasets/cells'
import { columnsFor, decimalsOf, defaultSort, estimateWidth, headerOf, MAX_WIDTH, tableColumns } from './columns'

const columns: Column[] = [
  { name: 'product', type: 'string' },
  { name: 'q4_sales', type: 'number' },
  { name: 'growth', type: 'number' },
]
const order = columns.map((column) => column.name)

describe('columns of a table', () => {
  it('are the dataset’s own when the block has none', () => {
    expect(tableColumns(null, columns, order).map((one) => [one.field, one.header, one.format, one.index])).toEqual([
      ['product', 'Product', 'string', 0],
      ['q4_sales', 'Q4 sales', 'number', 1],
      ['growth', 'Growth', 'number', 2],
    ])
    expect(tableColumns({}, columns, order)).toHaveLength(3)
  })

  it('follow the block’s order, header, format, width and visibility', () => {
    const shown = tableColumns(
      {
        growth: { header: 'Growth %', type: 'percentage', order: 'a1', width: 99999 },
        product: { header: '', type: 'string', order: 'a2', hidden: true },
        q4_sales: { header: 'Q4', type: 'currency', order: 'a0' },
      },
      columns,
      order,
    )
    expect(shown.map((one) => one.field)).toEqual(['q4_sales', 'growth', 'product'])
    expect(shown[0]).toMatchObject({ header: 'Q4', format: 'currency', type: 'number', index: 1, hidden: false })
    expect(shown[1]?.width).toBe(MAX_WIDTH)
    expect(shown[2]).toMatchObject({ header: 'Product', hidden: true })
  })

  it('stay when the dataset has no such column', () => {
    expect(tableColumns({ gone: { header: 'Gone', type: 'date' } }, columns, order)[0]).toMatchObject({
      index: -1,
      format: 'date',
    })
  })

  it('have readable headers and formats by name when a dataset is chosen', () => {
    expect(headerOf('total_sales')).toBe('Total sales')
    expect(headerOf('US_Gross')).toBe('US_Gross')
    const chosen = columnsFor([
      { name: 'revenue', type: 'number' },
      { name: 'growth_pct', type: 'number' },
      { name: 'when', type: 'date' },
    ])
    expect(chosen.map((one) => one.type)).toEqual(['currency', 'percentage', 'date'])
  })

  it('are as wide as what they hold, within bounds', () => {
    const [product] = tableColumns(null, columns, order)
    if (!product) throw new Error('no column')
    expect(estimateWidth(product, [['x'.repeat(500), 1, 1]])).toBe(320)
    expect(estimateWidth(product, [])).toBeGreaterThanOrEqual(72)
  })
})

describe('decimals of a column', () => {
  const [, sales] = tableColumns(null, columns, order)
  if (!sales) throw new Error('no column')
  const of = (values: number[], format = sales.format) =>
    decimalsOf(
      { ...sales, format },
      values.map((value) => ['', value, 0]),
    )
  it('are those of its numbers, up to two', () => {
    expect(of([1, 2])).toBe(0)
    expect(of([1, 2.5])).toBe(1)
    expect(of([1.23456, 100])).toBe(2)
    expect(of([0.01234, 0.5])).toBe(4)
    expect(of([])).toBe(0)
  })
  it('are none or two for money, and left open for very small numbers', () => {
    expect(of([1, 2], 'currency')).toBe(0)
    expect(of([1.5, 2], 'currency')).toBe(2)
    expect(of([1e-7])).toBeUndefined()
  })
})

describe('the default sort', () => {
  const shown = tableColumns(null, columns, order)
  it('opens numbers with the largest first and text ascending', () => {
    expect(defaultSort('q4_sales', shown)).toEqual([{ id: 'q4_sales', desc: true }])
    expect(defaultSort('product', shown)).toEqual([{ id: 'product', desc: false }])
  })
  it('takes a sign, and ignores what is no column', () => {
    expect(defaultSort('+q4_sales', shown)).toEqual([{ id: 'q4_sales', desc: false }])
    expect(defaultSort('-product', shown)).toEqual([{ id: 'product', desc: true }])
    expect(defaultSort('gone', shown)).toEqual([])
    expect(defaultSort(undefined, shown)).toEqual([])
  })
})

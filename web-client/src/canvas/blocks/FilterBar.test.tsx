import { act, cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, getContent, LOCAL, setContent } from '../../doc/schema'
import type { CanvasSession } from '../../sync/session'
import { FilterBar, FilterButton } from './FilterBar'
import type { Filter } from './filters'
import { forgetViews, NO_VIEW, viewsOf } from './localView'
import { typeOf } from './types'

const west: Filter = { field: 'region', op: '=', value: 'West' }
const data = {
  columns: [
    { name: 'region', type: 'string' as const },
    { name: 'sales', type: 'number' as const },
  ],
  order: ['region', 'sales'],
  rows: [
    ['West', 1],
    ['East', 2],
    ['East', 30],
  ],
}

// The editor arrives when it is first opened, on a busy machine later than a test waits.
beforeAll(() => import('./FilterEditor'), 60_000)

beforeEach(() => {
  sessionStorage.clear()
  forgetViews()
  // What a window over the page asks of a browser and jsdom does not have.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  )
  Element.prototype.scrollIntoView = () => undefined
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const setup = (shared: Filter[], readOnly = false) => {
  const doc = new Y.Doc()
  const id = addBlock(doc, 'table', typeOf('table')?.createContent() ?? {}, [0, 0], [4, 4]) ?? ''
  const block = blocksMap(doc).get(id)
  if (block === undefined) throw new Error('no block')
  setContent(block, ['filters'], shared)
  const undo = new Y.UndoManager(blocksMap(doc), { trackedOrigins: new Set([LOCAL]) })
  const session = { canvasId: 'c', doc, undo, canEdit: !readOnly } as unknown as CanvasSession
  const props = { session, id, block, readOnly, data, name: 'Sales' }
  const updates = vi.fn()
  doc.on('update', updates)
  render(
    <div data-block-id={id} tabIndex={-1}>
      <FilterButton {...props} />
      <FilterBar {...props} />
    </div>,
  )
  const own = () => viewsOf('c').getState()[id]
  return { block, own, updates }
}

const blockId = (): string => document.querySelector<HTMLElement>('[data-block-id]')?.dataset.blockId ?? ''
const chips = () => screen.queryAllByTestId('filter-chip').map((chip) => chip.textContent)

it('takes no room until there is a filter', () => {
  setup([])
  expect(screen.queryByTestId('filter-bar')).toBeNull()
})

it('leaves the keys in the block when the last filter of one’s own goes', async () => {
  setup([])
  act(() => viewsOf('c').setState({ [blockId()]: { ...NO_VIEW, filters: [west] } }))
  const [chip] = screen.getAllByRole('button', { name: /only you see this filter/i })
  act(() => chip?.focus())
  fireEvent.keyDown(chip as Element, { key: 'Delete' })
  expect(screen.queryByTestId('filter-bar')).toBeNull()
  await waitFor(() => expect((document.activeElement as HTMLElement).dataset.blockId).toBe(blockId()))
})

it('adds a filter with the keyboard alone, for oneself only', async () => {
  const { own, updates } = setup([])
  fireEvent.click(screen.getByTestId('filter-add'))
  const value = await screen.findByTestId('filter-value')
  expect(screen.getAllByTestId('filter-option').map((option) => option.textContent)).toEqual(['East2', 'West1'])
  fireEvent.keyDown(value, { key: 'ArrowDown' })
  fireEvent.keyDown(value, { key: 'Enter' })
  expect(screen.getByRole('option', { name: /West/ }).getAttribute('aria-selected')).toBe('true')
  fireEvent.keyDown(value, { key: 'Enter', ctrlKey: true })
  await waitFor(() => expect(chips()).toEqual(['region is West']))
  expect(own()?.filters).toEqual([{ field: 'region', op: 'in', value: ['West'] }])
  expect(updates).not.toHaveBeenCalled()
})

it('asks for a number where the column has numbers', async () => {
  const { own } = setup([])
  fireEvent.click(screen.getByTestId('filter-add'))
  fireEvent.change(await screen.findByTestId('filter-field'), { target: { value: 'sales' } })
  fireEvent.change(screen.getByTestId('filter-op'), { target: { value: '>=' } })
  const value = screen.getByTestId('filter-value')
  expect(screen.getByTestId('filter-editor').textContent).toContain('1 to 30')
  fireEvent.change(value, { target: { value: 'many' } })
  fireEvent.click(screen.getByTestId('filter-apply'))
  expect(screen.getByRole('alert').textContent).toBe('Type a number.')
  fireEvent.change(value, { target: { value: '2' } })
  fireEvent.click(screen.getByTestId('filter-apply'))
  expect(own()?.filters).toEqual([{ field: 'sales', op: '>=', value: 2 }])
})

it('removes with Delete, moves with the arrows, and keeps the key from the block', async () => {
  const { own } = setup([west, { field: 'sales', op: '>', value: 1 }], true)
  const [first, second] = screen.getAllByTestId('filter-chip').map((chip) => within(chip).getAllByRole('button')[0])
  if (!first || !second) throw new Error('no chips')
  first.focus()
  fireEvent.keyDown(first, { key: 'ArrowRight' })
  fireEvent.keyDown(document.activeElement ?? first, { key: 'ArrowRight' })
  expect(document.activeElement).toBe(second)
  // False: the default was prevented.
  expect(fireEvent.keyDown(second, { key: 'Delete' })).toBe(false)
  expect(own()?.off).toEqual([{ field: 'sales', op: '>', value: 1 }])
  await waitFor(() => expect(document.activeElement?.className).toBe('flt-chip-main'))
  // Switched off, it stays in sight and comes back with a press.
  fireEvent.click(second)
  expect(own()).toBeUndefined()
})

it('a viewer can reset and not save; an editor saves for everybody', () => {
  const viewer = setup([west], true)
  fireEvent.click(screen.getByRole('button', { name: /^Remove/ }))
  expect(screen.queryByTestId('view-save')).toBeNull()
  fireEvent.click(screen.getByTestId('view-reset'))
  expect(viewer.own()).toBeUndefined()
  cleanup()

  const editor = setup([west])
  fireEvent.click(screen.getByRole('button', { name: /^Remove/ }))
  act(() => screen.getByTestId('view-save').click())
  expect(getContent(editor.block, ['filters'])).toEqual([])
  expect(editor.updates).toHaveBeenCalledTimes(1)
  expect(screen.queryByTestId('filter-bar')).toBeNull()
})

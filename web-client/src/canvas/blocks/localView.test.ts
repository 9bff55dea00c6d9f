import { act, renderHook } from '@testing-library/react'
import { beforeEach, expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, getContent, LOCAL } from '../../doc/schema'
import type { CanvasSession } from '../../sync/session'
import type { Filter } from './filters'
import { effectiveFilters, forgetViews, readView, saveForEverybody, setView, useView, viewsOf } from './localView'
import { typeOf } from './types'

const west: Filter = { field: 'region', op: '=', value: 'West' }
const big: Filter = { field: 'sales', op: '>', value: 3 }

const open = (canEdit = true) => {
  const doc = new Y.Doc()
  const id = addBlock(doc, 'table', typeOf('table')?.createContent() ?? {}, [0, 0], [4, 4]) ?? ''
  const block = blocksMap(doc).get(id)
  if (block === undefined) throw new Error('no block')
  const undo = new Y.UndoManager(blocksMap(doc), { trackedOrigins: new Set([LOCAL]) })
  return { doc, id, block, session: { canvasId: 'c', doc, undo, canEdit } as unknown as CanvasSession }
}

beforeEach(() => {
  sessionStorage.clear()
  forgetViews()
})

it('lies over what the canvas says', () => {
  expect(effectiveFilters([west], { filters: [big], off: [] })).toEqual([west, big])
  expect(effectiveFilters([west], { filters: [west, big], off: [west] })).toEqual([big])
  expect(effectiveFilters([west], { filters: [west], off: [] })).toEqual([west])
})

it('writes nothing to the document and survives a reload of the tab, not of what was plain', () => {
  const { doc, id, block, session } = open(false)
  let updates = 0
  doc.on('update', () => updates++)
  const { result } = renderHook(() => useView(session, id, block))
  act(() => result.current.set({ filters: [west], sort: [{ id: 'sales', desc: true }] }))
  expect(result.current.filters).toEqual([west])
  expect(result.current.own).toBe(true)
  forgetViews()
  expect(viewsOf('c').getState()[id]).toMatchObject({ filters: [west], sort: [{ id: 'sales', desc: true }] })
  expect(viewsOf('other').getState()).toEqual({})
  setView('c', id, { filters: [], sort: null })
  expect(sessionStorage.getItem('jabiru.view.c')).toBeNull()
  expect(updates).toBe(0)
})

it('goes back to what everybody sees', () => {
  const { id, block, session } = open()
  const { result } = renderHook(() => useView(session, id, block))
  act(() => result.current.set({ filters: [west], search: 'x', hidden: ['a'], widths: { a: 90 } }))
  act(() => result.current.reset())
  expect(result.current).toMatchObject({ filters: [], own: false })
})

it('becomes everybody’s in one step, which can be undone, and only by those who may', () => {
  const { doc, id, block, session } = open()
  setView('c', id, { filters: [west, big], sort: [{ id: 'sales', desc: true }] })
  saveForEverybody({ ...session, canEdit: false } as unknown as CanvasSession, id, block)
  expect(getContent(block, ['filters'])).toEqual([])
  let updates = 0
  doc.on('update', () => updates++)
  saveForEverybody(session, id, block)
  expect(updates).toBe(1)
  expect(getContent(block, ['filters'])).toEqual([west, big])
  expect(getContent(block, ['sorting', 'defaultSort'])).toBe('-sales')
  expect(viewsOf('c').getState()).toEqual({})
  session.undo.undo()
  expect(getContent(block, ['filters'])).toEqual([])
})

it('leaves a shared filter that one has switched off to oneself, until it is saved', () => {
  const { id, block, session } = open()
  setView('c', id, { filters: [west] })
  saveForEverybody(session, id, block)
  setView('c', id, { off: [west], filters: [big] })
  const { result } = renderHook(() => useView(session, id, block))
  expect(result.current.filters).toEqual([big])
  expect(getContent(block, ['filters'])).toEqual([west])
})

it('takes only what it understands out of storage', () => {
  expect(readView('x')).toMatchObject({ filters: [], sort: null })
  expect(
    readView({ filters: [west, 3], sort: [{ id: 'a' }, 'b'], hidden: ['a', 1], search: 1, widths: { a: 1, b: 'x' } }),
  ).toEqual({ filters: [west], off: [], sort: [{ id: 'a', desc: false }], hidden: ['a'], search: '', widths: { a: 1 } })
})

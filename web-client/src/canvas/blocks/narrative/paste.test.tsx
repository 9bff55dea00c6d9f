import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, fireEvent, render, waitFor } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { createStore } from 'zustand/vanilla'
import { addBlock, type Block, blocksMap, LOCAL, narrativeText } from '../../../doc/schema'
import { CaretAwareness } from '../../../presence/caretAwareness'
import type { CanvasSession } from '../../../sync/session'
import { typeOf } from '../types'
import { readBindings, writeBinding } from './bindings'
import { carried } from './metrics'
import NarrativeBlock from './NarrativeBlock'
import { PASTE_LIMIT } from './paste'

beforeEach(() => {
  // jsdom lays nothing out.
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList
  Range.prototype.getBoundingClientRect = () => new DOMRect()
})
afterEach(cleanup)

const canvas = () => {
  const doc = new Y.Doc()
  const add = (type: string, content = {}): string =>
    addBlock(doc, type, { ...typeOf(type)?.createContent(), ...content }, [0, 0], [4, 4]) ?? ''
  const block = (id: string): Block => blocksMap(doc).get(id) as Block
  const chart = add('chart')
  const first = block(add('narrative', { text: '{{sold}}' }))
  writeBinding(first, 'sold', { source: chart, calculation: 'sum:n', decimals: 1 }, LOCAL)
  const second = add('narrative', { text: '' })
  return { doc, add, block, chart, first, second }
}

it('knows what a text brings along: what all others mean by that name, and only while its source is there', () => {
  const { doc, add, block, chart, first, second } = canvas()
  const of = (text: string) => Object.fromEntries(carried(doc, block(second), text))
  expect(of('We sold {{ sold }}, {{nothing}}')).toEqual({
    sold: { source: chart, calculation: 'sum:n', format: 'auto', decimals: 1 },
  })
  expect(Object.fromEntries(carried(doc, first, '{{sold}}'))).toEqual({})
  const third = block(add('narrative', { text: '' }))
  writeBinding(third, 'sold', { source: chart, calculation: 'avg:n' }, LOCAL)
  expect(of('{{sold}}')).toEqual({})
  writeBinding(third, 'sold', { calculation: 'sum:n', decimals: 1 }, LOCAL)
  expect(Object.keys(of('{{sold}}'))).toEqual(['sold'])
  blocksMap(doc).delete(chart)
  expect(of('{{sold}}')).toEqual({})
})

it('pastes a number with its binding as one step, and refuses what is too long', async () => {
  const { doc, block, second } = canvas()
  const awareness = new Awareness(doc)
  const session = {
    doc,
    awareness,
    carets: new CaretAwareness(awareness),
    store: createStore(() => ({ status: { kind: 'saved' } })),
    canEdit: true,
  } as unknown as CanvasSession
  const view = render(
    <QueryClientProvider client={new QueryClient()}>
      <NarrativeBlock id={second} block={block(second)} session={session} readOnly={false} />
    </QueryClientProvider>,
  )
  const text = () => narrativeText(block(second))?.toString()
  const content = view.container.querySelector<HTMLElement>('.cm-content')
  if (content === null) throw new Error('no editor')
  const paste = (plain: string) =>
    act(() => {
      const event = new Event('paste', { bubbles: true, cancelable: true })
      Object.assign(event, {
        clipboardData: { getData: (type: string) => (type === 'text/plain' ? plain : ''), types: [] },
      })
      content.dispatchEvent(event)
    })
  // What pastes is a part of its own, loaded after the text is drawn.
  await waitFor(async () => {
    await paste('We sold {{sold}}')
    expect(Object.keys(readBindings(block(second)))).toEqual(['sold'])
  })
  expect(text()).toContain('We sold {{sold}}')
  for (let tries = 0; text() !== '' && tries < 20; tries++) fireEvent.keyDown(content, { key: 'z', ctrlKey: true })
  expect(text()).toBe('')
  expect(readBindings(block(second))).toEqual({})
  await paste('x'.repeat(PASTE_LIMIT + 1))
  expect(text()).toBe('')
  vi.restoreAllMocks()
})

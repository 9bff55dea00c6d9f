import { act, renderHook } from '@testing-library/react'
import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { same, useY } from './useY'

const setup = () => {
  const doc = new Y.Doc()
  const map = doc.getMap<unknown>('m')
  const inner = new Y.Map<unknown>()
  map.set('inner', inner)
  inner.set('n', 1)
  const text = new Y.Text('hello')
  inner.set('text', text)
  return { map, inner, text }
}

it('renders again only when the selected value differs', () => {
  const { map, inner } = setup()
  let renders = 0
  const { result } = renderHook(() => {
    renders++
    return useY(map, (m) => ({ n: (m.get('inner') as Y.Map<unknown>).get('n') }))
  })
  const first = result.current
  act(() => inner.set('other', 1))
  expect(renders).toBe(1)
  expect(result.current).toBe(first)
  act(() => inner.set('n', 2))
  expect(result.current).toEqual({ n: 2 })
  expect(renders).toBe(2)
})

it('ignores keystrokes unless asked', () => {
  const { map, text } = setup()
  const read = (m: Y.Map<unknown>) => String((m.get('inner') as Y.Map<unknown>).get('text'))
  const quiet = renderHook(() => useY(map, read))
  const eager = renderHook(() => useY(map, read, { text: true }))
  act(() => text.insert(5, '!'))
  expect(quiet.result.current).toBe('hello')
  expect(eager.result.current).toBe('hello!')
})

it('follows another type and a selector that closes over new values', () => {
  const a = setup().map
  const b = setup().map
  b.set('x', 'from b')
  const { result, rerender } = renderHook(({ type, key }) => useY(type, (m) => m.get(key)), {
    initialProps: { type: a, key: 'x' },
  })
  expect(result.current).toBeUndefined()
  rerender({ type: b, key: 'x' })
  expect(result.current).toBe('from b')
  b.set('y', 7)
  rerender({ type: b, key: 'y' })
  expect(result.current).toBe(7)
})

it('compares JSON by value and everything else by identity', () => {
  expect(same({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBe(true)
  expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(false)
  expect(same([1], { 0: 1 })).toBe(false)
  expect(same(new Map(), new Map())).toBe(false)
  expect(same(Number.NaN, Number.NaN)).toBe(true)
})

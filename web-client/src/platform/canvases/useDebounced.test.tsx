import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useDebounced } from './useDebounced'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('waits until typing pauses, and clears at once', () => {
  const { result, rerender } = renderHook(({ text }) => useDebounced(text, 150), { initialProps: { text: '' } })
  rerender({ text: 's' })
  act(() => void vi.advanceTimersByTime(100))
  rerender({ text: 'se' })
  act(() => void vi.advanceTimersByTime(100))
  expect(result.current).toBe('')
  act(() => void vi.advanceTimersByTime(60))
  expect(result.current).toBe('se')
  rerender({ text: '' })
  expect(result.current).toBe('')
})

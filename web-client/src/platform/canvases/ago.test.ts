// @vitest-environment node
import { expect, it } from 'vitest'
import { ago } from './ago'

const now = Date.parse('2026-06-15T12:00:00Z')
const before = (ms: number): string => ago(new Date(now - ms).toISOString(), now)

it('says how long ago in the unit people use', () => {
  expect(before(5_000)).toBe('just now')
  expect(before(-5_000)).toBe('just now')
  expect(before(5 * 60_000)).toMatch(/5/)
  expect(before(3 * 3_600_000)).toMatch(/3/)
  expect(before(3 * 86_400_000)).toMatch(/12/)
  expect(before(400 * 86_400_000)).toMatch(/2025/)
  expect(ago('nonsense')).toBe('')
})

// @vitest-environment node
import { expect, it } from 'vitest'
import { asNumber, asTime, isoTime } from './cells'

it('takes for a number what is one to everybody', () => {
  for (const [text, wanted] of [
    [' -2.50 ', -2.5],
    ['.5', 0.5],
    ['+1e3', 1000],
    ['007', 7],
  ] as const) {
    expect(asNumber(text), text).toBe(wanted)
  }
  for (const text of ['', ' ', '0x10', '0b1', 'Infinity', '1,5', '1 2', '.', '1e400'])
    expect(asNumber(text), text).toBeNull()
})

it('reads moments as the server does, whatever the browser takes for one', () => {
  expect(isoTime('2024-02-29')).toBe(1_709_164_800_000)
  expect(isoTime('2024-02-29 12:30')).toBe(1_709_209_800_000)
  expect(isoTime('2024-02-29T12:30:15.1239Z')).toBe(1_709_209_815_123)
  expect(isoTime('2024-02-29T12:30:15.5+02:00')).toBe(1_709_202_615_500)
  expect(isoTime('0050-01-01')).toBe(new Date('0050-01-01').getTime())
  for (const text of [
    '2024-02-30',
    '2024-13-01',
    '2024-02-29T24:00:00Z',
    '2024-02-29T10:00:00+0200',
    '2024-02-29 (x)',
  ]) {
    expect(isoTime(text), text).toBeNull()
    expect(asTime(text), text).toBeNull()
  }
  expect(asTime('Jan 5 2024')).toBe(Date.UTC(2024, 0, 5))
  expect(asTime(2024)).toBe(Date.UTC(2024, 0, 1))
  // Beyond what a Date holds: formatting it would throw.
  expect(asTime(9e15)).toBeNull()
})

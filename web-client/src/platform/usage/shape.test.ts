import { describe, expect, it } from 'vitest'
import type { Counts, Day, Usage } from './api'
import { seesUsage } from './offered'
import { barsOf, counted, dayText, isQuiet, labelled, rangeText, summary, ticksFor } from './shape'

const NONE: Counts = { views: 0, people: 0, edits: 0, active_minutes: 0 }
const DAY = 86_400_000
/** As many days as there are counts of views, the last one 22 November 2026. */
const usageOf = (views: number[]): Usage => {
  const end = Date.UTC(2026, 10, 22)
  const days: Day[] = views.map((count, index) => ({
    ...NONE,
    views: count,
    date: new Date(end - (views.length - 1 - index) * DAY).toISOString().slice(0, 10),
  }))
  const totals = { ...NONE, views: views.reduce((sum, count) => sum + count, 0) }
  return { from: days[0]?.date ?? '', to: '2026-11-22', days, totals }
}

describe('the axis', () => {
  it('is whole, round and even, and everything fits under it', () => {
    expect(ticksFor(0)).toEqual([0, 1])
    expect(ticksFor(1)).toEqual([0, 1])
    expect(ticksFor(3)).toEqual([0, 1, 2, 3])
    expect(ticksFor(5)).toEqual([0, 2, 4, 6])
    expect(ticksFor(12)).toEqual([0, 5, 10, 15])
    expect(ticksFor(100)).toEqual([0, 50, 100])
    expect(ticksFor(101)).toEqual([0, 50, 100, 150])
    expect(ticksFor(1_234_567)).toEqual([0, 500_000, 1_000_000, 1_500_000])
    for (let most = 0; most < 5_000; most++) {
      const ticks = ticksFor(most)
      expect(ticks.every(Number.isInteger), String(most)).toBe(true)
      expect(ticks.length, String(most)).toBeLessThanOrEqual(5)
      expect(ticks.at(-1), String(most)).toBeGreaterThanOrEqual(Math.max(1, most))
    }
  })

  it('shows what happened once beside what happened a thousand times, and nothing for nothing', () => {
    const { ticks, heights } = barsOf(usageOf([0, 1, 1_000]).days, 'views')
    expect(ticks.at(-1)).toBe(1_000)
    expect(heights[0]).toBe(0)
    expect(heights[1]).toBeGreaterThan(0.01)
    expect(heights[2]).toBe(1)
    expect(barsOf(usageOf([3, 4]).days, 'edits').heights).toEqual([0, 0])
    expect(barsOf([], 'views').heights).toEqual([])
  })
})

describe('the labels', () => {
  const indexes = (count: number) => labelled(usageOf(Array(count).fill(0)).days).map(({ index }) => index)
  it('name each day of a week, and of a longer time five, the last one always', () => {
    expect(indexes(7)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(indexes(30)).toEqual([5, 11, 17, 23, 29])
    expect(indexes(90)).toEqual([17, 35, 53, 71, 89])
    expect(indexes(1)).toEqual([0])
    for (let count = 8; count <= 365; count++) expect(indexes(count).length).toBeLessThanOrEqual(5)
  })
  it('are days in UTC, wherever the reader is, and what is no date is shown as it came', () => {
    const { days } = usageOf(Array(30).fill(0))
    expect(labelled(days).at(-1)?.text).toMatch(/22/)
    expect(labelled([{ ...NONE, date: 'soon' }])[0]?.text).toBe('soon')
  })
})

describe('the words', () => {
  it('count one and many', () => {
    expect(counted('views', 1)).toBe('1 view')
    expect(counted('people', 2)).toBe('2 people')
    expect(counted('active_minutes', 0)).toBe('0 active minutes')
  })
  it('say the range, and nothing about one that is none', () => {
    expect(rangeText(usageOf(Array(30).fill(0)))).toMatch(/24.*22.*2026/)
    expect(rangeText({ from: '', to: 'x' })).toBe('')
    expect(rangeText({ from: '2026-11-22', to: '2026-11-01' })).toBe('')
  })
  it('say of the last day that it still goes on', () => {
    const { days } = usageOf([1, 2])
    expect(dayText(days, 0, 'views')).toMatchObject({ count: '1 view' })
    expect(dayText(days, 0, 'views')?.day).not.toMatch(/so far/)
    expect(dayText(days, 1, 'views')?.day).toMatch(/so far$/)
    expect(dayText(days, 2, 'views')).toBeNull()
  })
  it('say the picture in a sentence', () => {
    expect(summary(usageOf([1, 5, 5]), 'views')).toMatch(/^Views by day, .*Most on .*21.*: 5 views\.$/)
    expect(summary(usageOf([1, 5]), 'edits')).toMatch(/None\.$/)
    expect(summary(usageOf([]), 'views')).toMatch(/None\.$/)
  })
  it('know when nothing happened', () => {
    expect(isQuiet(usageOf([0, 0]))).toBe(true)
    expect(isQuiet(usageOf([0, 1]))).toBe(false)
  })
})

it('is offered to those who may edit in the organization', () => {
  const me = (role: unknown) => ({ role }) as Parameters<typeof seesUsage>[0]
  expect(['owner', 'editor', 'commenter', 'viewer', null].map((role) => seesUsage(me(role)))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  expect(seesUsage(undefined)).toBe(false)
})

import { describe, expect, it } from 'vitest'
import { floorTime, nextPeriod, TIME_UNITS, toTimeUnit, unitForSpan } from './periods'

const at = (text: string) => Date.parse(text)
const day = (time: number) => new Date(time).toISOString().slice(0, 10)

describe('periods, in UTC', () => {
  it.each([
    ['day', '2024-03-09', '2024-03-10'],
    ['week', '2024-03-04', '2024-03-11'],
    ['month', '2024-03-01', '2024-04-01'],
    ['quarter', '2024-01-01', '2024-04-01'],
    ['year', '2024-01-01', '2025-01-01'],
  ] as const)('%s', (unit, first, next) => {
    expect(day(floorTime(at('2024-03-09T23:59:59Z'), unit))).toBe(first)
    expect(day(nextPeriod(floorTime(at('2024-03-09T23:59:59Z'), unit), unit))).toBe(next)
  })

  it('hold before 1970 and before the year 100, over leap days and over the turn of a year', () => {
    expect(day(floorTime(at('1969-12-31T12:00:00Z'), 'week'))).toBe('1969-12-29')
    expect(day(floorTime(at('1970-01-04T12:00:00Z'), 'week'))).toBe('1969-12-29')
    expect(day(floorTime(at('1970-01-05T00:00:00Z'), 'week'))).toBe('1970-01-05')
    expect(day(floorTime(at('0050-06-15T00:00:00Z'), 'year'))).toBe('0050-01-01')
    expect(day(nextPeriod(at('2023-12-01T00:00:00Z'), 'month'))).toBe('2024-01-01')
    expect(day(nextPeriod(at('2024-02-29T00:00:00Z'), 'day'))).toBe('2024-03-01')
  })

  it('a period holds itself, and the next one begins after it', () => {
    for (const unit of TIME_UNITS) {
      const start = floorTime(at('2021-08-17T10:11:12Z'), unit)
      expect(floorTime(start, unit)).toBe(start)
      expect(nextPeriod(start, unit)).toBeGreaterThan(start)
    }
  })

  it('reads what it does not know as no unit, and picks a unit for a span', () => {
    expect(toTimeUnit('decade')).toBe('')
    expect(toTimeUnit('month')).toBe('month')
    const days = (count: number) => unitForSpan(count * 86_400_000)
    expect([days(30), days(200), days(1000), days(3650), days(20_000)]).toEqual([
      'day',
      'week',
      'month',
      'quarter',
      'year',
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { formatCell, formatDate, formatNumber, formatTick, NO_VALUE, toFormat } from './format'

const locale = 'en-US'

describe('cells', () => {
  it.each([
    [1234567.891, 'number', '1,234,567.89'],
    [0.00123456, 'number', '0.00123'],
    ['42', 'number', '42'],
    ['n/a', 'number', 'n/a'],
    [1234.5, 'currency', '$1,234.50'],
    [-3, 'currency', '-$3.00'],
    [25.3, 'percentage', '25.3%'],
    ['2024-03-09', 'date', 'Mar 9, 2024'],
    ['soon', 'date', 'soon'],
    [true, 'boolean', 'Yes'],
    [false, 'string', 'No'],
    [12000, 'string', '12000'],
    ['West', 'string', 'West'],
    [null, 'number', NO_VALUE],
    ['', 'string', NO_VALUE],
    [undefined, 'date', NO_VALUE],
  ] as const)('%s as %s reads %s', (cell, format, text) => {
    expect(formatCell(cell, format, { locale })).toBe(text)
  })

  it('writes years without a separator', () => {
    expect(formatCell(2024, 'number', { locale, name: 'year' })).toBe('2024')
    expect(formatCell(2024, 'number', { locale, name: 'visits' })).toBe('2,024')
  })

  it('shows the time of day only where there is one', () => {
    expect(formatDate(Date.UTC(2024, 0, 2), locale)).toBe('Jan 2, 2024')
    expect(formatDate(Date.UTC(2024, 0, 2, 13, 30), locale)).toMatch(/Jan 2, 2024.*01:30/)
  })
})

describe('numbers', () => {
  it('shortens ticks only from a million on', () => {
    expect(formatTick(120000, locale)).toBe('120,000')
    expect(formatTick(2500000, locale)).toBe('2.5M')
    expect(formatNumber(2500000, locale)).toBe('2,500,000')
  })

  it('reads unknown formats as text', () => {
    expect(toFormat('sparkline')).toBe('string')
    expect(toFormat('currency')).toBe('currency')
  })
})

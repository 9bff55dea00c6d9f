import { describe, expect, it } from 'vitest'
import {
  formatCell,
  formatDate,
  formatMeasure,
  formatMeasureTick,
  formatNumber,
  formatTick,
  NO_VALUE,
  PLAIN,
  toFormat,
  toNumberFormat,
} from './format'

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

describe('measures', () => {
  it.each([
    [1234.5, 'auto', null, '1,234.5'],
    [1234.5, 'number', 0, '1,235'],
    [1234.5, 'number', 2, '1,234.50'],
    [1234.5, 'currency', null, '€1,234.50'],
    [1234, 'currency', null, '€1,234'],
    [-1234, 'currency', 1, '-€1,234.0'],
    [25.34, 'percent', null, '25.3%'],
    [25.34, 'percent', 2, '25.34%'],
    [1234567, 'compact', null, '1.2M'],
    [0, 'compact', 2, '0.00'],
  ] as const)('%d as %s with %s decimals', (value, format, decimals, text) => {
    expect(formatMeasure(value, { format, decimals, currency: 'EUR' }, locale)).toBe(text)
  })

  it('are short on an axis', () => {
    expect(formatMeasureTick(2_500_000, { ...PLAIN, format: 'currency' }, locale)).toBe('$2.5M')
    expect(formatMeasureTick(2500, { ...PLAIN, format: 'currency', decimals: 2 }, locale)).toBe('$2,500')
    expect(formatMeasureTick(25, { ...PLAIN, format: 'percent' }, locale)).toBe('25%')
  })

  it('survive a currency and a format that are none', () => {
    expect(formatMeasure(1, { format: 'currency', decimals: null, currency: 'doubloons' }, locale)).toBe('$1')
    expect(toNumberFormat('roman')).toBe('auto')
  })
})

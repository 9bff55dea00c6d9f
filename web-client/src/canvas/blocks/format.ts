/**
 * Values as text a person reads: numbers with thousands separators, money, percentages, dates.
 * Owns the formats of table cells, chart axes and metric chips, so that the same value never reads two ways on one
 * canvas. Refuses to parse: what is a number or a date is decided in platform/datasets/cells.
 */
import { asNumber, asTime, type Cell, type ColumnType } from '../../platform/datasets/cells'
import type { TimeUnit } from '../../platform/datasets/periods'

/** The types a table column may be shown as; the seed's, plus a dataset's own booleans. */
export const FORMATS = ['string', 'number', 'currency', 'percentage', 'date', 'boolean'] as const
export type Format = (typeof FORMATS)[number]

export const NO_VALUE = '–'

const numberFormats = new Map<string, Intl.NumberFormat>()
function numberFormat(locale: string | undefined, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale ?? ''}|${JSON.stringify(options)}`
  let format = numberFormats.get(key)
  if (!format) {
    format = new Intl.NumberFormat(locale, options)
    numberFormats.set(key, format)
  }
  return format
}

const dateFormats = new Map<string, Intl.DateTimeFormat>()
function dateFormat(locale: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale ?? ''}|${JSON.stringify(options)}`
  let format = dateFormats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' })
    dateFormats.set(key, format)
  }
  return format
}

/** Up to two decimals above 1, three significant digits below: 1,234.5 and 0.00123. */
export function formatNumber(value: number, locale?: string): string {
  const small = value !== 0 && Math.abs(value) < 1
  return numberFormat(locale, small ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 }).format(value)
}

/** For the ticks of an axis: 12,000 as is, 1.2M above a million, where the exact digits only cost room. */
export function formatTick(value: number, locale?: string): string {
  if (Math.abs(value) >= 1_000_000) {
    return numberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 }).format(value)
  }
  return formatNumber(value, locale)
}

/** A date; with the time of day only when it has one, or when asked. UTC, as asTime reads it. */
export function formatDate(time: number, locale?: string, withTime = time % 86_400_000 !== 0): string {
  return dateFormat(
    locale,
    withTime
      ? { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }
      : { year: 'numeric', month: 'short', day: 'numeric' },
  ).format(time)
}

/** A period by its first moment: "Mar 2024", "Q1 2024", "2024"; days and weeks by their first day. */
export function formatPeriod(start: number, unit: TimeUnit, locale?: string): string {
  switch (unit) {
    case 'year':
      return dateFormat(locale, { year: 'numeric' }).format(start)
    case 'quarter':
      return `Q${Math.floor(new Date(start).getUTCMonth() / 3) + 1} ${new Date(start).getUTCFullYear()}`
    case 'month':
      return dateFormat(locale, { year: 'numeric', month: 'short' }).format(start)
    default:
      return formatDate(start, locale)
  }
}

/** How the numbers of a chart or a metric are written. A percentage holds percentage points, as in a table. */
export const NUMBER_FORMATS = ['auto', 'number', 'currency', 'percent', 'compact'] as const
export type NumberFormat = (typeof NUMBER_FORMATS)[number]

export const toNumberFormat = (value: unknown): NumberFormat =>
  (NUMBER_FORMATS as readonly unknown[]).includes(value) ? (value as NumberFormat) : 'auto'

export interface Measure {
  format: NumberFormat
  /** Decimals always written; null for as many as the value needs. */
  decimals: number | null
  currency: string
}

export const PLAIN: Measure = { format: 'auto', decimals: null, currency: 'USD' }

/** An ISO 4217 code; anything else is refused by `Intl`, and a chart must not fail for it. */
const currencyOf = (code: string): string => (/^[A-Za-z]{3}$/.test(code) ? code.toUpperCase() : 'USD')

/** One number of a chart or a metric, in full. */
export function formatMeasure(value: number, measure: Measure, locale?: string): string {
  const { format, decimals } = measure
  const digits = decimals === null ? undefined : Math.max(0, Math.min(10, Math.trunc(decimals)))
  const exact = digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }
  switch (format) {
    case 'currency': {
      const cents = digits === undefined && Number.isInteger(value) ? { maximumFractionDigits: 0 } : exact
      return numberFormat(locale, {
        style: 'currency',
        currency: currencyOf(measure.currency),
        currencyDisplay: 'narrowSymbol',
        ...cents,
      }).format(value)
    }
    case 'percent':
      return `${numberFormat(locale, digits === undefined ? { maximumFractionDigits: 1 } : exact).format(value)}%`
    case 'compact':
      return numberFormat(locale, {
        notation: 'compact',
        ...(digits === undefined ? { maximumFractionDigits: 1 } : exact),
      }).format(value)
    default:
      return digits === undefined ? formatNumber(value, locale) : numberFormat(locale, exact).format(value)
  }
}

/** The same number on an axis: as short as it stays true, since ticks are round. */
export function formatMeasureTick(value: number, measure: Measure, locale?: string): string {
  const large = Math.abs(value) >= 1_000_000
  switch (measure.format) {
    case 'currency':
      return numberFormat(locale, {
        style: 'currency',
        currency: currencyOf(measure.currency),
        currencyDisplay: 'narrowSymbol',
        ...(large ? { notation: 'compact', maximumFractionDigits: 2 } : { maximumFractionDigits: 2 }),
        minimumFractionDigits: 0,
      }).format(value)
    case 'percent':
      return `${formatNumber(value, locale)}%`
    case 'compact':
      return numberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 }).format(value)
    default:
      return formatTick(value, locale)
  }
}

/** How a column of a dataset is shown when nobody has chosen. */
export function formatOf(type: ColumnType): Format {
  return type
}

export const isNumeric = (format: Format) => format === 'number' || format === 'currency' || format === 'percentage'

export function toFormat(value: unknown): Format {
  return (FORMATS as readonly unknown[]).includes(value) ? (value as Format) : 'string'
}

const YEAR_NAME = /(^|[_\s-])(year|yr)$/i

export interface CellOptions {
  locale?: string | undefined
  currency?: string | undefined
  /** The column's name: years are recognised by it. */
  name?: string | undefined
  /** Decimals every number of the column is written with, so that their points stand in one line. */
  digits?: number | undefined
}

/**
 * One cell. A percentage column holds percentage points (25.3 is 25.3 %), as in the data model's own example. A number in
 * a column named year is a year: no thousands separator.
 */
export function formatCell(cell: Cell | undefined, format: Format, options: CellOptions = {}): string {
  if (cell === null || cell === undefined || cell === '') return NO_VALUE
  const { locale } = options
  if (format === 'boolean')
    return cell === true || cell === 'true' ? 'Yes' : cell === false || cell === 'false' ? 'No' : String(cell)
  if (format === 'date') {
    const time = asTime(cell)
    return time === null ? String(cell) : formatDate(time, locale)
  }
  if (isNumeric(format)) {
    const value = asNumber(cell)
    if (value === null) return String(cell)
    const { digits } = options
    const exact = digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits }
    if (format === 'currency') {
      return numberFormat(locale, {
        style: 'currency',
        currency: options.currency ?? 'USD',
        currencyDisplay: 'narrowSymbol',
        ...exact,
      }).format(value)
    }
    if (format === 'percentage') {
      return `${numberFormat(locale, digits === undefined ? { maximumFractionDigits: 2 } : exact).format(value)}%`
    }
    if (options.name && YEAR_NAME.test(options.name) && Number.isInteger(value)) return String(value)
    return digits === undefined ? formatNumber(value, locale) : numberFormat(locale, exact).format(value)
  }
  return typeof cell === 'boolean' ? (cell ? 'Yes' : 'No') : String(cell)
}

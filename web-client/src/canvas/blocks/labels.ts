/** What settings are called wherever they are chosen: in charts, metrics, tables and numbers in texts alike. */
import type { TimeUnit } from '../../platform/datasets/periods'
import type { NumberFormat } from './format'

/** How values become one. */
export const FOLD_NAMES = {
  sum: 'Sum',
  avg: 'Average',
  median: 'Median',
  min: 'Minimum',
  max: 'Maximum',
  count: 'Count',
  distinct: 'Different values',
} as const

export const UNIT_NAMES: Record<TimeUnit, string> = {
  '': 'Each date',
  day: 'Day',
  week: 'Week',
  month: 'Month',
  quarter: 'Quarter',
  year: 'Year',
}

export const NUMBER_FORMAT_NAMES: Record<NumberFormat, string> = {
  auto: 'Automatic',
  number: 'Number',
  currency: 'Currency',
  percent: 'Percent',
  compact: 'Short (1.2M)',
}

/** Offered where one chooses; a canvas may name any other ISO 4217 code. */
export const CURRENCIES = ['USD', 'EUR', 'GBP', 'JPY', 'CHF', 'AUD', 'CAD', 'CNY', 'INR', 'SEK', 'PLN', 'BRL'] as const

export const optionsOf = <T extends string>(names: Readonly<Record<T, string>>, values: readonly T[]) =>
  values.map((value) => ({ value, label: names[value] }))

/** The columns of a dataset to choose from, the chosen one also when the dataset has no such column. */
export function columnOptions(columns: readonly { name: string }[], value: string, none: string) {
  const options = [{ value: '', label: none }, ...columns.map(({ name }) => ({ value: name, label: name }))]
  if (value !== '' && !columns.some((column) => column.name === value)) {
    options.push({ value, label: columns.length > 0 ? `${value} (not in this dataset)` : value })
  }
  return options
}

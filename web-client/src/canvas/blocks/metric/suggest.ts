/**
 * What a metric should show when somebody has only picked a dataset: the column that measures, and the dates it goes over.
 * Pure; what a column is good for is known to the chart's suggestion.
 */
import { asTime, type Cell, type Column } from '../../../platform/datasets/cells'
import { type TimeUnit, unitForSpan } from '../../../platform/datasets/periods'
import { isMeasure, isState, isYearColumn } from '../chart/suggest'
import type { NumberFormat } from '../format'
import { guessFormat } from '../table/columns'
import type { MetricAggregation } from './compute'

export interface MetricSuggestion {
  y_axis: string
  aggregation: MetricAggregation
  x_axis: string
  time_unit: TimeUnit
  number_format: NumberFormat
}

/** Cells of the date column that are looked at. */
const SAMPLE = 5000
/** As many single days can still be told apart on a line of a block's width. */
const MOST_DAYS = 60

export function suggestMetric(columns: Column[], order: string[], rows: Cell[][]): MetricSuggestion {
  const time = columns.find((column) => column.type === 'date') ?? columns.find(isYearColumn)
  const measure = columns.find((column) => isMeasure(column) && filled(rows, order.indexOf(column.name)))
  const times = time ? timesOf(rows, order.indexOf(time.name)) : []
  const once = times.length > 1 && new Set(times).size === times.length
  const format = measure ? guessFormat(measure) : 'number'
  return {
    y_axis: measure?.name ?? '',
    aggregation: !measure ? 'count' : !isState(measure.name) ? 'sum' : once ? 'last' : 'avg',
    x_axis: time?.name ?? '',
    time_unit: time?.type === 'date' ? unitFor(times) : '',
    number_format: format === 'currency' ? 'currency' : format === 'percentage' ? 'percent' : 'auto',
  }
}

/** A column without a single value measures nothing. */
const filled = (rows: Cell[][], at: number): boolean =>
  rows.length === 0 || rows.some((row) => row[at] !== null && row[at] !== undefined && row[at] !== '')

function timesOf(rows: Cell[][], at: number): number[] {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE))
  const times: number[] = []
  for (let index = 0; index < rows.length; index += step) {
    const time = asTime(rows[index]?.[at])
    if (time !== null) times.push(time)
  }
  return times
}

/** The period to group dates by: the one they were written for if they tell, else what the span can be read in. */
export function unitFor(times: readonly number[]): TimeUnit {
  const days = new Set(times.map((time) => Math.floor(time / 86_400_000)))
  if (days.size < 2) return ''
  const dates = [...days].map((day) => new Date(day * 86_400_000))
  const firsts = dates.every((date) => date.getUTCDate() === 1)
  if (firsts && dates.every((date) => date.getUTCMonth() === 0)) return 'year'
  if (firsts && dates.every((date) => date.getUTCMonth() % 3 === 0)) return 'quarter'
  const sorted = [...days].sort((a, b) => a - b)
  const span = ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) * 86_400_000
  const wide = unitForSpan(span)
  if (firsts) return wide === 'quarter' || wide === 'year' ? wide : 'month'
  return days.size <= MOST_DAYS ? 'day' : wide
}

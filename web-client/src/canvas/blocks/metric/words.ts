/** A metric in words: what its number is of, how it changed, and a description for people who do not see it. */
import type { Cell, ColumnType } from '../../../platform/datasets/cells'
import type { TimeUnit } from '../../../platform/datasets/periods'
import { formatCell, formatDate, formatMeasure, formatNumber, formatPeriod, NO_VALUE } from '../format'
import { headerOf } from '../table/columns'
import type { Change, MetricResult, Period } from './compute'
import type { MetricContent } from './fields'

export function periodLabel(period: Period, type: ColumnType, unit: TimeUnit, name: string): string {
  if (type === 'date') return unit === '' ? formatDate(period.at) : formatPeriod(period.at, unit)
  const cell: Cell = period.cell
  return formatCell(cell, type, { name })
}

/** The number with its unit, as everywhere this value is written. */
export const written = (value: number, { measure, unit }: Pick<MetricContent, 'measure' | 'unit'>): string =>
  unit === '' ? formatMeasure(value, measure) : `${formatMeasure(value, measure)} ${unit}`

const NOUNS: Record<MetricContent['aggregation'], string> = {
  sum: 'Total',
  avg: 'Average',
  median: 'Median',
  min: 'Lowest',
  max: 'Highest',
  count: 'Number of',
  distinct: 'Different',
  last: 'Latest',
  first: 'First',
}

/** What the number is, when nobody has named it: "Total revenue". */
export function suggestedTitle({ y, aggregation }: Pick<MetricContent, 'y' | 'aggregation'>): string {
  const what = y === '' ? 'rows' : headerOf(y)
  // An acronym keeps its capitals.
  const word = /^[A-Z][a-z]/.test(what) ? what.charAt(0).toLowerCase() + what.slice(1) : what
  if (y === '')
    return aggregation === 'last' || aggregation === 'first' ? `${NOUNS[aggregation]} rows` : 'Number of rows'
  return `${NOUNS[aggregation]} ${word}`
}

export type Direction = 'up' | 'down' | 'same'
export type Verdict = 'good' | 'bad' | 'neutral'

export interface ChangeWords {
  direction: Direction
  verdict: Verdict
  /** How much: "12.4%", "2.1 pts", "$120". */
  amount: string
  /** Against what: "vs Nov 2024". */
  against: string
  /** The whole in one sentence. */
  sentence: string
}

export function changeWords(change: Change, content: MetricContent, result: MetricResult): ChangeWords {
  const { difference, ratio } = change
  const direction: Direction = difference > 0 ? 'up' : difference < 0 ? 'down' : 'same'
  const verdict: Verdict =
    direction === 'same' || content.better === 'none' ? 'neutral' : direction === content.better ? 'good' : 'bad'
  const label = (period: Period) => periodLabel(period, result.xType, result.unit, content.x)
  const amount = amountOf(difference, ratio, content)
  const [from, to] = [label(change.from), label(change.to)]
  const verb = direction === 'up' ? `Up ${amount}` : direction === 'down' ? `Down ${amount}` : 'No change'
  const values = `${written(change.from.value, content)} to ${written(change.to.value, content)}`
  const judged = verdict === 'good' ? ', which is better' : verdict === 'bad' ? ', which is worse' : ''
  return {
    direction,
    verdict,
    amount: direction === 'same' ? 'No change' : amount,
    against: `vs ${from}`,
    sentence: `${verb} from ${from} to ${to}${direction === 'same' ? '' : `, ${values}`}${judged}`,
  }
}

/** A share of a percentage misleads: 2% to 3% is one point, not a half. From zero there is no share, only a difference. */
function amountOf(difference: number, ratio: number | null, content: MetricContent): string {
  const size = Math.abs(difference)
  if (content.measure.format === 'percent') return `${formatNumber(Math.round(size * 100) / 100)} pts`
  if (ratio === null) return written(size, content)
  const percent = Math.abs(ratio) * 100
  if (percent < 0.1 && percent > 0) return '<0.1%'
  if (percent >= 1000) return `${formatNumber(Math.round(Math.abs(ratio) * 10) / 10)}×`
  return `${formatNumber(percent >= 100 ? Math.round(percent) : Math.round(percent * 10) / 10)}%`
}

/** Everything a metric says, as sentences. */
export function describeMetric(content: MetricContent, result: MetricResult): string {
  const title = content.title || suggestedTitle(content)
  const value = result.value === null ? 'no value' : written(result.value, content)
  const label = (period: Period) => periodLabel(period, result.xType, result.unit, content.x)
  const parts = [`${title}: ${value}${result.of ? ` in ${label(result.of)}` : ''}`]
  if (result.change) parts.push(changeWords(result.change, content, result).sentence)
  const { periods } = result
  const [start, end] = [periods[0], periods.at(-1)]
  if (content.sparkline && start && end && periods.length > 2) {
    const high = periods.reduce((a, b) => (b.value > a.value ? b : a))
    const low = periods.reduce((a, b) => (b.value < a.value ? b : a))
    parts.push(
      `${formatNumber(periods.length)} values from ${label(start)} to ${label(end)}: highest ${written(high.value, content)} at ${label(high)}, lowest ${written(low.value, content)} at ${label(low)}`,
    )
  }
  return `${parts.join('. ')}.`
}

export const valueText = (value: number | null, content: MetricContent): string =>
  value === null ? NO_VALUE : formatMeasure(value, content.measure)

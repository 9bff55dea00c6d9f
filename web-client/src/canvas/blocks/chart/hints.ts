/**
 * What reads badly in a chart, and the one change that would help. Pure. A hint is offered, never applied: what looks odd
 * may be what somebody wants.
 */
import type { Column } from '../../../platform/datasets/cells'
import { unitForSpan } from '../../../platform/datasets/periods'
import type { Aggregated, ChartType } from './aggregate'
import type { ChartContent } from './fields'
import { foldFor } from './suggest'

export interface Hint {
  id: string
  /** Why, in one short sentence. */
  text: string
  /** What the press does. */
  label: string
  change: { chart_type?: ChartType; config?: { [key: string]: string | number | null } }
}

const MANY_SLICES = 7
const MANY_BARS = 40
const MANY_LINES = 10
const MANY_MOMENTS = 150
/** The most worth reading at once, so there is room for all of them. */
const MAX_HINTS = 3

export function hintsFor(content: ChartContent, columns: Column[], data: Aggregated, unshown: number): Hint[] {
  const { chartType, x, y, aggregation } = content
  const typeOf = (name: string) => columns.find((column) => column.name === name)?.type
  const xType = typeOf(x)
  const yType = typeOf(y)
  const hints: Hint[] = []
  const add = (id: string, text: string, label: string, change: Hint['change']) =>
    hints.push({ id, text, label, change })

  if (y !== '' && yType !== undefined && yType !== 'number' && yType !== 'boolean') {
    if (aggregation !== 'count' && aggregation !== 'distinct') {
      add('count', `“${y}” holds no numbers.`, 'Count its values', { config: { aggregation: 'count' } })
    }
  } else if (aggregation === 'sum' && foldFor({ y }, columns) === 'avg' && data.places > 1) {
    add('average', `Adding up “${y}” says little.`, 'Use the average', { config: { aggregation: 'avg' } })
  }
  if (chartType === 'pie') {
    if (data.places > MANY_SLICES) {
      add('bars', `${data.places} slices are hard to compare.`, 'Use bars', {
        chart_type: 'bar',
        config: { sort: '-value', limit: data.places > MANY_BARS ? 15 : 0 },
      })
    } else if (['avg', 'median', 'min', 'max', 'none'].includes(aggregation) && y !== '') {
      add('parts', 'These slices are no parts of a whole.', 'Use bars', { chart_type: 'bar' })
    } else if (data.skippedRows > 0) {
      add('positive', 'Values at or below zero have no slice.', 'Use bars', { chart_type: 'bar' })
    }
  }
  if (chartType !== 'pie' && xType === 'date' && content.timeUnit === '' && aggregation !== 'none') {
    const span = spanOf(data)
    if (data.places > MANY_MOMENTS && span > 0) {
      const unit = unitForSpan(span)
      add('unit', `${data.places.toLocaleString()} dates on one axis.`, `Group by ${unit}`, {
        config: { time_unit: unit },
      })
    }
  }
  if (
    chartType === 'bar' &&
    xType !== 'date' &&
    data.places > MANY_BARS &&
    (content.limit === 0 || content.limit > MANY_BARS)
  ) {
    add('limit', `${data.places.toLocaleString()} bars are hard to read.`, 'Show the top 15', {
      config: { limit: 15, sort: '-value' },
    })
  }
  if (
    (chartType === 'line' || chartType === 'area') &&
    xType === 'string' &&
    data.axis === 'category' &&
    !ordered(data)
  ) {
    add('unordered', 'A line suggests an order these names do not have.', 'Use bars', { chart_type: 'bar' })
  }
  if (chartType === 'scatter' && xType === 'string') {
    add('strip', `“${x}” has no place on a scale.`, 'Use bars', {
      chart_type: 'bar',
      config: { aggregation: aggregation === 'none' ? foldFor({ y }, columns) : aggregation },
    })
  }
  if (content.color !== '' && content.color === x && chartType === 'bar') {
    add('onecolor', 'The colours repeat the axis.', 'Use one colour', { config: { color: '' } })
  } else if (data.series.length > MANY_LINES && chartType !== 'pie') {
    const text = `${data.series.length + Math.max(0, data.foldedSeries - 1)} colours are hard to tell apart.`
    if (data.axis !== 'category' && content.limit === 0) {
      add('series', text, 'Show the top 5', { config: { limit: 5 } })
    } else add('series', text, 'Use one colour', { config: { color: '' } })
  }
  if ((chartType === 'line' || chartType === 'area') && aggregation === 'none' && repeats(data)) {
    const fold = foldFor({ y }, columns)
    add('repeats', 'Several values stand at the same place.', fold === 'avg' ? 'Use the average' : 'Add them up', {
      config: { aggregation: fold },
    })
  }
  if (unshown > 0) {
    add('log', 'A logarithmic scale leaves values at or below zero out.', 'Use a linear scale', {
      config: { y_scale: 'linear' },
    })
  }
  return hints.slice(0, MAX_HINTS)
}

function spanOf(data: Aggregated): number {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  const see = (time: number) => {
    if (time < min) min = time
    if (time > max) max = time
  }
  for (const series of data.series) for (const [x] of series.points) see(x)
  for (const cell of data.categories) {
    const time = typeof cell === 'string' ? Date.parse(cell) : Number.NaN
    if (!Number.isNaN(time)) see(time)
  }
  return max > min ? max - min : 0
}

/** Names that stand in an order which is not the alphabet's, months for instance, or that count. */
function ordered(data: Aggregated): boolean {
  const names = data.categories.map(String)
  if (names.length < 2 || names.every((name) => /\d/.test(name))) return true
  return names.some((name, index) => index > 0 && (names[index - 1] ?? '').localeCompare(name) > 0)
}

function repeats(data: Aggregated): boolean {
  return data.series.some((series) =>
    series.points.some(([x], index) => index > 0 && series.points[index - 1]?.[0] === x),
  )
}

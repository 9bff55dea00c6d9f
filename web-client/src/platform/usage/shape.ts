/** Usage as a picture and as words: the axis, the labels below it, and how counts and days are said. Pure. */
import { formatNumber } from '../../canvas/blocks/format'
import type { Counts, Day, Usage } from './api'

export type Measure = keyof Counts

export const MEASURES: readonly { measure: Measure; label: string; one: string; many: string }[] = [
  { measure: 'views', label: 'Views', one: 'view', many: 'views' },
  { measure: 'people', label: 'People', one: 'person', many: 'people' },
  { measure: 'edits', label: 'Edits', one: 'edit', many: 'edits' },
  { measure: 'active_minutes', label: 'Active minutes', one: 'active minute', many: 'active minutes' },
]
const wordsOf = (measure: Measure) => MEASURES.find((one) => one.measure === measure) ?? MEASURES[0]

/** For instance "1 view" or "1,204 active minutes". */
export const counted = (measure: Measure, count: number): string => {
  const words = wordsOf(measure)
  return `${formatNumber(count)} ${count === 1 ? words?.one : words?.many}`
}

const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', timeZone: 'UTC' })
const LONG = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})
const RANGE = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })

/** What is no date is shown as it came. */
const say = (format: Intl.DateTimeFormat, date: string): string => {
  const time = Date.parse(date)
  return Number.isNaN(time) ? date : format.format(time)
}
export const longDay = (date: string): string => say(LONG, date)

/** For instance "24 Oct – 22 Nov 2026". */
export const rangeText = ({ from, to }: Pick<Usage, 'from' | 'to'>): string => {
  const [start, end] = [Date.parse(from), Date.parse(to)]
  return Number.isNaN(start) || Number.isNaN(end) || end < start ? '' : RANGE.formatRange(start, end)
}

/** Nothing happened at all. */
export const isQuiet = ({ totals }: Usage): boolean => MEASURES.every(({ measure }) => totals[measure] === 0)

/** Intervals of the axis at most. */
const STEPS = 4

/** The ticks of an axis for counts up to `most`: whole, round, evenly apart, from 0 to what every bar fits under. */
export const ticksFor = (most: number): number[] => {
  const least = Math.max(1, most / STEPS)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10)
  const count = Math.max(1, Math.ceil(most / step))
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}

/** A bar in parts of the height of the plot. What happened once is seen beside what happened a thousand times. */
const LEAST = 0.012
export const barsOf = (days: readonly Day[], measure: Measure): { ticks: number[]; heights: number[] } => {
  const ticks = ticksFor(Math.max(0, ...days.map((day) => day[measure])))
  const top = ticks.at(-1) ?? 1
  return { ticks, heights: days.map((day) => (day[measure] <= 0 ? 0 : Math.max(LEAST, day[measure] / top))) }
}

/** Labels that stand beside each other at the width of a phone. */
const LABELS = 5
/** Days of a week are known by their names. */
const WEEK = 7

/** Which days have a label below them: the last one, and from there back as many as have room. */
export const labelled = (days: readonly Day[]): { index: number; text: string }[] => {
  const step = days.length <= WEEK ? 1 : Math.ceil(days.length / LABELS)
  const format = days.length <= WEEK ? WEEKDAY : DAY
  return days.flatMap(({ date }, index) =>
    (days.length - 1 - index) % step === 0 ? [{ index, text: say(format, date) }] : [],
  )
}

/** One day read out, for instance "Sun, 22 Nov 2026, so far: 12 views". The last day still goes on. */
export const dayText = (
  days: readonly Day[],
  index: number,
  measure: Measure,
): { day: string; count: string } | null => {
  const day = days[index]
  if (day === undefined) return null
  return {
    day: `${longDay(day.date)}${index === days.length - 1 ? ', so far' : ''}`,
    count: counted(measure, day[measure]),
  }
}

/** The picture in a sentence, for those who do not see it. */
export const summary = (usage: Usage, measure: Measure): string => {
  const name = wordsOf(measure)?.label ?? ''
  const best = usage.days.reduce<Day | undefined>(
    (most, day) => (most === undefined || day[measure] > most[measure] ? day : most),
    undefined,
  )
  const most =
    best === undefined || best[measure] === 0
      ? 'None.'
      : `Most on ${longDay(best.date)}: ${counted(measure, best[measure])}.`
  return `${name} by day, ${rangeText(usage)}. ${most}`
}

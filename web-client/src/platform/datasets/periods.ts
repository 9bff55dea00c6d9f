/**
 * Periods of the calendar, in UTC: the day, week, month, quarter or year a moment falls in. Owns where a period begins;
 * a dataset must group the same way for two people in two time zones.
 */
export const TIME_UNITS = ['', 'day', 'week', 'month', 'quarter', 'year'] as const
/** Empty: every moment for itself. */
export type TimeUnit = (typeof TIME_UNITS)[number]

export const toTimeUnit = (value: unknown): TimeUnit =>
  (TIME_UNITS as readonly unknown[]).includes(value) ? (value as TimeUnit) : ''

const DAY = 86_400_000

/** The first moment of the period that holds `time`. Weeks begin on Monday (ISO 8601). */
export function floorTime(time: number, unit: TimeUnit): number {
  const date = new Date(time)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  switch (unit) {
    case 'day':
      return Math.floor(time / DAY) * DAY
    case 'week': {
      const day = Math.floor(time / DAY)
      // 1970-01-01 was a Thursday, the fourth day of its week.
      return (day - ((((day + 3) % 7) + 7) % 7)) * DAY
    }
    case 'month':
      return utc(year, month)
    case 'quarter':
      return utc(year, month - (month % 3))
    case 'year':
      return utc(year, 0)
    default:
      return time
  }
}

/** The first moment of the period after the one that begins at `start`. */
export function nextPeriod(start: number, unit: TimeUnit): number {
  const date = new Date(start)
  const year = date.getUTCFullYear()
  const month = date.getUTCMonth()
  switch (unit) {
    case 'day':
      return start + DAY
    case 'week':
      return start + 7 * DAY
    case 'month':
      return utc(year, month + 1)
    case 'quarter':
      return utc(year, month + 3)
    case 'year':
      return utc(year + 1, 0)
    default:
      return start + 1
  }
}

/** `Date.UTC` reads the years 0 to 99 as 1900 to 1999. */
function utc(year: number, month: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, 1)
  return date.getTime()
}

/** The unit that cuts a span into a readable number of periods, at most about sixty. */
export function unitForSpan(milliseconds: number): TimeUnit {
  const days = milliseconds / DAY
  if (days <= 62) return 'day'
  if (days <= 370) return 'week'
  if (days <= 366 * 5.5) return 'month'
  return days <= 366 * 16 ? 'quarter' : 'year'
}

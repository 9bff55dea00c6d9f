/** How long ago something was, in words. Days and more are shown as a date, which people remember better. */
const words = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' })
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const ago = (iso: string, now = Date.now()): string => {
  const then = Date.parse(iso)
  if (Number.isNaN(then)) return ''
  const past = Math.max(0, now - then)
  if (past < MINUTE) return 'just now'
  if (past < HOUR) return words.format(-Math.floor(past / MINUTE), 'minute')
  if (past < DAY) return words.format(-Math.floor(past / HOUR), 'hour')
  return new Date(then).toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    ...(new Date(now).getFullYear() === new Date(then).getFullYear() ? {} : { year: 'numeric' }),
  })
}

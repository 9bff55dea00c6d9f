/** The usage slice: its routes, and for how long what they said is good. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api } from '../../app/api'

export type Counts = {
  views: number
  /** Different people; those of several days are counted once in a total. */
  people: number
  edits: number
  active_minutes: number
}
/** `date` is a day in UTC, for instance 2026-11-22. */
export type Day = Counts & { date: string }
/** Every day from `from` to `to`, the oldest first, also those on which nothing happened. */
export type Usage = { from: string; to: string; days: Day[]; totals: Counts }
/** The most viewed first. */
export type TopCanvas = Counts & { id: string; name: string }
export type OrganizationUsage = Usage & { top_canvases: TopCanvas[] }

/** How many days one can look at. */
export const RANGES = [7, 30, 90] as const
export type Range = (typeof RANGES)[number]

/** Milliseconds until an open page asks again: events reach the server's tables in batches, a few seconds late. */
const AGAIN = 30_000

const useRead = <T extends Usage>(of: string, path: string, days: Range) =>
  useQuery({
    queryKey: ['usage', of, days],
    queryFn: ({ signal }) => api<T>(path, { query: { days }, signal }),
    staleTime: 0,
    refetchInterval: AGAIN,
    // The last picture stays until the next is here.
    placeholderData: keepPreviousData,
  })

export const useCanvasUsage = (id: string, days: Range) =>
  useRead<Usage>(id, `/v1/canvases/${encodeURIComponent(id)}/usage`, days)

export const useUsage = (days: Range) => useRead<OrganizationUsage>('', '/v1/usage', days)

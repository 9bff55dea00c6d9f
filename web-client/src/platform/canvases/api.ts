/** The canvases slice: its routes and what is cached of them. */
import { type InfiniteData, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, visitToken } from '../../app/api'
import { lastMe } from '../../app/me'

export type CanvasSummary = {
  id: string
  name: string
  description: string | null
  block_count: number
  created_at: string
  updated_at: string
  deleted_at: string | null
  role: string
  /** The caller's own. */
  favourite?: boolean
  opened_at?: string | null
}
type Page = { items: CanvasSummary[]; next_cursor: string | null }

/** Which canvases a list shows. */
export type View = 'all' | 'recent' | 'favourites' | 'deleted'
export type ListOf = { view: View; query: string }

const KEY = ['canvases'] as const
const PAGE = 100

/**
 * The first page is kept on this device: without the server it is the way to the canvases that still open. It is shown to
 * nobody but the person it was given to.
 */
const KEPT = 'jabiru.canvases'
const keepList = (items: CanvasSummary[]): void => {
  const of = lastMe()?.user.id
  // A token's list is true of its tab only.
  if (visitToken() !== undefined || of === undefined) return
  try {
    localStorage.setItem(KEPT, JSON.stringify({ of, items }))
  } catch {
    // Without storage there is no list offline.
  }
}
export const keptList = (): CanvasSummary[] => {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? '{}') as { of?: unknown; items?: unknown }
    return kept.of === lastMe()?.user.id && Array.isArray(kept.items) ? (kept.items as CanvasSummary[]) : []
  } catch {
    return []
  }
}
export const forgetList = (): void => localStorage.removeItem(KEPT)

export const useCanvases = ({ view, query }: ListOf) =>
  useInfiniteQuery({
    queryKey: [...KEY, view, query],
    queryFn: async ({ pageParam, signal }) => {
      const page = await api<Page>('/v1/canvases', {
        query: {
          limit: PAGE,
          cursor: pageParam,
          query: query === '' ? null : query,
          view: view === 'recent' || view === 'favourites' ? view : null,
          deleted: view === 'deleted' ? true : null,
        },
        signal,
      })
      if (pageParam === null && view === 'all' && query === '') keepList(page.items)
      return page
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 0,
  })

const path = (id: string): string => `/v1/canvases/${encodeURIComponent(id)}`

/** Makes a canvas, empty or with blocks. */
export const createCanvas = (name: string, canvas?: unknown): Promise<CanvasSummary> =>
  api<CanvasSummary>('/v1/canvases', { method: 'POST', json: canvas === undefined ? { name } : { name, canvas } })

/** Every change of the list; each refreshes it when the server has answered. */
export const useCanvasActions = () => {
  const queries = useQueryClient()
  const onSettled = () => queries.invalidateQueries({ queryKey: KEY })
  return {
    create: useMutation({ mutationFn: (name: string) => createCanvas(name), onSettled }),
    rename: useMutation({
      mutationFn: ({ id, name }: { id: string; name: string }) =>
        api<CanvasSummary>(path(id), { method: 'PATCH', json: { name } }),
      onSettled,
    }),
    duplicate: useMutation({
      mutationFn: (id: string) => api<CanvasSummary>(`${path(id)}/duplicate`, { method: 'POST' }),
      onSettled,
    }),
    remove: useMutation({ mutationFn: (id: string) => api<void>(path(id), { method: 'DELETE' }), onSettled }),
    restore: useMutation({
      mutationFn: (id: string) => api<CanvasSummary>(`${path(id)}/restore`, { method: 'POST' }),
      onSettled,
    }),
    favourite: useMutation({
      mutationFn: ({ id, on }: { id: string; on: boolean }) =>
        api<void>(`${path(id)}/favourite`, { method: on ? 'PUT' : 'DELETE' }),
      // The star answers the press; the server's list follows, or puts it back.
      onMutate: ({ id, on }) => {
        queries.setQueriesData<InfiniteData<Page, string | null>>({ queryKey: KEY }, (lists) =>
          // What is cached of canvases is not always such a list: the palette's finds are not.
          lists?.pages === undefined
            ? lists
            : {
                ...lists,
                pages: lists.pages.map((page) => ({
                  ...page,
                  items: page.items.map((item) => (item.id === id ? { ...item, favourite: on } : item)),
                })),
              },
        )
      },
      onSettled,
    }),
  }
}

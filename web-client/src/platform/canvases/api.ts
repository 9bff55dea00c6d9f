/** The canvases slice: its routes and what is cached of them. */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, visitToken } from '../../app/api'

export type CanvasSummary = {
  id: string
  name: string
  description: string | null
  block_count: number
  created_at: string
  updated_at: string
  deleted_at: string | null
  role: string
}
type Page = { items: CanvasSummary[]; next_cursor: string | null }

const KEY = ['canvases'] as const
const PAGE = 50

/** The first page is kept on this device: without the server it is the way to the canvases that still open. */
const KEPT = 'jabiru.canvases'
const keepList = (items: CanvasSummary[]): void => {
  // A token's list is true of its tab only.
  if (visitToken() !== undefined) return
  try {
    localStorage.setItem(KEPT, JSON.stringify(items))
  } catch {
    // Without storage there is no list offline.
  }
}
export const keptList = (): CanvasSummary[] => {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? '[]') as CanvasSummary[]
  } catch {
    return []
  }
}
export const forgetList = (): void => localStorage.removeItem(KEPT)

export const useCanvases = () =>
  useInfiniteQuery({
    queryKey: KEY,
    queryFn: async ({ pageParam, signal }) => {
      const page = await api<Page>('/v1/canvases', { query: { limit: PAGE, cursor: pageParam }, signal })
      if (pageParam === null) keepList(page.items)
      return page
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 0,
  })

const path = (id: string): string => `/v1/canvases/${encodeURIComponent(id)}`

/** Every change of the list; each refreshes it when the server has answered. */
export const useCanvasActions = () => {
  const queries = useQueryClient()
  const onSettled = () => queries.invalidateQueries({ queryKey: KEY })
  return {
    create: useMutation({
      mutationFn: (name: string) => api<CanvasSummary>('/v1/canvases', { method: 'POST', json: { name } }),
      onSettled,
    }),
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
  }
}

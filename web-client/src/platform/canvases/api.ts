/** The canvases slice: its routes and what is cached of them. */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { api } from '../../app/api'

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

export const useCanvases = () =>
  useInfiniteQuery({
    queryKey: KEY,
    queryFn: ({ pageParam, signal }) =>
      api<Page>('/v1/canvases', { query: { limit: PAGE, cursor: pageParam }, signal }),
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

import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderHook, waitFor } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { keptList, useCanvasActions, useCanvases } from './api'

afterEach(() => {
  vi.unstubAllGlobals()
  localStorage.clear()
})

const setup = (answer: unknown) => {
  const fetched = vi.fn(async () => (answer === null ? new Response(null, { status: 204 }) : Response.json(answer)))
  vi.stubGlobal('fetch', fetched)
  const client = new QueryClient()
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  )
  return { fetched, client, wrapper }
}
const canvas = { id: 'c1', name: 'Sales', favourite: false }

describe('a favourite', () => {
  it('is set also where something else is cached of canvases', async () => {
    const { client, wrapper } = setup(null)
    const key = ['canvases', 'all', '']
    client.setQueryData(key, { pages: [{ items: [canvas], next_cursor: null }], pageParams: [null] })
    client.setQueryData(['canvases', 'named', 'sa'], { items: [canvas] })
    const { result } = renderHook(() => useCanvasActions(), { wrapper })
    await result.current.favourite.mutateAsync({ id: 'c1', on: true })
    expect(client.getQueryData(key)).toMatchObject({ pages: [{ items: [{ favourite: true }] }] })
  })
})

describe('the list kept on this device', () => {
  const signIn = (id: string) => localStorage.setItem('jabiru.me', JSON.stringify({ user: { id } }))
  it('is shown to nobody else', async () => {
    signIn('ann')
    const { wrapper } = setup({ items: [canvas], next_cursor: null })
    renderHook(() => useCanvases({ view: 'all', query: '' }), { wrapper })
    await waitFor(() => expect(keptList()).toEqual([canvas]))
    signIn('ben')
    expect(keptList()).toEqual([])
    localStorage.setItem('jabiru.canvases', '"nonsense"')
    expect(keptList()).toEqual([])
  })
})

import { renderHook, waitFor } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'

const forgetDevice = vi.hoisted(() => vi.fn(async () => undefined))
vi.mock('./leave', () => ({ forgetDevice }))

import { useMe } from './me'

const person = (id: string) => ({
  user: { id, name: id, color: '#123456' },
  organization: { id: 'o', name: 'O' },
  role: 'owner',
})
const answer = (status: number, body: unknown) =>
  vi.stubGlobal(
    'fetch',
    async () => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } }),
  )
const ask = async (id: string) => {
  answer(200, person(id))
  const { result } = renderHook(() => useMe())
  await waitFor(() => expect(result.current.me?.user.id).toBe(id))
}

describe('who is signed in', () => {
  beforeEach(() => {
    localStorage.clear()
    sessionStorage.clear()
    forgetDevice.mockClear()
  })

  it('leaves the device as it is for the same person', async () => {
    await ask('ada')
    await ask('ada')
    expect(forgetDevice).not.toHaveBeenCalled()
  })

  it('takes everything of the person before away, also when their session had ended first', async () => {
    await ask('ada')
    answer(401, { title: 'Log in' })
    const { result } = renderHook(() => useMe())
    await waitFor(() => expect(result.current.error).not.toBeNull())
    expect(forgetDevice).not.toHaveBeenCalled()
    await ask('ben')
    expect(forgetDevice).toHaveBeenCalledTimes(1)
  })

  it('shows the last answer while the server is away', async () => {
    await ask('ada')
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('no network')))
    const { result } = renderHook(() => useMe())
    expect(result.current.me?.user.id).toBe('ada')
  })
})

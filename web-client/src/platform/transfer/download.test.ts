import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { saveBlob } from '../../canvas/blocks/download'
import { toast } from '../../ui/Toast'
import { downloadCanvas } from './download'
import { noteExport } from './note'

vi.mock('../../canvas/blocks/download', async (load) => ({
  ...(await load<typeof import('../../canvas/blocks/download')>()),
  saveBlob: vi.fn(),
}))
vi.mock('../../ui/Toast', () => ({ toast: vi.fn() }))
const saved = vi.mocked(saveBlob)
const said = vi.mocked(toast)

beforeEach(() => {
  saved.mockClear()
  said.mockClear()
})
afterEach(() => {
  vi.unstubAllGlobals()
  sessionStorage.clear()
})

const serve = (answer: () => Promise<Response>) => {
  const fetch = vi.fn((_path: string, _init?: RequestInit) => answer())
  vi.stubGlobal('fetch', fetch)
  return fetch
}

describe('a canvas as a file', () => {
  it('is named after the canvas and read with the token of the visit', async () => {
    sessionStorage.setItem('jabiru.token', 't0ken')
    const fetch = serve(async () => new Response('bytes'))
    await downloadCanvas('c 1', 'Sales: "Q4"')
    expect(fetch.mock.calls[0]?.[0]).toBe('/v1/canvases/c%201/export')
    expect(fetch.mock.calls[0]?.[1]?.headers).toEqual({ Authorization: 'Bearer t0ken' })
    expect(saved.mock.calls[0]?.[0]).toBe('Sales Q4.jabiru')
    expect(await saved.mock.calls[0]?.[1].text()).toBe('bytes')
    expect(said).not.toHaveBeenCalled()
  })

  it('is asked for once, however often the entry is pressed', async () => {
    const fetch = serve(async () => new Response('bytes'))
    await Promise.all([downloadCanvas('c', 'n'), downloadCanvas('c', 'n')])
    expect(fetch).toHaveBeenCalledTimes(1)
    await downloadCanvas('c', 'n')
    expect(fetch).toHaveBeenCalledTimes(2)
  })

  it('says why there is none', async () => {
    serve(async () => Response.json({ title: 'Forbidden', detail: 'This needs editor.' }, { status: 403 }))
    await downloadCanvas('c', 'n')
    serve(() => Promise.reject(new TypeError('network')))
    await downloadCanvas('c', 'n')
    expect(said.mock.calls.map(([text]) => text)).toEqual([
      'The canvas was not downloaded. This needs editor.',
      'The canvas was not downloaded. The server cannot be reached. Check that it runs, then try again.',
    ])
    expect(saved).not.toHaveBeenCalled()
  })
})

it('tells the server of a file made here, and does not mind when it is away', async () => {
  const fetch = serve(() => Promise.reject(new TypeError('network')))
  noteExport('c', 'b1', 'png')
  await vi.waitFor(() => expect(fetch).toHaveBeenCalledTimes(1))
  expect(fetch.mock.calls[0]?.[0]).toBe('/v1/canvases/c/exports')
  expect(fetch.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', body: '{"kind":"png","block":"b1"}' })
})

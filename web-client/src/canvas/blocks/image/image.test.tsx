import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, getContent, type JsonObject } from '../../../doc/schema'
import type { CanvasSession } from '../../../sync/session'
import { readImageContent } from './fields'
import ImageBlock from './ImageBlock'

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const picture = () => new File([PNG], 'logo.png', { type: 'image/png' })

class FakeRequest {
  static made: FakeRequest[] = []
  upload: { onprogress?: (event: unknown) => void } = {}
  onload: () => void = () => undefined
  onabort: () => void = () => undefined
  status = 0
  responseText = ''
  headers: Record<string, string> = {}
  aborted = false
  constructor() {
    FakeRequest.made.push(this)
  }
  open() {}
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value
  }
  send() {}
  abort() {
    this.aborted = true
    this.onabort()
  }
  answer(status: number, json: unknown) {
    this.status = status
    this.responseText = JSON.stringify(json)
    act(() => this.onload())
  }
}

const show = (content: JsonObject, readOnly = false) => {
  const doc = new Y.Doc()
  const id = addBlock(doc, 'image', content, [0, 0], [4, 4]) ?? ''
  const block = blocksMap(doc).get(id)
  if (!block) throw new Error('no block')
  const session = { doc, canEdit: true, undo: { stopCapturing: vi.fn() } } as unknown as CanvasSession
  const client = new QueryClient()
  const view = render(
    <QueryClientProvider client={client}>
      <ImageBlock id={id} block={block} session={session} readOnly={readOnly} />
    </QueryClientProvider>,
  )
  return { doc, id, block, view }
}
const NEW: JsonObject = { image_id: '', alt: '', caption: '', fit: 'contain' }
const answerWith = (response: () => Response | Promise<Response>) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => response()),
  )

beforeEach(() => {
  FakeRequest.made = []
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
  URL.createObjectURL = vi.fn(() => 'blob:here')
  URL.revokeObjectURL = vi.fn()
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const choose = async (file: File) => {
  fireEvent.change(screen.getByTestId('image-file'), { target: { files: [file] } })
}
const sent = async () => {
  await waitFor(() => expect(FakeRequest.made).toHaveLength(1))
  return FakeRequest.made[0] as FakeRequest
}

describe('an image block', () => {
  it('writes the image once the server has it, and shows it without reading it back', async () => {
    const fetched = vi.fn()
    vi.stubGlobal('fetch', fetched)
    const { doc, block } = show(NEW)
    let updates = 0
    doc.on('update', () => updates++)
    await choose(picture())
    const request = await sent()
    expect(request.headers['content-type']).toBe('image/png')
    act(() => request.upload.onprogress?.({ lengthComputable: true, loaded: 1, total: 4 }))
    expect(screen.getByRole<HTMLProgressElement>('progressbar').value).toBe(0.25)
    expect(updates).toBe(0)
    request.answer(201, { id: 'img-1', media_type: 'image/png', width: 1, height: 1, size_bytes: 8 })
    await waitFor(() => expect(screen.getByTestId('image').getAttribute('src')).toBe('blob:here'))
    expect(updates).toBe(1)
    expect(getContent(block, ['image_id'])).toBe('img-1')
    expect(fetched).not.toHaveBeenCalled()
  })

  it('says why a file is not taken, from here and from the server', async () => {
    const { block } = show(NEW)
    await choose(new File(['hello'], 'notes.png', { type: 'image/png' }))
    expect((await screen.findByRole('alert')).textContent).toMatch(/notes\.png was not taken.*not a PNG/)
    expect(FakeRequest.made).toHaveLength(0)
    await choose(picture())
    ;(await sent()).answer(422, { title: 'Too many pixels', detail: 'The image has 60 megapixels; 50 are taken.' })
    expect((await screen.findByRole('alert')).textContent).toMatch(/60 megapixels/)
    expect(getContent(block, ['image_id'])).toBe('')
  })

  it('writes nothing to a block that was deleted while it was sent, and stops when it goes away', async () => {
    const { doc, id, view } = show(NEW)
    await choose(picture())
    const request = await sent()
    blocksMap(doc).delete(id)
    request.answer(201, { id: 'img-1', media_type: 'image/png', width: 1, height: 1, size_bytes: 8 })
    await waitFor(() => expect(screen.queryByTestId('image-sending')).toBeNull())
    view.unmount()
    cleanup()
    FakeRequest.made = []
    const second = show(NEW)
    await choose(picture())
    const other = await sent()
    second.view.unmount()
    expect(other.aborted).toBe(true)
  })

  it('shows what is stored with its words, and gives the memory back', async () => {
    answerWith(() => new Response(PNG, { headers: { 'content-type': 'image/png' } }))
    const { view } = show({ image_id: 'img-1', alt: 'A logo', caption: 'Our logo', fit: 'cover' }, true)
    expect(screen.getByRole('status').getAttribute('aria-label')).toBe('Loading A logo')
    expect((await screen.findByAltText('A logo')).getAttribute('src')).toBe('blob:here')
    expect(screen.getByText('Our logo').tagName).toBe('FIGCAPTION')
    view.unmount()
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:here')
  })

  it('says what is wrong with an image that cannot be shown', async () => {
    answerWith(() => Response.json({ title: 'Not found', detail: 'There is no such image.' }, { status: 404 }))
    show({ ...NEW, image_id: 'gone' }, true)
    expect((await screen.findByRole('alert')).textContent).toBe('There is no such image.')
    expect(screen.queryByRole('button')).toBeNull()
    cleanup()
    answerWith(() => new Response('<html></html>', { headers: { 'content-type': 'text/html' } }))
    show({ ...NEW, image_id: 'page' }, true)
    expect((await screen.findByRole('alert', {}, { timeout: 4000 })).textContent).toMatch(/not an image/)
    cleanup()
    answerWith(() => new Response(PNG, { headers: { 'content-type': 'image/png' } }))
    show({ ...NEW, image_id: 'damaged' }, true)
    fireEvent.error(await screen.findByTestId('image'))
    expect(screen.getByText('This image could not be shown')).toBeTruthy()
  })

  it('asks an editor for a description, and nobody else', async () => {
    answerWith(() => new Response(PNG, { headers: { 'content-type': 'image/png' } }))
    const { block } = show({ ...NEW, image_id: 'img-1' })
    fireEvent.click(await screen.findByTestId('image-describe'))
    const field = screen.getByRole('textbox')
    fireEvent.change(field, { target: { value: ' A bird ' } })
    fireEvent.keyDown(field, { key: 'Enter' })
    expect(readImageContent(block).alt).toBe('A bird')
    expect(screen.queryByTestId('image-describe')).toBeNull()
    cleanup()
    show({ ...NEW, image_id: 'img-2' }, true)
    await screen.findByTestId('image')
    expect(screen.queryByTestId('image-describe')).toBeNull()
  })
})

it('reads what another program wrote as something sensible', () => {
  const { block } = show({ image_id: '../canvases', alt: 7, caption: null, fit: 'stretch' }, true)
  expect(readImageContent(block)).toEqual({ imageId: '', alt: '', caption: '', fit: 'contain' })
})

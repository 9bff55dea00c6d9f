import { describe, expect, it } from 'vitest'
import { ApiError } from '../../app/api'
import { checkImage, imageProblem, MAX_IMAGE, sniffImage } from './api'

const bytes = (...parts: (number | string)[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((c) => c.charCodeAt(0)) : [part])))
const PNG = bytes(0x89, 'PNG\r\n', 0x1a, '\n', 0, 0, 0, 0)

const refused = async (file: Blob): Promise<string> => {
  try {
    await checkImage(file)
  } catch (error) {
    if (error instanceof ApiError) return error.message
    throw error
  }
  throw new Error('it was taken')
}

describe('what a file is', () => {
  it('is seen by its first bytes, whatever it claims', async () => {
    expect(sniffImage(PNG)).toBe('image/png')
    expect(sniffImage(bytes(0xff, 0xd8, 0xff, 0xe0))).toBe('image/jpeg')
    expect(sniffImage(bytes('RIFF', 1, 2, 3, 4, 'WEBPVP8 '))).toBe('image/webp')
    expect(sniffImage(bytes('GIF89a'))).toBe('image/gif')
    expect(sniffImage(bytes('RIFF', 1, 2, 3, 4, 'WAVE'))).toBeNull()
    expect(sniffImage(bytes())).toBeNull()
    expect(await checkImage(new Blob([PNG], { type: 'image/jpeg' }))).toBe('image/png')
  })

  it('is refused in words', async () => {
    expect(await refused(new Blob([]))).toMatch(/empty/)
    expect(await refused(new Blob([PNG, new Uint8Array(MAX_IMAGE)]))).toMatch(/10\.1 MiB.*10 MiB at most/)
    expect(await refused(new Blob(['hello'], { type: 'image/png' }))).toMatch(/not a PNG, JPEG, WebP or GIF/)
    expect(await refused(new Blob(['<?xml version="1.0"?>\n<svg xmlns="">']))).toMatch(/SVG images can carry scripts/)
    expect(await refused(new Blob(['<SVG/>'], { type: 'image/png' }))).toMatch(/SVG/)
  })
})

it('has words for a refusal that brings none', () => {
  expect(imageProblem(413, '<html>too large</html>').message).toMatch(/10 MiB/)
  expect(
    imageProblem(422, '{"title":"Too many pixels","detail":"60 megapixels; 50 may be.","limit":50}'),
  ).toMatchObject({
    message: '60 megapixels; 50 may be.',
    extra: { limit: 50 },
  })
  expect(imageProblem(500, '').message).toMatch(/500/)
})

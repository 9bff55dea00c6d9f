/**
 * Images over HTTP: send one, read one. Owns the limits, and the words for a file that is not taken. Refuses to cache
 * (hooks.ts does) and to know about blocks.
 *
 * An image is read with the caller's token in a header and shown from memory: a token in an address would be logged, and
 * an `<img>` cannot send one.
 */
import { ApiError, refusal, visitToken } from '../../app/api'
import { upload } from '../../app/upload'

export interface UploadedImage {
  id: string
  media_type: string
  width: number
  height: number
  size_bytes: number
}

export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'] as const
export type ImageType = (typeof IMAGE_TYPES)[number]
/** Bytes of one image at most, as the server takes them. */
export const MAX_IMAGE = 10 * 1_048_576
/** For an `<input type="file">`. */
export const IMAGE_ACCEPT = IMAGE_TYPES.join(',')

const KINDS = 'PNG, JPEG, WebP or GIF'

/** What a file is by its first bytes; its name and its type are claims. Null for what is none of the four. */
export function sniffImage(bytes: Uint8Array): ImageType | null {
  const starts = (text: string, at = 0) => [...text].every((char, index) => bytes[at + index] === char.charCodeAt(0))
  if (bytes[0] === 0x89 && starts('PNG\r\n\u001a\n', 1)) return 'image/png'
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg'
  if (starts('RIFF') && starts('WEBP', 8)) return 'image/webp'
  return starts('GIF87a') || starts('GIF89a') ? 'image/gif' : null
}

const refused = (title: string, detail: string, status = 422): ApiError => new ApiError(status, title, detail)

const mebibytes = (bytes: number): string => (Math.ceil((bytes / 1_048_576) * 10) / 10).toLocaleString()

/** The type to send a file as. Throws in words what would be refused anyway, before ten megabytes are on their way. */
export async function checkImage(file: Blob): Promise<ImageType> {
  if (file.size === 0) throw refused('Empty', 'The file is empty.')
  if (file.size > MAX_IMAGE) {
    throw refused(
      'Too large',
      `The image has ${mebibytes(file.size)} MiB. An image may have ${MAX_IMAGE / 1_048_576} MiB at most.`,
      413,
    )
  }
  let head: Uint8Array
  try {
    head = new Uint8Array(await file.slice(0, 256).arrayBuffer())
  } catch {
    throw refused('Unreadable', 'The file could not be read. It may have been moved, or it is a folder.')
  }
  const type = sniffImage(head)
  if (type !== null) return type
  const text = new TextDecoder().decode(head).trimStart().toLowerCase()
  if (file.type === 'image/svg+xml' || text.startsWith('<svg') || (text.startsWith('<?xml') && text.includes('<svg'))) {
    throw refused('SVG', `SVG images can carry scripts and are not taken. Save it as ${KINDS}.`, 415)
  }
  throw refused('Not an image', `This is not a ${KINDS} image, whatever its name says.`, 415)
}

/** True for files a canvas may try to take as an image; what they really are is seen by `checkImage`. */
export const looksLikeImage = (file: Blob): boolean => file.type.startsWith('image/')

/** The problem in the body of a refusal, in words also where a proxy answered. */
export function imageProblem(status: number, body: string): ApiError {
  const words: Record<number, string> = {
    401: 'You are signed out. Open Jabiru again with a login link, then try again.',
    403: 'You may not do this here.',
    404: 'There is no such image any more, or you may not see it.',
    413: `The image is larger than the ${MAX_IMAGE / 1_048_576} MiB an image may have.`,
    415: `Only ${KINDS} images are taken.`,
    507: 'There is no room left for images on the server.',
  }
  return refusal(status, body, 'Refused', () => words[status])
}

/** Sends an image. `progress` is called with 0 to 1; 1 means sent, the server may still be looking at it. */
export async function uploadImage(
  file: Blob,
  progress?: (share: number) => void,
  signal?: AbortSignal,
): Promise<UploadedImage> {
  return upload({
    path: '/v1/images',
    file,
    contentType: await checkImage(file),
    ...(progress ? { progress } : {}),
    signal,
    problem: imageProblem,
    cutOff:
      'The image could not be sent: the server cannot be reached. Images need a connection; try again when it is back.',
  })
}

/** The bytes of an image. */
export async function readImage(id: string, signal?: AbortSignal): Promise<Blob> {
  const token = visitToken()
  let response: Response
  try {
    response = await fetch(`/v1/images/${encodeURIComponent(id)}`, {
      headers: { Accept: 'image/*', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
      credentials: 'same-origin',
      ...(signal ? { signal } : {}),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(
      0,
      'The server cannot be reached',
      'The server cannot be reached, and this image is not on this device. It appears by itself when the server is back.',
    )
  }
  if (!response.ok) throw imageProblem(response.status, await response.text().catch(() => ''))
  const blob = await response.blob()
  // Shown from memory it would be of our own origin: nothing but a picture may become one there.
  if (!(IMAGE_TYPES as readonly string[]).includes(blob.type)) {
    throw new ApiError(response.status, 'Not an image', 'The server sent something that is not an image.')
  }
  return blob
}

/** The content of an image block as this client understands it. */
import { type Block, getContent } from '../../../doc/schema'

export interface ImageContent {
  imageId: string
  alt: string
  caption: string
  fit: 'contain' | 'cover'
}

export const ALT_LIMIT = 500

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export function readImageContent(block: Block): ImageContent {
  const id = text(getContent(block, ['image_id']))
  return {
    // What is no id would become some other address of the server.
    imageId: /^[\w-]{1,64}$/.test(id) ? id : '',
    alt: text(getContent(block, ['alt'])).trim(),
    caption: text(getContent(block, ['caption'])).trim(),
    fit: getContent(block, ['fit']) === 'cover' ? 'cover' : 'contain',
  }
}

/** The picture among dropped or pasted files: the first that claims to be one. */
export const pictureIn = (data: DataTransfer | null): File | null =>
  [...(data?.files ?? [])].find((file) => file.type.startsWith('image/')) ?? null

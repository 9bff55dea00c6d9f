/** The content of a heading as this client understands it, and the one way its text is written. */
import * as Y from 'yjs'
import { type Block, contentOf, edit, getContent, setContent } from '../../../doc/schema'

export const LEVELS = [1, 2, 3] as const
export type Level = (typeof LEVELS)[number]
export interface HeadingContent {
  text: string
  level: Level
  line: boolean
}

/** Longer than this is a paragraph, which a narrative is for. */
export const HEADING_LIMIT = 200

export function readHeading(block: Block): HeadingContent {
  const text = getContent(block, ['text'])
  const level = getContent(block, ['level'])
  return {
    text: typeof text === 'string' || typeof text === 'number' ? String(text) : '',
    level: level === 1 || level === 3 ? level : 2,
    line: getContent(block, ['line']) !== false,
  }
}

/** Writes the text, unless it is what it was. One line: a pasted break becomes a space. */
export function writeHeading(block: Block, text: string): void {
  const clean = text.replace(/\s+/g, ' ').trim().slice(0, HEADING_LIMIT)
  if (clean === readHeading(block).text) return
  const leaf = contentOf(block).get('text')
  if (leaf instanceof Y.Text && block.doc) {
    // Another program made it a shared text. Replacing that would lose what somebody types in it there.
    edit(block.doc, () => {
      leaf.delete(0, leaf.length)
      leaf.insert(0, clean)
    })
  } else setContent(block, ['text'], clean)
}

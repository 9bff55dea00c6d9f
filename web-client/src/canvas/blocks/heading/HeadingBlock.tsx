/**
 * The title of a section, written in place. Typing is local; leaving the field or Enter writes it, Escape puts it back.
 */
import { useEffect, useRef, useState } from 'react'
import { type BlockProps, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { HEADING_LIMIT, readHeading, writeHeading } from './fields'
import './heading.css'

export default function HeadingBlock({ block, session, readOnly }: BlockProps) {
  const { text, level, line } = useY(block, readHeading)
  const [draft, setDraft] = useState<string | null>(null)
  const cancelled = useRef(false)
  // Below the page's own h1 and h2. A small heading is an h3 too: it may stand first, and an outline must not skip.
  const Tag = level === 1 ? 'h2' : 'h3'

  // The field went away under somebody's hands: what stood in it must not come back with it.
  useEffect(() => {
    if (readOnly) setDraft(null)
  }, [readOnly])

  const done = () => {
    if (draft !== null && !cancelled.current) {
      step(session, () => writeHeading(block, draft))
    }
    setDraft(null)
  }

  return (
    <div className="heading" data-level={level} data-line={line ? '' : undefined}>
      {readOnly ? (
        <Tag className="heading-text">{text}</Tag>
      ) : (
        <>
          {text !== '' && <Tag className="visually-hidden">{text}</Tag>}
          <input
            className="heading-text"
            aria-label="Text of the heading"
            placeholder="Heading"
            data-testid="heading-text"
            maxLength={HEADING_LIMIT}
            value={draft ?? text}
            title={text}
            onFocus={() => {
              cancelled.current = false
            }}
            onChange={(event) => setDraft(event.currentTarget.value)}
            onBlur={done}
            onKeyDown={(event) => {
              if (event.nativeEvent.isComposing) return
              if (event.key === 'Escape') cancelled.current = true
              if (event.key !== 'Escape' && event.key !== 'Enter') return
              event.preventDefault()
              // Back to the block around it, where the keys of the canvas work again.
              const frame = event.currentTarget.closest<HTMLElement>('[data-block-id]')
              event.currentTarget.blur()
              frame?.focus({ preventScroll: true })
            }}
          />
        </>
      )}
    </div>
  )
}

/**
 * The name of the canvas, in its bar. Typing is local; leaving the field or Enter writes it, Escape puts it back. Whoever
 * only looked into the field has written nothing: somebody else may have renamed the canvas meanwhile.
 */
import { useEffect, useRef, useState } from 'react'
import { NAME_LIMIT } from '../doc/limits'
import { canvasMap, canvasName, renameCanvas, step } from '../doc/schema'
import { useY } from '../doc/useY'
import type { CanvasSession } from '../sync/session'

export function Title({ session, readOnly }: { session: CanvasSession; readOnly: boolean }) {
  const name = useY(canvasMap(session.doc), () => canvasName(session.doc))
  const [draft, setDraft] = useState<string | null>(null)
  const cancelled = useRef(false)
  useEffect(() => {
    document.title = name === '' ? 'Jabiru' : `${name} · Jabiru`
  }, [name])
  return (
    <span className="bar-title">
      <h1 className="visually-hidden">{name}</h1>
      <span className="bar-title-size" aria-hidden="true">
        {draft ?? name}
      </span>
      <input
        aria-label="Name of the canvas"
        data-testid="canvas-title"
        size={1}
        maxLength={NAME_LIMIT}
        readOnly={readOnly}
        value={draft ?? name}
        onFocus={(event) => {
          cancelled.current = false
          if (!readOnly) event.currentTarget.select()
        }}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onBlur={() => {
          if (draft !== null && !cancelled.current) step(session, () => renameCanvas(session.doc, draft))
          setDraft(null)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') cancelled.current = true
          if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur()
        }}
      />
    </span>
  )
}

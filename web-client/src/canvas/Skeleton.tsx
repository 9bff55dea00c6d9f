/** Before a canvas is here: its blocks as they were when this tab last saw it, so that nothing jumps when they come. */
import { useEffect } from 'react'
import { blocksMap } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { storedOf } from './actions'
import { breakpointOf, COLUMNS, GAP, layoutOf, ROW } from './layout'

type Box = readonly [x: number, y: number, w: number, h: number]

/** What most canvases look like; shown when this one was never seen here. */
const USUAL: readonly Box[] = [
  [0, 0, 6, 4],
  [6, 0, 6, 4],
  [0, 4, 12, 6],
]
/** A first screen has no more. */
const MOST = 24
const keyOf = (canvasId: string): string => `jabiru.shape.${canvasId}`

const remembered = (canvasId: string): readonly Box[] => {
  try {
    const boxes: unknown = JSON.parse(sessionStorage.getItem(keyOf(canvasId)) ?? '')
    if (!Array.isArray(boxes)) return USUAL
    return boxes.filter((box): box is Box => Array.isArray(box) && box.length === 4 && box.every(Number.isFinite))
  } catch {
    return USUAL
  }
}

/** Remembers the places of the first blocks when the canvas is left. */
export function useShape(session: CanvasSession, ready: boolean): void {
  useEffect(() => {
    if (!ready) return
    const keep = (): void => {
      const cells = layoutOf(storedOf(blocksMap(session.doc)), breakpointOf(innerWidth))
      const boxes = [...cells]
        .sort((a, b) => a.y - b.y || a.x - b.x)
        .slice(0, MOST)
        .map(({ x, y, w, h }) => [x, y, w, h])
      try {
        sessionStorage.setItem(keyOf(session.canvasId), JSON.stringify(boxes))
      } catch {
        // Without storage the usual shape is shown.
      }
    }
    addEventListener('pagehide', keep)
    return () => {
      removeEventListener('pagehide', keep)
      keep()
    }
  }, [session, ready])
}

export function Skeleton({ canvasId }: { canvasId: string }) {
  const columns = COLUMNS[breakpointOf(innerWidth)]
  const scale = columns / COLUMNS.lg
  const boxes = remembered(canvasId)
  return (
    <div
      className="canvas-skeleton"
      style={{ gridTemplateColumns: `repeat(${columns}, 1fr)`, gridAutoRows: ROW, gap: GAP }}
    >
      {boxes.map(([x, y, w, h]) => {
        // The usual shape is made for twelve columns; what is remembered fits already.
        const [left, wide] = boxes === USUAL ? [Math.floor(x * scale), Math.max(1, Math.round(w * scale))] : [x, w]
        const row = boxes === USUAL && columns === 1 ? 'auto' : `${y + 1}`
        return <i key={`${x}-${y}`} style={{ gridArea: `${row} / ${left + 1} / span ${h} / span ${wide}` }} />
      })}
    </div>
  )
}

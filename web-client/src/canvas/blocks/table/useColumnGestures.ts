/**
 * Dragging a column to another place, and its edge to another width. Owns one gesture at a time, from the press to the
 * release, Escape or the loss of the pointer; says where it stands and, once, what came of it. Writes nothing itself.
 */
import { type PointerEvent as ReactPointerEvent, type RefObject, useEffect, useMemo, useRef } from 'react'
import { clampWidth, type TableColumn } from './columns'

/** A press that moves less than this many pixels is a click. */
const SLOP = 5
/** Distance from the edge of the table at which it scrolls, and pixels it scrolls by with each move of the pointer. */
const EDGE = 28
const SPEED = 10

interface Gesture {
  pointer: number
  move: (event: PointerEvent) => void
  /** `kept` is false when the gesture was called off. */
  end: (kept: boolean) => void
}

/** Follows one pointer until it is released. */
function createTracker() {
  let running: Gesture | null = null
  const finish = (kept: boolean): void => {
    const gesture = running
    if (gesture === null) return
    running = null
    removeEventListener('pointermove', onMove)
    removeEventListener('pointerup', onUp)
    removeEventListener('pointercancel', onCancel)
    removeEventListener('blur', onCancel)
    removeEventListener('keydown', onKey, true)
    gesture.end(kept)
  }
  const onMove = (event: PointerEvent): void => {
    if (running?.pointer === event.pointerId) running.move(event)
  }
  const onUp = (event: PointerEvent): void => {
    if (running?.pointer === event.pointerId) finish(true)
  }
  const onCancel = (): void => finish(false)
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    finish(false)
  }
  const start = (gesture: Gesture): void => {
    if (running !== null) return
    running = gesture
    addEventListener('pointermove', onMove)
    addEventListener('pointerup', onUp)
    addEventListener('pointercancel', onCancel)
    addEventListener('blur', onCancel)
    addEventListener('keydown', onKey, true)
  }
  return { start, cancel: onCancel }
}

export interface ColumnGestureHost {
  head: RefObject<HTMLElement | null>
  scroll: RefObject<HTMLElement | null>
  widthOf: (field: string) => number
  /** The column that is held, and the one before which it would stand; null when none is held. */
  onDrag: (drag: { field: string; before: string | null } | null) => void
  onDrop: (field: string, before: string | null) => void
  onHold: (held: { field: string; width: number } | null) => void
  onWidth: (column: TableColumn, width: number) => void
}

export function useColumnGestures(host: ColumnGestureHost) {
  const latest = useRef(host)
  latest.current = host
  const gestures = useMemo(() => createGestures(() => latest.current), [])
  useEffect(() => gestures.cancel, [gestures])
  return gestures
}

function createGestures(host: () => ColumnGestureHost) {
  const tracker = createTracker()
  /** A press that became a drag is not a click any more. */
  let dragged = false
  let typed: { column: TableColumn; width: number } | null = null

  const headers = (): HTMLElement[] => [...(host().head.current?.querySelectorAll<HTMLElement>('[data-field]') ?? [])]

  const drag = (event: ReactPointerEvent, column: TableColumn): void => {
    dragged = false
    if (event.button !== 0) return
    const from = event.clientX
    let ghost: HTMLElement | null = null
    let before: string | null | undefined
    tracker.start({
      pointer: event.pointerId,
      move: ({ clientX, clientY }) => {
        if (ghost === null) {
          if (Math.abs(clientX - from) < SLOP) return
          dragged = true
          ghost = document.createElement('div')
          ghost.className = 'tbl-ghost'
          ghost.textContent = column.header
          document.body.append(ghost)
        }
        ghost.style.transform = `translate(${clientX + 10}px, ${clientY + 8}px)`
        scrollAt(clientX)
        const next = targetAt(column.field, clientX)
        if (next === before) return
        before = next
        host().onDrag({ field: column.field, before })
      },
      end: (kept) => {
        ghost?.remove()
        host().onDrag(null)
        if (kept && before !== undefined) host().onDrop(column.field, before)
      },
    })
  }

  const scrollAt = (x: number): void => {
    const element = host().scroll.current
    const box = element?.getBoundingClientRect()
    if (!element || !box) return
    if (x > box.right - EDGE) element.scrollLeft += SPEED
    else if (x < box.left + EDGE) element.scrollLeft -= SPEED
  }

  /** The column before which one would stand that is let go at `x`: half of a column's width decides. */
  const targetAt = (field: string, x: number): string | null => {
    for (const header of headers()) {
      const { left, width } = header.getBoundingClientRect()
      const name = header.dataset.field
      if (name !== undefined && name !== field && x < left + width / 2) return name
    }
    return null
  }

  const resize = (event: ReactPointerEvent, column: TableColumn): void => {
    if (event.button !== 0) return
    // The press is the edge's alone: it neither sorts nor drags the column.
    event.preventDefault()
    event.stopPropagation()
    const from = event.clientX
    const start = host().widthOf(column.field)
    let width = start
    tracker.start({
      pointer: event.pointerId,
      move: ({ clientX }) => {
        width = clampWidth(start + clientX - from)
        host().onHold({ field: column.field, width })
      },
      end: (kept) => {
        if (kept && width !== start) host().onWidth(column, width)
        host().onHold(null)
      },
    })
  }

  /** As long as a key is held the width is only shown; letting go keeps it. */
  const widen = (column: TableColumn, by: number): void => {
    const width = clampWidth((typed?.column === column ? typed.width : host().widthOf(column.field)) + by)
    typed = { column, width }
    host().onHold({ field: column.field, width })
  }
  const widened = (): void => {
    if (typed === null) return
    const { column, width } = typed
    typed = null
    host().onWidth(column, width)
    host().onHold(null)
  }

  return { drag, resize, widen, widened, wasDrag: () => dragged, cancel: tracker.cancel }
}

export type ColumnGestures = ReturnType<typeof createGestures>

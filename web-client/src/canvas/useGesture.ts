/**
 * Dragging and resizing with a pointer.
 *
 * Owns: one gesture at a time, from pointer down to drop, Escape, or the block's disappearance. Refuses: writing
 * anything but the drop, and rendering (the grid draws `preview`).
 *
 * Every frame plans again from the layout as it is *now*, so that what others do meanwhile is neither lost nor undone by
 * the drop. The held block follows the pointer through styles that React does not manage; React hears of a gesture only
 * when the cell under it changes, at most once a frame.
 */
import { type RefObject, useEffect, useMemo, useRef } from 'react'
import type { CanvasSession } from '../sync/session'
import { commitPlan, minSizeOf, tell } from './actions'
import { type Cell, cellAt, type Metrics, ROW, rectOf, sizeAt, withMove, withSize } from './layout'
import type { Preview, UiStore } from './ui'

/** A press that moves less than this many pixels is a click. */
const SLOP = 4
/** Distance from an edge at which the canvas scrolls, and the most it scrolls in one frame. Pixels. */
const EDGE = 48
const SPEED = 14

export type GestureHost = {
  session: CanvasSession
  ui: UiStore
  grid: RefObject<HTMLElement | null>
  scroller: RefObject<HTMLElement | null>
  /** The layout drawn without any gesture, as of now. */
  base: () => readonly Cell[]
  metrics: () => Metrics
  enabled: () => boolean
}

type Running = {
  id: string
  kind: Preview['kind']
  element: HTMLElement
  pointer: number
  /** Where the pointer is, in the window. */
  x: number
  y: number
  /** Where it was pressed, in the grid, and the block's rectangle then. */
  fromX: number
  fromY: number
  from: ReturnType<typeof rectOf>
  started: boolean
  frame: number
}

export const planFor = (base: readonly Cell[], preview: Preview, columns: number): Cell[] =>
  preview.kind === 'move'
    ? withMove(base, preview.id, preview.x, preview.y, columns)
    : // The measured size is within the limits of its type already.
      withSize(base, preview.id, preview.w, preview.h, columns, [1, 1])

export function useGesture(host: GestureHost): {
  start: (event: PointerEvent, id: string, kind: Preview['kind']) => void
  end: () => void
} {
  const latest = useRef(host)
  latest.current = host
  const gesture = useMemo(() => createGesture(() => latest.current), [])
  useEffect(() => gesture.end, [gesture])
  return gesture
}

const createGesture = (host: () => GestureHost) => {
  let running: Running | null = null

  const gridPoint = (x: number, y: number): [number, number] => {
    const box = host().grid.current?.getBoundingClientRect()
    return [x - (box?.left ?? 0), y - (box?.top ?? 0)]
  }

  const start = (event: PointerEvent, id: string, kind: Preview['kind']): void => {
    const { enabled, base, metrics, grid } = host()
    const cell = base().find((other) => other.id === id)
    const element = grid.current?.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)
    if (running !== null || event.button !== 0 || !enabled() || cell === undefined || cell.fixed || !element) return
    event.preventDefault()
    const [fromX, fromY] = gridPoint(event.clientX, event.clientY)
    const from = rectOf(cell, metrics())
    running = {
      id,
      kind,
      element,
      pointer: event.pointerId,
      x: event.clientX,
      y: event.clientY,
      fromX,
      fromY,
      from,
      started: false,
      frame: 0,
    }
    // preventDefault above also kept the focus where it was, perhaps in a text editor on the other side of the canvas.
    element.focus({ preventScroll: true })
    addEventListener('pointermove', onMove)
    addEventListener('pointerup', onUp)
    addEventListener('pointercancel', end)
    addEventListener('keydown', onKey, true)
    addEventListener('blur', end)
  }

  const onMove = (event: PointerEvent): void => {
    if (running === null || event.pointerId !== running.pointer) return
    const far = Math.hypot(event.clientX - running.x, event.clientY - running.y)
    if (!running.started) {
      if (far < SLOP) return
      running.started = true
      running.element.dataset.held = running.kind
      document.documentElement.dataset.gesture = running.kind
      running.frame = requestAnimationFrame(tick)
    }
    running.x = event.clientX
    running.y = event.clientY
  }

  /** One frame: scroll at the edges, put the block under the pointer, and tell React if the cell is another one. */
  const tick = (): void => {
    if (running === null) return
    const { base, metrics, ui, session } = host()
    if (!running.element.isConnected || !base().some((cell) => cell.id === running?.id) || !host().enabled()) {
      // Somebody deleted it, or the canvas turned read-only.
      end()
      return
    }
    autoScroll()
    const preview = measure()
    const shown = ui.getState().preview
    if (
      shown === null ||
      shown.x !== preview.x ||
      shown.y !== preview.y ||
      shown.w !== preview.w ||
      shown.h !== preview.h
    ) {
      ui.setState({ preview })
      const cell = planFor(base(), preview, metrics().columns).find((other) => other.id === preview.id)
      if (cell !== undefined) session.presence.setDrag({ id: cell.id, x: cell.x, y: cell.y, w: cell.w, h: cell.h })
    }
    running.frame = requestAnimationFrame(tick)
  }

  const measure = (): Preview => {
    const now = running as Running
    const { metrics, base } = host()
    const size = metrics()
    const [x, y] = gridPoint(now.x, now.y)
    const dx = x - now.fromX
    const dy = y - now.fromY
    const { style } = now.element
    const cell = base().find((other) => other.id === now.id) as Cell
    if (now.kind === 'move') {
      style.setProperty('--dx', `${dx}px`)
      style.setProperty('--dy', `${dy}px`)
      const [cx, cy] = cellAt(now.from.left + dx, now.from.top + dy, size)
      return {
        id: now.id,
        ids: [now.id],
        kind: 'move',
        x: Math.max(0, Math.min(size.columns - cell.w, cx)),
        y: cy,
        w: cell.w,
        h: cell.h,
      }
    }
    const width = Math.max(80, now.from.width + dx)
    const height = Math.max(ROW, now.from.height + dy)
    style.setProperty('--dw', `${width - now.from.width}px`)
    style.setProperty('--dh', `${height - now.from.height}px`)
    const [w, h] = sizeAt(width, height, size)
    const [least, low] = minSizeOf(host().session, now.id)
    const limits = { w: Math.max(Math.min(least, size.columns), w), h: Math.max(low, h) }
    return { id: now.id, ids: [now.id], kind: 'resize', x: cell.x, y: cell.y, ...limits }
  }

  const autoScroll = (): void => {
    const scroller = host().scroller.current
    if (scroller === null || running === null) return
    const box = scroller.getBoundingClientRect()
    const above = box.top + EDGE - running.y
    const below = running.y - (box.bottom - EDGE)
    const by = below > 0 ? below : above > 0 ? -above : 0
    if (by !== 0) scroller.scrollTop += Math.sign(by) * Math.min(SPEED, Math.ceil(Math.abs(by) / 4))
  }

  const onUp = (event: PointerEvent): void => {
    if (running === null || event.pointerId !== running.pointer) return
    const { started, id, kind } = running
    const { base, metrics, session, ui } = host()
    if (started && running.element.isConnected && base().some((cell) => cell.id === id)) {
      running.x = event.clientX
      running.y = event.clientY
      const preview = measure()
      const from = base()
      commitPlan(session, id, from, planFor(from, preview, metrics().columns))
      tell(session, ui, id, kind === 'move' ? 'moved to' : 'is now')
    }
    end()
  }

  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || running === null) return
    event.preventDefault()
    event.stopPropagation()
    end()
  }

  /** Lets go without writing anything. */
  const end = (): void => {
    if (running === null) return
    const { element, frame } = running
    cancelAnimationFrame(frame)
    running = null
    for (const name of ['--dx', '--dy', '--dw', '--dh']) element.style.removeProperty(name)
    delete element.dataset.held
    delete document.documentElement.dataset.gesture
    removeEventListener('pointermove', onMove)
    removeEventListener('pointerup', onUp)
    removeEventListener('pointercancel', end)
    removeEventListener('keydown', onKey, true)
    removeEventListener('blur', end)
    const { ui, session } = host()
    ui.setState({ preview: null })
    session.presence.setDrag(null)
  }

  return { start, end }
}

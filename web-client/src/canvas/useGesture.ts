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
import type { Breakpoint } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { commitPlan, minSizeOf, tell, wideCells } from './actions'
import { edgeScroll } from './edgeScroll'
import { type Cell, cellAt, isWide, type Metrics, ROW, rectOf, sizeAt, withShift, withSize } from './layout'
import { type Preview, select, type UiStore } from './ui'

/** A press that moves less than this many pixels is a click. */
const SLOP = 4
export type GestureHost = {
  session: CanvasSession
  ui: UiStore
  grid: RefObject<HTMLElement | null>
  scroller: RefObject<HTMLElement | null>
  /** The layout drawn without any gesture, as of now. */
  base: () => readonly Cell[]
  metrics: () => Metrics
  breakpoint: () => Breakpoint
  enabled: () => boolean
}

type Running = {
  /** The block under the pointer, and all that are held with it. */
  id: string
  ids: readonly string[]
  kind: Preview['kind']
  element: HTMLElement
  elements: readonly HTMLElement[]
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
    ? movedBy(base, preview, columns)
    : // The measured size is within the limits of its type already.
      withSize(base, preview.id, preview.w, preview.h, columns, [1, 1])

const movedBy = (base: readonly Cell[], { id, ids, x, y }: Preview, columns: number): Cell[] => {
  const cell = base.find((other) => other.id === id)
  return cell === undefined ? [...base] : withShift(base, ids, x - cell.x, y - cell.y, columns)
}

export function useGesture(host: GestureHost): {
  start: (event: PointerEvent, id: string, ids: readonly string[], kind: Preview['kind']) => void
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

  const frameOf = (id: string): HTMLElement | null =>
    host().grid.current?.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`) ?? null

  const start = (event: PointerEvent, id: string, ids: readonly string[], kind: Preview['kind']): void => {
    const { enabled, base, metrics } = host()
    const cell = base().find((other) => other.id === id)
    const element = frameOf(id)
    if (running !== null || event.button !== 0 || !enabled() || cell === undefined || cell.fixed || !element) return
    event.preventDefault()
    const [fromX, fromY] = gridPoint(event.clientX, event.clientY)
    const from = rectOf(cell, metrics())
    running = {
      id,
      ids,
      kind,
      element,
      elements: ids.flatMap((one) => frameOf(one) ?? []),
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
      for (const element of running.elements) element.dataset.held = running.kind
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
    edgeScroll(host().scroller.current, running.y)
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
      show(session, planFor(base(), preview, metrics().columns), preview)
    }
    running.frame = requestAnimationFrame(tick)
  }

  /** Others see the places in the wide arrangement. On a narrow one they see which blocks are held, where they are. */
  const show = (session: CanvasSession, plan: readonly Cell[], { id, ids }: Preview): void => {
    const cells = isWide(host().breakpoint()) ? plan : wideCells(session)
    const held = cells.filter((cell) => ids.includes(cell.id)).sort((a, b) => Number(b.id === id) - Number(a.id === id))
    const drags = held.map(({ id, x, y, w, h }) => ({ id, x, y, w, h }))
    session.presence.setDrag(drags.length === 1 && drags[0] !== undefined ? drags[0] : drags)
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
      for (const element of now.elements) {
        element.style.setProperty('--dx', `${dx}px`)
        element.style.setProperty('--dy', `${dy}px`)
      }
      const [cx, cy] = cellAt(now.from.left + dx, now.from.top + dy, size)
      return {
        id: now.id,
        ids: now.ids,
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

  const onUp = (event: PointerEvent): void => {
    if (running === null || event.pointerId !== running.pointer) return
    const { started, id, ids, kind } = running
    const { base, metrics, session, ui } = host()
    if (started && running.element.isConnected && base().some((cell) => cell.id === id)) {
      running.x = event.clientX
      running.y = event.clientY
      const preview = measure()
      const from = base()
      const own = from.filter((cell) => ids.includes(cell.id)).map((cell) => cell.id)
      commitPlan(session, own, from, planFor(from, preview, metrics().columns), host().breakpoint())
      tell(session, ui, own, kind === 'move' ? 'moved to' : 'is now')
    } else if (!started) {
      // A press on one of several that went nowhere means that one.
      select(ui, [id])
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
    const { elements, frame } = running
    cancelAnimationFrame(frame)
    running = null
    for (const element of elements) {
      for (const name of ['--dx', '--dy', '--dw', '--dh']) element.style.removeProperty(name)
      delete element.dataset.held
    }
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

/**
 * The grid: places frames, draws the preview of a running gesture, and listens for presses on handles.
 *
 * Owns the size of the drawing area and which breakpoint is shown. Other people's presence is drawn by `presence/Overlay`,
 * which is told of every layout and never goes through React state.
 */
import { type PointerEvent as ReactPointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useStore } from 'zustand'
import { type Blocks, blocksMap } from '../doc/schema'
import { useY } from '../doc/useY'
import { Overlay } from '../presence/overlay'
import type { CanvasSession } from '../sync/session'
import { storedOf } from './actions'
import { createNear, Frame, type Near } from './Frame'
import {
  bottomOf,
  breakpointOf,
  type Cell,
  COLUMNS,
  canArrange,
  GAP,
  layoutOf,
  type Metrics,
  type Rect,
  ROW,
  readingOrder,
  rectOf,
} from './layout'
import { select, toggleSelected, type UiStore } from './ui'
import { planFor, useGesture } from './useGesture'

type GridProps = {
  session: CanvasSession
  ui: UiStore
  readOnly: boolean
  scroller: React.RefObject<HTMLElement | null>
}

/**
 * DOM order is reading order, except while somebody types in a block: moving its element would take the focus and the
 * running composition away. The order is then caught up on the next render.
 */
const domOrder = (
  previous: readonly string[],
  wanted: readonly string[],
  grid: HTMLElement | null,
): readonly string[] => {
  const active = document.activeElement
  const typing =
    active instanceof HTMLElement && grid !== null && grid.contains(active) && !active.matches('[data-block-id]')
  if (!typing) return wanted
  const present = new Set(wanted)
  const kept = previous.filter((id) => present.has(id))
  const known = new Set(kept)
  return [...kept, ...wanted.filter((id) => !known.has(id))]
}

export function Grid({ session, ui, readOnly, scroller }: GridProps) {
  const blocks: Blocks = blocksMap(session.doc)
  const stored = useY(blocks, storedOf)
  const preview = useStore(ui, (state) => state.preview)
  const grid = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [breakpoint, setBreakpoint] = useState(() => breakpointOf(innerWidth))
  const [near, setNear] = useState<Near | null>(null)
  const columns = COLUMNS[breakpoint]
  const metrics: Metrics = { width, columns }
  const base = useMemo(() => layoutOf(stored, breakpoint), [stored, breakpoint])
  const plan = useMemo(
    () => (preview !== null && base.some((cell) => cell.id === preview.id) ? planFor(base, preview, columns) : base),
    [base, preview, columns],
  )
  const arrangeable = canArrange(breakpoint)

  useLayoutEffect(() => {
    const element = grid.current
    if (element === null) return
    const measure = (): void => {
      setWidth(element.clientWidth)
      // The side panel narrows the grid but is no reason to rearrange it: the window decides the breakpoint.
      setBreakpoint(breakpointOf(innerWidth))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    addEventListener('resize', measure)
    return () => {
      observer.disconnect()
      removeEventListener('resize', measure)
    }
  }, [])

  useEffect(() => {
    if (scroller.current === null) return
    const made = createNear(scroller.current)
    setNear(made)
    return made.stop
  }, [scroller])

  // Handlers read the newest layout through this, so that they stay the same functions.
  const latest = useRef({ base, metrics, readOnly, arrangeable })
  latest.current = { base, metrics, readOnly, arrangeable }
  const gesture = useGesture({
    session,
    ui,
    grid,
    scroller,
    base: () => latest.current.base,
    metrics: () => latest.current.metrics,
    enabled: () => !latest.current.readOnly && latest.current.arrangeable,
  })

  const overlay = useRef<Overlay | null>(null)
  useEffect(() => {
    if (grid.current === null) return
    const made = new Overlay(grid.current, session.awareness)
    overlay.current = made
    return () => {
      made.dispose()
      overlay.current = null
    }
  }, [session])

  // The block in the hand keeps the place it was taken from: the pointer moves it, not the plan.
  const held = useRef<{ id: string; rect: Rect } | null>(null)
  if (preview === null) held.current = null
  else if (held.current?.id !== preview.id) {
    const cell = base.find((other) => other.id === preview.id)
    held.current = cell === undefined ? null : { id: cell.id, rect: rectOf(cell, metrics) }
  }

  const order = useRef<readonly string[]>([])
  order.current = domOrder(
    order.current,
    readingOrder(base).map((cell) => cell.id),
    grid.current,
  )
  const cells = new Map<string, Cell>(plan.map((cell) => [cell.id, cell]))
  const target = preview === null ? undefined : cells.get(preview.id)
  const rows = Math.max(bottomOf(plan), bottomOf(base))

  useLayoutEffect(() => {
    const rects = new Map(plan.map((cell) => [cell.id, rectOf(cell, { width, columns })]))
    overlay.current?.layout(rects, { width, columns })
  })

  const onPointerDown = (event: ReactPointerEvent): void => {
    const at = event.target as HTMLElement
    const frame = at.closest<HTMLElement>('[data-block-id]')
    const id = frame?.dataset.blockId
    if (id === undefined) {
      if (event.button === 0) select(ui, [])
      return
    }
    if (at.closest('.frame-tools') !== null) return
    if (event.shiftKey && at.closest('.frame-bar') !== null) {
      toggleSelected(ui, id)
      event.preventDefault()
      return
    }
    select(ui, [id])
    if (at.closest('[data-resize]') !== null) gesture.start(event.nativeEvent, id, 'resize')
    else if (at.closest('[data-drag]') !== null) gesture.start(event.nativeEvent, id, 'move')
  }

  const onFocus = (event: React.FocusEvent): void => {
    const id = (event.target as HTMLElement).dataset.blockId
    if (id !== undefined && !ui.getState().selected.includes(id)) select(ui, [id])
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: presses are delegated; every one has a key and a menu entry
    <div
      ref={grid}
      className="grid"
      data-testid="grid"
      data-breakpoint={breakpoint}
      style={{ height: rows === 0 ? undefined : rows * (ROW + GAP) - GAP }}
      onPointerDown={onPointerDown}
      onFocus={onFocus}
    >
      {near !== null &&
        width > 0 &&
        order.current.map((id) => {
          const cell = cells.get(id)
          const block = blocks.get(id)
          if (cell === undefined || block === undefined) return null
          const rect = held.current?.id === id ? held.current.rect : rectOf(cell, metrics)
          return (
            <Frame
              key={id}
              id={id}
              block={block}
              session={session}
              ui={ui}
              readOnly={readOnly}
              arrangeable={arrangeable}
              near={near}
              {...rect}
            />
          )
        })}
      {target !== undefined && <Placeholder rect={rectOf(target, metrics)} />}
    </div>
  )
}

function Placeholder({ rect }: { rect: Rect }) {
  return (
    <div
      className="grid-placeholder"
      data-testid="placeholder"
      style={{ transform: `translate(${rect.left}px, ${rect.top}px)`, width: rect.width, height: rect.height }}
    />
  )
}

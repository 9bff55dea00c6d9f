/**
 * The grid: places frames, draws the preview of a running gesture, and listens for presses on handles.
 *
 * Owns the size of the drawing area and which breakpoint is shown. Other people's presence is drawn by `presence/Overlay`,
 * which is told of every layout and never goes through React state.
 */
import { type PointerEvent as ReactPointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useStore } from 'zustand'
import { type At, type Blocks, blocksMap, isLocked } from '../doc/schema'
import { useY } from '../doc/useY'
import type { Overlay } from '../presence/overlay'
import type { CanvasSession } from '../sync/session'
import { useIdle, whenIdle } from '../ui/idle'
import { labelsOf, storedOf, toldApart } from './actions'
import { ARRIVING, arrivingCell } from './arrive'
import { createNear, Frame, type Near } from './Frame'
import {
  bottomOf,
  breakpointOf,
  type Cell,
  COLUMNS,
  canArrange,
  columnWidth,
  GAP,
  layoutOf,
  type Metrics,
  type Rect,
  ROW,
  readingOrder,
  rectOf,
  withGroup,
} from './layout'
import { startMarquee } from './marquee'
import { openAdding, select, toggleSelected, type UiStore } from './ui'
import { planFor, useGesture } from './useGesture'

/** Where Shift or Ctrl and a click already mean something: links, buttons, and a text somebody is writing in. */
const usesModifiers = (at: HTMLElement): boolean => {
  if (at.closest('a, button, input, select, textarea, summary, [role="button"]') !== null) return true
  const text = at.closest('[contenteditable="true"]')
  return text?.contains(document.activeElement) === true
}

const frameOf = (grid: HTMLElement | null, id: string): HTMLElement | null =>
  grid?.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`) ?? null

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

/** Rows of the grid that a window shows at first; hundreds of frames below them come a moment later. */
const firstRows = (): number => Math.ceil(innerHeight / (ROW + GAP)) + 1

export function Grid({ session, ui, readOnly, scroller }: GridProps) {
  const blocks: Blocks = blocksMap(session.doc)
  const stored = useY(blocks, storedOf)
  const preview = useStore(ui, (state) => state.preview)
  const arriving = useStore(ui, (state) => state.arriving)
  const grid = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [breakpoint, setBreakpoint] = useState(() => breakpointOf(innerWidth))
  const [near, setNear] = useState<Near | null>(null)
  const columns = COLUMNS[breakpoint]
  const metrics: Metrics = { width, columns }
  const base = useMemo(() => layoutOf(stored, breakpoint), [stored, breakpoint])
  const plan = useMemo(() => {
    if (arriving !== null) return withGroup(base, [arrivingCell(arriving)], columns)
    return preview !== null && base.some((cell) => cell.id === preview.id) ? planFor(base, preview, columns) : base
  }, [base, preview, arriving, columns])
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
  const latest = useRef({ base, metrics, readOnly, arrangeable, breakpoint })
  latest.current = { base, metrics, readOnly, arrangeable, breakpoint }
  const gestureHost = {
    session,
    ui,
    grid,
    scroller,
    base: () => latest.current.base,
    metrics: () => latest.current.metrics,
    breakpoint: () => latest.current.breakpoint,
    enabled: () => !latest.current.readOnly && latest.current.arrangeable,
  }
  const gesture = useGesture(gestureHost)

  const overlay = useRef<Overlay | null>(null)
  const rects = useRef<ReadonlyMap<string, Rect>>(new Map())
  useEffect(() => {
    let gone = false
    // Nobody else is drawn before the blocks are.
    const stop = whenIdle(() =>
      import('../presence/overlay').then(
        (loaded) => {
          if (gone || grid.current === null) return
          overlay.current = new loaded.Overlay(grid.current, session.awareness)
          overlay.current.layout(rects.current, latest.current.metrics)
        },
        // Offline before the first caching: then nobody else is here either.
        () => undefined,
      ),
    )
    return () => {
      gone = true
      stop()
      overlay.current?.dispose()
      overlay.current = null
    }
  }, [session])

  // Blocks in the hand keep the place they were taken from: the pointer moves them, not the plan.
  const held = useRef<{ ids: readonly string[]; rects: ReadonlyMap<string, Rect> } | null>(null)
  if (preview === null) held.current = null
  else if (held.current?.ids !== preview.ids) {
    const taken = base.filter((cell) => preview.ids.includes(cell.id))
    held.current = { ids: preview.ids, rects: new Map(taken.map((cell) => [cell.id, rectOf(cell, metrics)])) }
  }

  const order = useRef<readonly string[]>([])
  const reading = useMemo(() => readingOrder(base).map((cell) => cell.id), [base])
  order.current = domOrder(order.current, reading, grid.current)
  const idle = useIdle()
  const labels = useY(blocks, labelsOf)
  const told = useMemo(() => toldApart(reading, labels), [reading, labels])
  const cells = new Map<string, Cell>(plan.map((cell) => [cell.id, cell]))
  const first = firstRows()
  const shown = idle ? order.current : order.current.filter((id) => (cells.get(id)?.y ?? 0) < first)
  const targets = preview?.ids ?? (arriving === null ? [] : [ARRIVING])
  const rows = Math.max(bottomOf(plan), bottomOf(base))

  useLayoutEffect(() => {
    rects.current = new Map(plan.map((cell) => [cell.id, rectOf(cell, { width, columns })]))
    overlay.current?.layout(rects.current, { width, columns })
  })

  const onPointerDown = (event: ReactPointerEvent): void => {
    const at = event.target as HTMLElement
    const frame = at.closest<HTMLElement>('[data-block-id]')
    const id = frame?.dataset.blockId
    // What lies outside of the blocks is the scroller's.
    if (frame === null || id === undefined || at.closest('.frame-tools') !== null) return
    const { selected } = ui.getState()
    if (event.button === 0 && (event.shiftKey || event.ctrlKey || event.metaKey) && !usesModifiers(at)) {
      event.preventDefault()
      toggleSelected(ui, id)
      // The keys follow the selection, also out of a text on the other side of the canvas.
      const now = ui.getState().selected
      const heir = now.includes(id) ? id : now.at(-1)
      if (heir === undefined) (document.activeElement as HTMLElement | null)?.blur()
      else frameOf(grid.current, heir)?.focus({ preventScroll: true })
      return
    }
    const resizing = at.closest('[data-resize]') !== null
    const moving = !resizing && at.closest('[data-drag]') !== null
    // One of several is taken: all of them come along.
    const together = moving && selected.length > 1 && selected.includes(id)
    if (!together) select(ui, [id])
    if (resizing) gesture.start(event.nativeEvent, id, [id], 'resize')
    else if (moving) {
      const free = (one: string): boolean => {
        const block = blocks.get(one)
        return block !== undefined && !isLocked(block)
      }
      gesture.start(event.nativeEvent, id, together ? selected.filter(free) : [id], 'move')
    }
  }

  const marqueeHost = useRef(gestureHost)
  marqueeHost.current = gestureHost
  useEffect(() => {
    const area = scroller.current
    if (area === null) return
    const isEmpty = (target: EventTarget | null): boolean => target === area || target === grid.current
    const onDown = (event: PointerEvent): void => {
      if (!isEmpty(event.target) || event.button !== 0) return
      // The scrollbar is the scroller's too.
      if (event.offsetX > area.clientWidth && event.target === area) return
      startMarquee(event, marqueeHost.current, event.shiftKey || event.ctrlKey || event.metaKey)
    }
    const onDouble = (event: MouseEvent): void => {
      const element = grid.current
      if (!isEmpty(event.target) || element === null || latest.current.readOnly) return
      const box = element.getBoundingClientRect()
      const step = columnWidth(latest.current.metrics) + GAP
      const cell: At = [
        Math.max(0, Math.floor((event.clientX - box.left) / step)),
        Math.max(0, Math.floor((event.clientY - box.top) / (ROW + GAP))),
      ]
      openAdding(ui, { x: event.clientX, y: event.clientY, spot: { cell } })
    }
    area.addEventListener('pointerdown', onDown)
    area.addEventListener('dblclick', onDouble)
    return () => {
      area.removeEventListener('pointerdown', onDown)
      area.removeEventListener('dblclick', onDouble)
    }
  }, [scroller, ui])

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
        shown.map((id) => {
          const cell = cells.get(id)
          const block = blocks.get(id)
          if (cell === undefined || block === undefined) return null
          const rect = held.current?.rects.get(id) ?? rectOf(cell, metrics)
          return (
            <Frame
              key={id}
              id={id}
              block={block}
              label={told.get(id) ?? ''}
              session={session}
              ui={ui}
              readOnly={readOnly}
              arrangeable={arrangeable}
              near={near}
              area={`${cell.y + 1} / ${cell.x + 1} / span ${cell.h} / span ${cell.w}`}
              {...rect}
            />
          )
        })}
      {targets.map((id) => {
        const cell = cells.get(id)
        return cell === undefined ? null : <Placeholder key={id} rect={rectOf(cell, metrics)} />
      })}
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

/**
 * Dragging a new block from the add menu onto the grid.
 *
 * Owns the gesture: the chip under the pointer and the cell it is over (`ui.arriving`, which the grid draws as a
 * placeholder while the others make room). Nothing is written before the drop.
 */

import type { CanvasSession } from '../sync/session'
import { add, shownBreakpoint } from './actions'
import type { BlockType } from './blocks/types'
import { edgeScroll } from './edgeScroll'
import { type Cell, COLUMNS, canArrange, cellAt, type Metrics } from './layout'
import type { Arriving, UiStore } from './ui'

/** A press that moves less than this many pixels is a click. */
const SLOP = 5

/** The cell of a plan that stands for the block that is not there yet. No block has an empty id. */
export const ARRIVING = ''
export const arrivingCell = ({ x, y, w, h }: Arriving): Cell => ({ id: ARRIVING, x, y, w, h, fixed: false })

/** Begins at a press on an entry of the add menu; a press that does not move stays a click. */
export const startArriving = (
  event: PointerEvent,
  entry: HTMLElement,
  session: CanvasSession,
  ui: UiStore,
  type: BlockType,
): void => {
  if (event.button !== 0 || event.pointerType === 'touch') return
  const chip = entry.cloneNode(true) as HTMLElement
  let [x, y] = [event.clientX, event.clientY]
  let started = false
  let frame = 0

  const place = (): Arriving | null => {
    const grid = document.querySelector<HTMLElement>('[data-testid="grid"]')
    const area = document.querySelector<HTMLElement>('[data-testid="scroller"]')?.getBoundingClientRect()
    const breakpoint = shownBreakpoint()
    if (grid === null || area === undefined || !session.canEdit || !canArrange(breakpoint)) return null
    if (x < area.left || x > area.right || y < area.top || y > area.bottom) return null
    const columns = COLUMNS[breakpoint]
    const metrics: Metrics = { width: grid.clientWidth, columns }
    const box = grid.getBoundingClientRect()
    const w = Math.min(type.defaultSize[0], columns)
    // The pointer holds the block near its upper left corner.
    const [cx, cy] = cellAt(x - box.left - 24, y - box.top - 16, metrics)
    return { type: type.type, x: Math.max(0, Math.min(columns - w, cx)), y: cy, w, h: type.defaultSize[1] }
  }

  const tick = (): void => {
    edgeScroll(document.querySelector<HTMLElement>('[data-testid="scroller"]'), y)
    chip.style.transform = `translate(${x + 10}px, ${y + 8}px)`
    const next = place()
    const shown = ui.getState().arriving
    if (next?.x !== shown?.x || next?.y !== shown?.y) ui.setState({ arriving: next })
    frame = requestAnimationFrame(tick)
  }
  const onMove = (next: PointerEvent): void => {
    if (next.pointerId !== event.pointerId) return
    x = next.clientX
    y = next.clientY
    if (started || Math.hypot(x - event.clientX, y - event.clientY) < SLOP) return
    started = true
    ui.setState({ adding: null })
    chip.className = 'add-chip'
    chip.setAttribute('aria-hidden', 'true')
    chip.removeAttribute('id')
    chip.removeAttribute('data-testid')
    document.body.append(chip)
    document.documentElement.dataset.gesture = 'move'
    frame = requestAnimationFrame(tick)
  }
  const onUp = (next: PointerEvent): void => {
    if (next.pointerId !== event.pointerId) return
    x = next.clientX
    y = next.clientY
    const at = started ? place() : null
    end()
    if (at !== null) add(session, ui, type.type, type.createContent(), type.defaultSize, { cell: [at.x, at.y] })
  }
  const onKey = (key: KeyboardEvent): void => {
    if (!started || key.key !== 'Escape') return
    key.preventDefault()
    key.stopPropagation()
    end()
  }
  const end = (): void => {
    cancelAnimationFrame(frame)
    if (started) {
      chip.remove()
      delete document.documentElement.dataset.gesture
      ui.setState({ arriving: null })
    }
    removeEventListener('pointermove', onMove)
    removeEventListener('pointerup', onUp)
    removeEventListener('pointercancel', end)
    removeEventListener('keydown', onKey, true)
    removeEventListener('blur', end)
  }
  addEventListener('pointermove', onMove)
  addEventListener('pointerup', onUp)
  addEventListener('pointercancel', end)
  addEventListener('keydown', onKey, true)
  addEventListener('blur', end)
}

/**
 * Selecting by drawing a rectangle over the canvas.
 *
 * Owns one such gesture, from the press on an empty place to letting go or Escape. It draws the rectangle itself: only
 * the selection goes through the store, and only when it changes.
 */
import { allIds } from './actions'
import { edgeScroll } from './edgeScroll'
import { type Rect, rectOf } from './layout'
import { announce, select } from './ui'
import type { GestureHost } from './useGesture'

/** A press that moves less than this many pixels is a click. */
const SLOP = 4

const meets = (a: Rect, b: Rect): boolean =>
  a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height

type Host = Pick<GestureHost, 'session' | 'ui' | 'grid' | 'scroller' | 'base' | 'metrics'>

/** Begins at a press on an empty place. With `more`, what is selected stays selected. */
export const startMarquee = (event: PointerEvent, host: Host, more: boolean): void => {
  const { session, ui, grid, scroller, base, metrics } = host
  const area = grid.current
  if (area === null || event.button !== 0) return
  const before = ui.getState().selected
  const kept = more ? before : []
  select(ui, kept)
  // A finger scrolls.
  if (event.pointerType === 'touch') return
  event.preventDefault()
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()

  const order = allIds(session)
  const at = (x: number, y: number): [number, number] => {
    const box = area.getBoundingClientRect()
    return [x - box.left, y - box.top]
  }
  const [fromX, fromY] = at(event.clientX, event.clientY)
  let [x, y] = [event.clientX, event.clientY]
  let drawn: HTMLElement | null = null
  let frame = 0

  const tick = (): void => {
    edgeScroll(scroller.current, y)
    const [toX, toY] = at(x, y)
    const rect: Rect = {
      left: Math.min(fromX, toX),
      top: Math.min(fromY, toY),
      width: Math.abs(toX - fromX),
      height: Math.abs(toY - fromY),
    }
    if (drawn !== null) {
      drawn.style.transform = `translate(${rect.left}px, ${rect.top}px)`
      drawn.style.width = `${rect.width}px`
      drawn.style.height = `${rect.height}px`
    }
    const size = metrics()
    const met = new Set(
      base()
        .filter((cell) => meets(rect, rectOf(cell, size)))
        .map((cell) => cell.id),
    )
    select(ui, [...kept, ...order.filter((id) => met.has(id) && !kept.includes(id))])
    frame = requestAnimationFrame(tick)
  }
  const onMove = (next: PointerEvent): void => {
    if (next.pointerId !== event.pointerId) return
    x = next.clientX
    y = next.clientY
    if (drawn !== null || Math.hypot(x - event.clientX, y - event.clientY) < SLOP) return
    drawn = document.createElement('div')
    drawn.className = 'grid-marquee'
    drawn.dataset.testid = 'marquee'
    area.append(drawn)
    document.documentElement.dataset.gesture = 'select'
    frame = requestAnimationFrame(tick)
  }
  const end = (): void => {
    cancelAnimationFrame(frame)
    if (drawn !== null) {
      drawn.remove()
      delete document.documentElement.dataset.gesture
      const { length } = ui.getState().selected
      announce(ui, length === 0 ? 'Nothing selected.' : `Selected ${length} ${length === 1 ? 'block' : 'blocks'}.`)
    }
    removeEventListener('pointermove', onMove)
    removeEventListener('pointerup', onUp)
    removeEventListener('pointercancel', end)
    removeEventListener('keydown', onKey, true)
    removeEventListener('blur', end)
  }
  const onUp = (next: PointerEvent): void => {
    if (next.pointerId === event.pointerId) end()
  }
  const onKey = (key: KeyboardEvent): void => {
    if (key.key !== 'Escape') return
    key.preventDefault()
    key.stopPropagation()
    select(ui, before)
    end()
  }
  addEventListener('pointermove', onMove)
  addEventListener('pointerup', onUp)
  addEventListener('pointercancel', end)
  addEventListener('keydown', onKey, true)
  addEventListener('blur', end)
}

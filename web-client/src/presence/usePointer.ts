/**
 * Sends where our pointer is: relative to the block under it, so that it is right for everybody at any width. A key says
 * that we are here, too.
 */
import { type RefObject, useEffect } from 'react'
import { GAP, ROW } from '../canvas/layout'
import type { UiStore } from '../canvas/ui'
import type { CanvasSession } from '../sync/session'

/** Four digits place a pointer to a fraction of a pixel and keep the state small. */
const round = (value: number): number => Math.round(value * 1e4) / 1e4

export function usePointer(
  session: CanvasSession,
  ui: UiStore,
  area: RefObject<HTMLElement | null>,
  ready: boolean,
): void {
  useEffect(() => {
    const element = area.current
    if (element === null || !ready) return
    const onMove = (event: PointerEvent): void => {
      // A finger has no place between touches.
      if (event.pointerType === 'touch') return
      const target = event.target instanceof Element ? event.target : null
      // A dragged block moves with the pointer: relative to it the pointer would seem to stand still.
      const frame = ui.getState().preview === null ? target?.closest<HTMLElement>('[data-block-id]') : null
      if (frame) {
        const box = frame.getBoundingClientRect()
        session.presence.setPointer({
          block: frame.dataset.blockId ?? null,
          fx: round((event.clientX - box.left) / box.width),
          fy: round((event.clientY - box.top) / box.height),
        })
        return
      }
      const grid = element.querySelector<HTMLElement>('[data-testid="grid"]')
      if (grid === null) return
      const box = grid.getBoundingClientRect()
      session.presence.setPointer({
        block: null,
        fx: round((event.clientX - box.left) / Math.max(1, box.width)),
        fy: round((event.clientY - box.top) / (ROW + GAP)),
      })
    }
    const onLeave = (): void => session.presence.setPointer(null)
    const onKey = (): void => session.presence.stir()
    addEventListener('keydown', onKey, { capture: true, passive: true })
    element.addEventListener('pointermove', onMove, { passive: true })
    element.addEventListener('pointerleave', onLeave)
    return () => {
      removeEventListener('keydown', onKey, { capture: true })
      element.removeEventListener('pointermove', onMove)
      element.removeEventListener('pointerleave', onLeave)
    }
  }, [session, ui, area, ready])
}

/**
 * The keys of a canvas. Whoever is typing keeps every key, undo included: a text editor undoes its own text first.
 */
import { useEffect } from 'react'
import type { CanvasSession } from '../sync/session'
import { type Direction, duplicate, grow, nudge, remove } from './actions'
import { select, setPanel, type UiStore } from './ui'

const ARROWS: Record<string, Direction> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' }

/** True where a key belongs to a text field, an editor, a menu or a dialog. */
export const takesKeys = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest(
    'input, textarea, select, [contenteditable="true"], [role="menu"], [role="dialog"], [role="listbox"]',
  ) !== null

export function useKeys(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return
      const command = event.ctrlKey || event.metaKey
      if (command && event.key === '\\') {
        event.preventDefault()
        setPanel(ui, !ui.getState().panel)
        return
      }
      if (takesKeys(event.target)) {
        if (event.key === 'Escape' && event.target instanceof HTMLElement) {
          // Out of the text, back to the block around it.
          event.target.closest<HTMLElement>('[data-block-id]')?.focus()
        }
        return
      }
      if (run(event, command)) event.preventDefault()
    }

    const run = (event: KeyboardEvent, command: boolean): boolean => {
      const { selected, preview } = ui.getState()
      if (preview !== null) return false
      const key = event.key.toLowerCase()
      const { undo } = session
      if (command && key === 'z') {
        if (session.canEdit) event.shiftKey ? undo.redo() : undo.undo()
        return true
      }
      if (command && key === 'y') {
        if (session.canEdit) undo.redo()
        return true
      }
      const only = selected.length === 1 ? selected[0] : undefined
      if (key === 'escape' && selected.length > 0) {
        select(ui, [])
        return true
      }
      if (selected.length === 0) return false
      if (command && key === 'd') {
        duplicate(session, ui, selected)
        return true
      }
      if (!command && (key === 'delete' || key === 'backspace')) {
        remove(session, ui, selected)
        return true
      }
      const direction = ARROWS[event.key]
      if (event.altKey && direction !== undefined && only !== undefined) {
        if (event.shiftKey) grow(session, ui, only, direction)
        else nudge(session, ui, only, direction)
        return true
      }
      if (key === 'enter' && event.target instanceof HTMLElement && event.target.dataset.blockId !== undefined) {
        const inside = event.target.querySelector<HTMLElement>(
          '.frame-body :is([contenteditable="true"], input, button, [tabindex="0"])',
        )
        inside?.focus()
        return inside !== null
      }
      return false
    }

    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [session, ui])
}

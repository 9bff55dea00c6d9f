/**
 * The keys of a canvas. Which key does what is in the command registry; here is who gets the key: whoever is typing
 * keeps every one, undo included (a text editor undoes its own text first).
 */
import { useEffect } from 'react'
import { create } from 'zustand'
import type { CanvasSession } from '../sync/session'
import { commandFor, contextOf } from './commands'
import { takesKeys } from './keys'
import type { UiStore } from './ui'

const SINGLES = 'jabiru.single-keys'
const remembered = (): boolean => {
  try {
    return localStorage.getItem(SINGLES) !== 'off'
  } catch {
    return true
  }
}

/** Whether single letters and signs are commands. The `?` sheet has the switch; this device remembers it. */
export const useSingleKeys = create<{ on: boolean }>(() => ({ on: remembered() }))

export const setSingleKeys = (on: boolean): void => {
  try {
    if (on) localStorage.removeItem(SINGLES)
    else localStorage.setItem(SINGLES, 'off')
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  useSingleKeys.setState({ on })
}

export function useKeys(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return
      const typing = takesKeys(event.target)
      if (typing && event.key === 'Escape' && event.target instanceof HTMLElement) {
        // Out of the text, back to the block around it.
        event.target.closest<HTMLElement>('[data-block-id]')?.focus()
        return
      }
      // A block in the hand: the gesture has the keys.
      if (ui.getState().preview !== null) return
      const context = contextOf(session, ui)
      const command = commandFor(event, context, { typing, singles: useSingleKeys.getState().on })
      if (command === undefined) return
      event.preventDefault()
      command.run(context)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [session, ui])
}

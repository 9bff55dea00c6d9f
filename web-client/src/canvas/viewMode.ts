/**
 * How the canvas is shown: one block alone, presented page by page, in a kiosk, on paper.
 *
 * Owns entering and leaving these, the keys that belong to them, the browser's full screen, and `?kiosk` in the address.
 * Nothing here changes the document.
 */
import { useEffect } from 'react'
import { flushSync } from 'react-dom'
import type { YMapEvent } from 'yjs'
import { type Block, blocksMap } from '../doc/schema'
import { offsetOf } from '../presence/follow'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { blockName } from './actions'
import { takesKeys } from './keys'
import { announce, type CanvasUi, type Mode, select, type UiStore } from './ui'

export const startMode = (): Mode => (new URLSearchParams(location.search).has('kiosk') ? 'kiosk' : 'edit')

const writeKiosk = (on: boolean): void => {
  const address = new URL(location.href)
  if (on === address.searchParams.has('kiosk')) return
  address.searchParams.delete('kiosk')
  // Without a value: `?kiosk` is what people type.
  const rest = address.searchParams.toString()
  address.search = [rest, on ? 'kiosk' : ''].filter(Boolean).join('&')
  history.replaceState(history.state, '', address)
}

/** Not every browser and frame allows it; presenting works in the window as well. */
const fillScreen = async (): Promise<void> => {
  try {
    if (document.fullscreenElement === null) await document.documentElement.requestFullscreen?.()
  } catch {
    // Refused: the window has to do.
  }
}

const leaveScreen = (): void => {
  if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined)
}

/** Changes what is shown while the same place of the canvas stays in view: bars and margins come and go. */
const switchTo = (ui: UiStore, change: Partial<CanvasUi>): void => {
  const scroller = document.querySelector<HTMLElement>('[data-testid="scroller"]')
  const grid = scroller?.querySelector('[data-testid="grid"]')
  if (!scroller || !grid) {
    ui.setState(change)
    return
  }
  const edge = Number.parseFloat(scroller.style.getPropertyValue('--page-edge')) || 0
  const place = scroller.scrollTop + edge - offsetOf(scroller, grid)
  flushSync(() => ui.setState(change))
  if (document.activeElement instanceof HTMLElement && ui.getState().mode !== 'edit') {
    // Off the text or block it was on; the keys of the page go on working from here.
    scroller.tabIndex = -1
    scroller.focus({ preventScroll: true })
  }
  scroller.scrollTop = Math.max(0, place + (place > 0 ? offsetOf(scroller, grid) : 0))
}

export const present = (ui: UiStore): void => {
  if (ui.getState().mode === 'present') return
  select(ui, [])
  switchTo(ui, { mode: 'present', solo: null, dialog: null, adding: null })
  void fillScreen()
}

export const kiosk = (ui: UiStore): void => {
  select(ui, [])
  switchTo(ui, { mode: 'kiosk', solo: null, dialog: null, adding: null })
  writeKiosk(true)
  announce(ui, 'Kiosk. Escape leaves it.')
  void fillScreen()
}

export const leaveMode = (ui: UiStore): void => {
  const { mode } = ui.getState()
  if (mode === 'edit') return
  switchTo(ui, { mode: 'edit', solo: null })
  writeKiosk(false)
  leaveScreen()
  announce(ui, mode === 'present' ? 'Presentation ended.' : 'Kiosk left.')
}

const frameOf = (id: string): HTMLElement | null =>
  document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)

export const openSolo = (session: CanvasSession, ui: UiStore, id: string): void => {
  const block = blocksMap(session.doc).get(id)
  if (block === undefined) return
  ui.setState({ solo: id, adding: null })
  announce(ui, `${blockName(block)} fills the window. Escape goes back.`)
  requestAnimationFrame(() => frameOf(id)?.focus({ preventScroll: true }))
}

export const closeSolo = (ui: UiStore): void => {
  const { solo } = ui.getState()
  if (solo === null) return
  ui.setState({ solo: null })
  announce(ui, 'Back on the canvas.')
  requestAnimationFrame(() => frameOf(solo)?.focus())
}

/** Draws every block, gives charts and data a moment, then opens the browser's print dialog. */
export const printCanvas = async (ui: UiStore): Promise<void> => {
  ui.setState({ printing: true })
  const busy = (): boolean => document.querySelector('.frame-body:empty, .frame-body [role="status"]') !== null
  const end = performance.now() + 5_000
  do await new Promise((resolve) => setTimeout(resolve, 120))
  while (busy() && performance.now() < end)
  window.print()
  ui.setState({ printing: false })
}

/** Keys, full screen and printing, for as long as the canvas is open. */
export function useViewMode(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented || takesKeys(event.target)) return
      const { solo, mode } = ui.getState()
      if (solo === null && mode === 'edit') return
      event.preventDefault()
      event.stopPropagation()
      if (solo !== null) closeSolo(ui)
      else leaveMode(ui)
    }
    const onScreen = (): void => {
      // In full screen the browser takes Escape for itself and tells only this.
      if (document.fullscreenElement === null && ui.getState().mode === 'present') leaveMode(ui)
    }
    const onPrint = (): void => flushSync(() => ui.setState({ printing: true }))
    const onPrinted = (): void => ui.setState({ printing: false })
    addEventListener('keydown', onKey, true)
    document.addEventListener('fullscreenchange', onScreen)
    addEventListener('beforeprint', onPrint)
    addEventListener('afterprint', onPrinted)
    const blocks = blocksMap(session.doc)
    const onBlocks = (event: YMapEvent<Block>): void => {
      const { solo } = ui.getState()
      if (solo === null || blocks.has(solo)) return
      ui.setState({ solo: null })
      // Who deleted it themselves is told so already, with the way back.
      if (!event.transaction.local) toast('Somebody deleted this block.')
    }
    blocks.observe(onBlocks)
    return () => {
      removeEventListener('keydown', onKey, true)
      document.removeEventListener('fullscreenchange', onScreen)
      removeEventListener('beforeprint', onPrint)
      removeEventListener('afterprint', onPrinted)
      blocks.unobserve(onBlocks)
      leaveScreen()
    }
  }, [session, ui])
}

/**
 * What only this page knows about a canvas: selection, the running gesture, the side panel. One store per open page.
 */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { At } from '../doc/schema'

/** A running gesture in cells. `id` is the block under the pointer; `ids` are all that move with it. */
export type Preview = {
  id: string
  ids: readonly string[]
  kind: 'move' | 'resize'
  x: number
  y: number
  w: number
  h: number
}
/** A new block on its way from the add menu, over this cell of the grid. */
export type Arriving = { type: string; x: number; y: number; w: number; h: number }
/** Where a new block is asked for: a cell of the arrangement on screen, below the selected blocks, or where there is room. */
export type Spot = { cell: At } | 'below-selection' | 'free'
/** The add menu, open at a point of the window. */
export type Adding = { x: number; y: number; spot: Spot }
export type CanvasDialog = 'palette' | 'shortcuts' | 'usage'
/** How the canvas is shown here. Presenting and in a kiosk there are no bars and nothing can be changed by accident. */
export type Mode = 'edit' | 'present' | 'kiosk'

export type CanvasUi = {
  selected: readonly string[]
  /** A running drag or resize, in cells. Null when nobody holds a block. */
  preview: Preview | null
  arriving: Arriving | null
  adding: Adding | null
  dialog: CanvasDialog | null
  panel: boolean
  mode: Mode
  /** The block that fills the window. */
  solo: string | null
  /** The id of the person whose view we follow. */
  following: string | null
  /** Every block is drawn, near or not: paper has no viewport. */
  printing: boolean
  /** The last thing to tell a screen reader. */
  announcement: string
}

const PANEL = 'jabiru.panel'
const remembered = (): boolean => {
  try {
    return localStorage.getItem(PANEL) === 'open'
  } catch {
    return false
  }
}

export type UiStore = StoreApi<CanvasUi>

export const createUi = (): UiStore =>
  createStore<CanvasUi>(() => ({
    selected: [],
    preview: null,
    arriving: null,
    adding: null,
    dialog: null,
    panel: remembered(),
    mode: 'edit',
    solo: null,
    following: null,
    printing: false,
    announcement: '',
  }))

export const select = (ui: UiStore, ids: readonly string[]): void => {
  const { selected } = ui.getState()
  if (ids.length !== selected.length || ids.some((id, index) => id !== selected[index])) ui.setState({ selected: ids })
}

export const toggleSelected = (ui: UiStore, id: string): void =>
  ui.setState(({ selected }) => ({
    selected: selected.includes(id) ? selected.filter((other) => other !== id) : [...selected, id],
  }))

export const setPanel = (ui: UiStore, panel: boolean): void => {
  try {
    localStorage.setItem(PANEL, panel ? 'open' : 'closed')
  } catch {
    // Without storage the panel is simply not remembered.
  }
  ui.setState({ panel })
}

export const announce = (ui: UiStore, announcement: string): void => ui.setState({ announcement })

export const openDialog = (ui: UiStore, dialog: CanvasDialog | null): void => ui.setState({ dialog, adding: null })

/** Opens the add menu at a point, or below the selected block, or in the middle of what is in view. */
export const openAdding = (ui: UiStore, at?: Adding): void => ui.setState({ adding: at ?? besideSelection(ui) })

const besideSelection = (ui: UiStore): Adding => {
  const area = document.querySelector('[data-testid="scroller"]')?.getBoundingClientRect() ?? new DOMRect()
  const last = ui.getState().selected.at(-1)
  const frame = last === undefined ? null : document.querySelector(`[data-block-id="${CSS.escape(last)}"]`)
  const box = frame?.getBoundingClientRect()
  // Kept in view: a block may begin or end outside of the window.
  if (box !== undefined && box.bottom > area.top && box.top < area.bottom) {
    return { x: box.left + 12, y: Math.min(box.bottom + 6, area.bottom - 24), spot: 'below-selection' }
  }
  return { x: area.left + area.width / 2 - 150, y: area.top + Math.max(24, area.height / 5), spot: 'free' }
}

/**
 * What only this page knows about a canvas: selection, the running gesture, the side panel. One store per open page.
 */
import { createStore, type StoreApi } from 'zustand/vanilla'

export type Preview = { id: string; kind: 'move' | 'resize'; x: number; y: number; w: number; h: number }

export type CanvasUi = {
  selected: readonly string[]
  /** A running drag or resize, in cells. Null when nobody holds a block. */
  preview: Preview | null
  panel: boolean
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
  createStore<CanvasUi>(() => ({ selected: [], preview: null, panel: remembered(), announcement: '' }))

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

/**
 * The awareness state of one client, and reading other people's states safely: they come from other programs.
 */
import type { Person } from '../protocol/messages'

/** A spot on a block: fractions of its width and height. With `block` null: a fraction of the grid's width, and rows. */
export type Pointer = { block: string | null; fx: number; fy: number }
export type Drag = { id: string; x: number; y: number; w: number; h: number }
/** The top edge of somebody's window: a block, and how far into it as a fraction of its height (below 0: above it). */
export type View = { block: string; top: number }
export type Peer = {
  client: number
  user: Person
  pointer: Pointer | null
  selection: string[]
  /** The block in the hand. */
  drag: Drag | null
  /** All blocks that move with it, itself included. */
  drags: Drag[]
  view: View | null
  idle: boolean
}

const number = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null

/** Colours go into style attributes: anything that is not a plain colour is replaced. */
const COLOR = /^#[0-9a-f]{3,8}$|^(rgb|hsl|oklch)a?\([\d\s.,%/deg-]+\)$/i
export const safeColor = (value: unknown): string =>
  typeof value === 'string' && COLOR.test(value) ? value : '#7b61ff'

/** Black or white, whichever is easier to read on this colour (WCAG relative luminance, hex colours only). */
export const inkOn = (color: string): string => {
  const hex = /^#([0-9a-f]{6})/i.exec(color)?.[1]
  if (hex === undefined) return '#fff'
  const [r, g, b] = [0, 2, 4].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#111418' : '#fff'
}

const readDrag = (value: unknown): Drag | null => {
  const drag = record(value)
  return drag !== null &&
    typeof drag.id === 'string' &&
    number(drag.x) &&
    number(drag.y) &&
    number(drag.w) &&
    number(drag.h)
    ? { id: drag.id, x: drag.x, y: drag.y, w: drag.w, h: drag.h }
    : null
}

export const readPeer = (client: number, value: unknown): Peer | null => {
  const state = record(value)
  const user = record(state?.user)
  if (state === null || user === null) return null
  const pointer = record(state.pointer)
  const view = record(state.view)
  // One block, or a list whose first is the one in the hand.
  const drags = (Array.isArray(state.drag) ? state.drag.slice(0, 50) : [state.drag]).flatMap(
    (one) => readDrag(one) ?? [],
  )
  return {
    client,
    user: {
      id: typeof user.id === 'string' ? user.id : String(client),
      name: typeof user.name === 'string' && user.name !== '' ? user.name.slice(0, 60) : 'Somebody',
      color: safeColor(user.color),
    },
    pointer:
      pointer !== null && number(pointer.fx) && number(pointer.fy)
        ? { block: typeof pointer.block === 'string' ? pointer.block : null, fx: pointer.fx, fy: pointer.fy }
        : null,
    selection: Array.isArray(state.selection)
      ? state.selection.filter((id) => typeof id === 'string').slice(0, 50)
      : [],
    drag: drags[0] ?? null,
    drags,
    view:
      view !== null && typeof view.block === 'string' && number(view.top) ? { block: view.block, top: view.top } : null,
    idle: state.idle === true,
  }
}

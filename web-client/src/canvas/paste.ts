/**
 * What a paste does to a canvas. Loaded with the first paste.
 */
import { addBlock, blocksMap, type JsonObject, type Size, setLocked } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { insert, reveal, storedOf } from './actions'
import type { BindingChange } from './blocks/narrative/bindings'
import { carried } from './blocks/narrative/metrics'
import { typeOf } from './blocks/types'
import { readPasted, withNewIds } from './clipboard'
import type { CopiedBlock } from './copy'
import { looksTabular } from './ingestText'
import { bottomOf, COLUMNS, edgeNear, GAP, layoutOf, ROW } from './layout'
import { announce, select, type UiStore } from './ui'

/** Characters of a text that becomes one narrative. */
const TEXT_LIMIT = 200_000

const counted = (verb: string, count: number): string =>
  count === 1 ? `${verb} the block.` : `${verb} ${count} blocks.`

/** Puts blocks below the selected ones, or where the middle of the window is, in their places to each other. */
export const pasteBlocks = (session: CanvasSession, ui: UiStore, copied: readonly CopiedBlock[]): void => {
  const blocks = withNewIds(copied)
  const cells = layoutOf(storedOf(blocksMap(session.doc)), 'lg')
  const { selected } = ui.getState()
  const chosen = cells.filter(({ id }) => selected.includes(id))
  const top = Math.min(...blocks.map(({ position }) => position.y))
  const row = chosen.length > 0 ? bottomOf(chosen) : edgeNear(cells, middleRow())
  const ids = insert(
    session,
    blocks.map(({ id, type, position: { x, y, w, h }, content, locked }) => ({
      at: [x, row + y - top],
      size: [w, h],
      make: (at) => {
        const made = addBlock(session.doc, type, content, at, [w, h], session.user.id, id)
        if (made !== null && locked === true) setLocked(session.doc, made, true)
        return made
      },
    })),
  )
  finish(session, ui, ids)
}

const middleRow = (): number => {
  const grid = document.querySelector('[data-testid="grid"]')?.getBoundingClientRect()
  const area = document.querySelector('[data-testid="scroller"]')?.getBoundingClientRect()
  return grid === undefined || area === undefined ? 0 : (area.top + area.height / 2 - grid.top) / (ROW + GAP)
}

/** What is not asked for has no leaf. */
const bound = ({ source = '', calculation = '', format, decimals }: BindingChange): JsonObject => ({
  source,
  calculation,
  ...(format === undefined || format === 'auto' ? {} : { format }),
  ...(decimals == null ? {} : { decimals }),
})

const pasteText = (session: CanvasSession, ui: UiStore, text: string): void => {
  if (text.length > TEXT_LIMIT) {
    toast('That text is too long for one block.')
    return
  }
  const lines = text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / 80), 0)
  const size: Size = [6, Math.max(3, Math.min(12, Math.ceil(lines / 2) + 1))]
  const words = text.replaceAll('\r\n', '\n')
  const data_bindings = [...carried(session.doc, null, words)].map(([key, one]) => ({ key, ...bound(one) }))
  const content: JsonObject = { ...typeOf('narrative')?.createContent(), text: words, data_bindings }
  const cells = layoutOf(storedOf(blocksMap(session.doc)), 'lg')
  const chosen = cells.filter(({ id }) => ui.getState().selected.includes(id))
  const row = chosen.length > 0 ? bottomOf(chosen) : edgeNear(cells, middleRow())
  const x = Math.min(COLUMNS.lg - size[0], ...chosen.map((cell) => cell.x), COLUMNS.lg)
  const at = [chosen.length > 0 ? x : 0, row] as const
  const make = (place: readonly [number, number]): string | null =>
    addBlock(session.doc, 'narrative', content, place, size, session.user.id)
  finish(session, ui, insert(session, [{ at, size, make }]))
}

const finish = (session: CanvasSession, ui: UiStore, ids: readonly string[]): void => {
  const first = ids[0]
  if (first === undefined || !session.canEdit) return
  select(ui, ids)
  announce(ui, counted('Pasted', ids.length))
  reveal(first)
}

/** Takes text from anywhere. False when it is not ours to take. */
export const paste = (session: CanvasSession, ui: UiStore, text: string): boolean => {
  const pasted = readPasted(text)
  if (!session.canEdit) {
    if (pasted.kind !== 'text') toast('You can look at this canvas, not change it.')
    return pasted.kind !== 'text'
  }
  if (pasted.kind === 'refused') {
    toast(pasted.reason)
    announce(ui, pasted.reason)
  } else if (pasted.kind === 'blocks') pasteBlocks(session, ui, pasted.blocks)
  else if (text.trim() === '' || looksTabular(text)) return false
  else pasteText(session, ui, text)
  return true
}

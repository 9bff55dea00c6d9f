/**
 * Copy, cut and paste of blocks.
 *
 * The keys arrive as the browser's own events, which carry the clipboard and need no permission. Whoever types, or has
 * words on the page selected, keeps the browser's copy and paste. Tables and pictures are `DropZone`'s.
 */
import { useEffect } from 'react'
import { addBlock, blocksMap, type JsonObject, type Size, setLocked } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { insert, remove, reveal, storedOf } from './actions'
import { typeOf } from './blocks/types'
import { COPY_LIMIT, type CopiedBlock, copyText, readPasted, withNewIds } from './clipboard'
import { looksTabular } from './ingestText'
import { keysText, takesKeys } from './keys'
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

const pasteText = (session: CanvasSession, ui: UiStore, text: string): void => {
  if (text.length > TEXT_LIMIT) {
    toast('That text is too long for one block.')
    return
  }
  const lines = text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / 80), 0)
  const size: Size = [6, Math.max(3, Math.min(12, Math.ceil(lines / 2) + 1))]
  const content: JsonObject = { ...typeOf('narrative')?.createContent(), text: text.replaceAll('\r\n', '\n') }
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

/** The selected blocks as text, or null with a word about why not. */
const copied = (session: CanvasSession, ids: readonly string[]): string | null => {
  const text = copyText(session.doc, ids)
  if (text !== null && text.length > COPY_LIMIT) {
    toast('These blocks are too large to copy: 2 MB at most.')
    return null
  }
  return text
}

/** From a menu the clipboard has to be asked for, and a browser may say no. */
export const copyByMenu = async (session: CanvasSession, ui: UiStore, ids: readonly string[], cut: boolean) => {
  const text = copied(session, ids)
  if (text === null) return
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    toast(`The browser does not let a menu copy here. Use ${keysText(cut ? 'mod+x' : 'mod+c')}.`)
    return
  }
  if (cut) remove(session, ui, ids, 'Cut')
  else announce(ui, counted('Copied', ids.length))
}

export const pasteByMenu = async (session: CanvasSession, ui: UiStore) => {
  let text: string
  try {
    text = await navigator.clipboard.readText()
  } catch {
    toast(`The browser does not let a menu paste here. Use ${keysText('mod+v')}.`)
    return
  }
  if (!paste(session, ui, text))
    toast(`There are no blocks to paste. For tables and pictures use ${keysText('mod+v')}.`)
}

/** Words somebody has marked on the page. */
const hasWords = (): boolean => (getSelection()?.toString() ?? '') !== ''

export function useClipboard(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const take = (event: ClipboardEvent, cut: boolean): void => {
      const { selected, mode } = ui.getState()
      if (event.defaultPrevented || takesKeys(event.target) || hasWords() || selected.length === 0) return
      if (cut && (!session.canEdit || mode !== 'edit')) return
      const text = copied(session, selected)
      if (text === null || event.clipboardData === null) return
      event.preventDefault()
      event.clipboardData.setData('text/plain', text)
      if (cut) remove(session, ui, selected, 'Cut')
      else announce(ui, counted('Copied', selected.length))
    }
    const onCopy = (event: ClipboardEvent): void => take(event, false)
    const onCut = (event: ClipboardEvent): void => take(event, true)
    const onPaste = (event: ClipboardEvent): void => {
      const data = event.clipboardData
      if (event.defaultPrevented || data === null || takesKeys(event.target) || ui.getState().mode !== 'edit') return
      const text = data.getData('text/plain')
      // A picture copied from a page comes with its address as text: the picture is what was meant.
      if (data.files.length > 0 && readPasted(text).kind === 'text') return
      if (paste(session, ui, text)) event.preventDefault()
    }
    // On the document: files and tables are taken later, by the window's listener, unless this one took them.
    document.addEventListener('copy', onCopy)
    document.addEventListener('cut', onCut)
    document.addEventListener('paste', onPaste)
    return () => {
      document.removeEventListener('copy', onCopy)
      document.removeEventListener('cut', onCut)
      document.removeEventListener('paste', onPaste)
    }
  }, [session, ui])
}

/**
 * Copy, cut and paste of blocks.
 *
 * The keys arrive as the browser's own events, which carry the clipboard and need no permission. Whoever types, or has
 * words on the page selected, keeps the browser's copy and paste. Tables and pictures are `DropZone`'s. Loaded beside
 * the blocks.
 */
import { useEffect } from 'react'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { remove } from './actions'
import { COPY_LIMIT, copyText, isCopied } from './copy'
import { looksTabular } from './ingestText'
import { keysText, takesKeys } from './keys'
import { announce, type UiStore } from './ui'

const counted = (verb: string, count: number): string =>
  count === 1 ? `${verb} the block.` : `${verb} ${count} blocks.`

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
  const { paste } = await import('./paste')
  if (!paste(session, ui, text))
    toast(`There are no blocks to paste. For tables and pictures use ${keysText('mod+v')}.`)
}

/** Words somebody has marked on the page. */
const hasWords = (): boolean => (getSelection()?.toString() ?? '') !== ''

/** Listens for as long as it is there; shows nothing. */
export default function Clipboard({ session, ui }: { session: CanvasSession; ui: UiStore }) {
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
      if (!isCopied(text) && (data.files.length > 0 || text.trim() === '' || looksTabular(text))) return
      event.preventDefault()
      import('./paste').then(
        ({ paste }) => paste(session, ui, text),
        () => toast('Pasting needs a part of the page that could not be loaded. Try again.'),
      )
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
  return null
}

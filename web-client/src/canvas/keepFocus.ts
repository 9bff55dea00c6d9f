/**
 * The focus when what had it is gone: a block that is deleted, by oneself or by somebody else, a panel that is closed. It
 * goes to the block around, or to the canvas, never to the next block: who goes on typing must not change that.
 */
import { useEffect } from 'react'
import { type Blocks, blocksMap, narrativeText } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { takesKeys } from './keys'
import type { UiStore } from './ui'

/** Who was typing when the text went away has typed on for a while: until a pause of this long those keys are no commands. Milliseconds. */
const PAUSE = 1_200

/** Menus and dialogs have given the focus back by then. Milliseconds. */
const RETURN = 80

const frameOf = (id: string | undefined): HTMLElement | null =>
  id === undefined ? null : document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)

const blockOf = (element: Element | null): string | undefined =>
  element?.closest<HTMLElement>('[data-block-id]')?.dataset.blockId

const copy = async (text: string): Promise<void> => {
  try {
    await navigator.clipboard.writeText(text)
    toast('Copied.')
  } catch {
    toast('The browser does not allow copying here.')
  }
}

const focusCanvas = (): void => {
  const main = document.querySelector<HTMLElement>('[data-testid="scroller"]')
  if (main === null) return
  main.tabIndex = -1
  main.focus({ preventScroll: true })
}

export function useKeptFocus(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const blocks: Blocks = blocksMap(session.doc)
    let last: HTMLElement | null = null
    let over = false
    let block: string | undefined
    let lostText = 0
    let words = ''

    const onIn = ({ target }: FocusEvent): void => {
      last = target instanceof HTMLElement ? target : null
      over = last !== null && last.closest('.canvas') === null
      // A menu over a block belongs to the block it was opened from.
      if (!over) block = blockOf(last)
    }
    const check = (): void => {
      if (last === null || last.isConnected || document.activeElement !== document.body) return
      last = null
      const heir = block ?? ui.getState().selected[0]
      const frame = frameOf(heir)
      if (frame === null) focusCanvas()
      else frame.focus({ preventScroll: true })
    }
    // What lies over the canvas gives the focus back by itself, if what it was opened from is still there.
    const onOut = (): void => void (over ? setTimeout(check, RETURN) : requestAnimationFrame(check))

    const onBlocks = (event: Parameters<Parameters<Blocks['observe']>[0]>[0]): void => {
      if (event.transaction.local) return
      const here = document.activeElement
      const inPanel = here?.closest('.panel') != null
      const id = blockOf(here) ?? (inPanel ? ui.getState().selected[0] : undefined)
      if (id === undefined || event.changes.keys.get(id)?.action !== 'delete') return
      if (takesKeys(here)) lostText = performance.now()
      // A block that fills the window says so itself.
      if (ui.getState().solo === id) return
      const text = words
      // What was written here while the other deleted it comes back with nobody's undo.
      if (text === '') toast('Somebody deleted this block.')
      else {
        const run = (): void => void copy(text)
        toast('Somebody deleted this block.', { label: 'Copy its text', run })
      }
    }
    const onTransaction = ({ local }: { local: boolean }): void => {
      if (local) return
      const here = document.activeElement
      const written = takesKeys(here) ? blocks.get(blockOf(here) ?? '') : undefined
      words = (written && narrativeText(written)?.toString()) ?? ''
    }
    const onKey = (event: KeyboardEvent): void => {
      if (lostText === 0) return
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey
      const typed =
        event.key.length === 1 || event.key === 'Backspace' || event.key === 'Delete' || event.key === 'Enter'
      const now = performance.now()
      const on = now - lostText < PAUSE && plain && typed && !takesKeys(event.target)
      lostText = on ? now : 0
      if (!on) return
      event.preventDefault()
      event.stopImmediatePropagation()
    }

    document.addEventListener('focusin', onIn)
    document.addEventListener('focusout', onOut)
    // Not every browser tells that an element with the focus was removed.
    document.addEventListener('keyup', onOut)
    addEventListener('keydown', onKey, true)
    session.doc.on('beforeTransaction', onTransaction)
    blocks.observe(onBlocks)
    return () => {
      document.removeEventListener('focusin', onIn)
      document.removeEventListener('focusout', onOut)
      document.removeEventListener('keyup', onOut)
      removeEventListener('keydown', onKey, true)
      blocks.unobserve(onBlocks)
      session.doc.off('beforeTransaction', onTransaction)
    }
  }, [session, ui])
}

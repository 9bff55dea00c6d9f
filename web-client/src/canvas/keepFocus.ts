/**
 * The focus when what had it is gone: a block that is deleted, by oneself or by somebody else, a panel that is closed. It
 * goes to the block around, or to the canvas, never to the next block: who goes on typing must not change that.
 */
import { useEffect } from 'react'
import { type Blocks, blocksMap } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { takesKeys } from './keys'
import type { UiStore } from './ui'

/** Who was typing when the text went away has typed on for a while: until a pause of this long those keys are no commands. Milliseconds. */
const PAUSE = 1_200

const frameOf = (id: string | undefined): HTMLElement | null =>
  id === undefined ? null : document.querySelector<HTMLElement>(`[data-block-id="${CSS.escape(id)}"]`)

const blockOf = (element: Element | null): string | undefined =>
  element?.closest<HTMLElement>('[data-block-id]')?.dataset.blockId

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
    let block: string | undefined
    let lostText = 0

    const onIn = ({ target }: FocusEvent): void => {
      // What lies over the canvas gives the focus back by itself.
      last = target instanceof HTMLElement && target.closest('.canvas') !== null ? target : null
      block = blockOf(last)
    }
    const check = (): void => {
      if (last === null || last.isConnected || document.activeElement !== document.body) return
      last = null
      const heir = block ?? ui.getState().selected[0]
      const frame = frameOf(heir)
      if (frame === null) focusCanvas()
      else frame.focus({ preventScroll: true })
    }
    const onOut = (): void => void requestAnimationFrame(check)

    const onBlocks = (event: Parameters<Parameters<Blocks['observe']>[0]>[0]): void => {
      if (event.transaction.local) return
      const here = document.activeElement
      const inPanel = here?.closest('.panel') != null
      const id = blockOf(here) ?? (inPanel ? ui.getState().selected[0] : undefined)
      if (id === undefined || event.changes.keys.get(id)?.action !== 'delete') return
      if (takesKeys(here)) lostText = performance.now()
      // A block that fills the window says so itself.
      if (ui.getState().solo !== id) toast('Somebody deleted this block.')
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
    blocks.observe(onBlocks)
    return () => {
      document.removeEventListener('focusin', onIn)
      document.removeEventListener('focusout', onOut)
      document.removeEventListener('keyup', onOut)
      removeEventListener('keydown', onKey, true)
      blocks.unobserve(onBlocks)
    }
  }, [session, ui])
}

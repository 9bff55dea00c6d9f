/** Turning the pages of a presented canvas: which page is shown, and the way to the next. Loaded when somebody presents. */
import { blocksMap, blockType } from '../doc/schema'
import { offsetOf, spotsOf } from '../presence/follow'
import type { CanvasSession } from '../sync/session'
import { blockName } from './actions'
import { type Page, pageAt, pagesOf } from './pages'

/** Room above and below a page. Pixels. */
const MARGIN = 40
/** How long scrolling from page to page takes at most. Milliseconds. */
const GLIDE = 420

export type Deck = {
  go: (by: number) => void
  toEnd: (last: boolean) => void
  stop: () => void
}

/** Pages through the canvas. `onPage` hears where we are, counted from one, and what the page is about. */
export const createDeck = (
  session: CanvasSession,
  scroller: HTMLElement,
  onPage: (page: number, of: number, about: string) => void,
): Deck => {
  let frame = 0
  let index = -1
  const blocks = blocksMap(session.doc)

  const grid = (): Element | null => scroller.querySelector('[data-testid="grid"]')
  const pages = (): Page[] => {
    const element = grid()
    if (element === null) return []
    const tiles = spotsOf(element).map((spot) => {
      const block = blocks.get(spot.id)
      const type = block === undefined ? '' : blockType(block)
      return { ...spot, heading: type === 'heading' }
    })
    return pagesOf(tiles, scroller.clientHeight - 2 * MARGIN)
  }

  /** Puts a page in the middle of the window and hides what is not on it. */
  const show = (list: readonly Page[], at: number, glide: boolean): void => {
    const page = list[at]
    const element = grid()
    if (page === undefined || element === null) return
    index = at
    const height = page.bottom - page.top
    const room = scroller.clientHeight
    const goal = Math.max(0, offsetOf(scroller, element) + page.top - Math.max(MARGIN, (room - height) / 2))
    const edge = Math.max(MARGIN, (room - height) / 2)
    scroller.style.setProperty('--page-edge', `${edge}px`)
    cancelAnimationFrame(frame)
    const from = scroller.scrollTop
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
    const start = performance.now()
    const tick = (now: number): void => {
      const part = glide && !calm ? Math.min(1, Math.max(0, now - start) / GLIDE) : 1
      scroller.scrollTop = from + (goal - from) * (1 - (1 - part) ** 3)
      if (part < 1) frame = requestAnimationFrame(tick)
    }
    tick(start)
    const first = spotsOf(element).find((spot) => spot.top >= page.top - 1 && spot.top < page.bottom)
    const block = first === undefined ? undefined : blocks.get(first.id)
    onPage(at + 1, list.length, block === undefined ? '' : blockName(block))
  }

  const here = (): number => {
    const element = grid()
    if (element === null) return 0
    return scroller.scrollTop - offsetOf(scroller, element) + scroller.clientHeight / 3
  }
  const current = (list: readonly Page[]): number =>
    index < 0 ? pageAt(list, here()) : Math.min(index, list.length - 1)
  const again = (): void => {
    const list = pages()
    show(list, current(list), false)
  }
  /** Somebody scrolls freely: show everything, and count from where that leads. */
  const free = (): void => {
    cancelAnimationFrame(frame)
    scroller.style.setProperty('--page-edge', '0px')
    index = -1
  }
  scroller.addEventListener('wheel', free, { passive: true })
  scroller.addEventListener('touchmove', free, { passive: true })
  const observer = new ResizeObserver(again)
  observer.observe(scroller)

  return {
    go: (by) => {
      const list = pages()
      show(list, Math.max(0, Math.min(list.length - 1, current(list) + by)), true)
    },
    toEnd: (last) => {
      const list = pages()
      show(list, last ? list.length - 1 : 0, true)
    },
    stop: () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
      scroller.removeEventListener('wheel', free)
      scroller.removeEventListener('touchmove', free)
      scroller.style.removeProperty('--page-edge')
    },
  }
}

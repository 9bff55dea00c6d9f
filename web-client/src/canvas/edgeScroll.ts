/** Scrolls the canvas while something is dragged near its upper or lower edge: one step, called once a frame. */

/** Distance from an edge at which the canvas scrolls, and the most it scrolls in one frame. Pixels. */
const EDGE = 48
const SPEED = 14

/** `y` is the pointer's place in the window. */
export const edgeScroll = (scroller: HTMLElement | null, y: number): void => {
  if (scroller === null) return
  const box = scroller.getBoundingClientRect()
  const above = box.top + EDGE - y
  const below = y - (box.bottom - EDGE)
  const by = below > 0 ? below : above > 0 ? -above : 0
  if (by !== 0) scroller.scrollTop += Math.sign(by) * Math.min(SPEED, Math.ceil(Math.abs(by) / 4))
}

/** What can wait until the page has drawn what people came for. */
import { useEffect, useState } from 'react'

/** The first blocks have this long for themselves; then the first quiet moment counts, or the end of patience. Milliseconds. */
const FIRST = 1_200
const PATIENCE = 1_000

/** Who scrolls, presses or types does not look at the first screen any more. */
const ACTS = ['wheel', 'touchmove', 'pointerdown', 'keydown'] as const

/** Runs `work` once the page has had time for its first screen, or when somebody does something. The returned function takes it back. */
export const whenIdle = (work: () => void): (() => void) => {
  let idle = 0
  const stop = (): void => {
    clearTimeout(timer)
    if (idle !== 0) cancelIdleCallback(idle)
    for (const act of ACTS) removeEventListener(act, now, true)
  }
  const now = (): void => {
    stop()
    work()
  }
  const timer = setTimeout(() => {
    // Safari has no idle callbacks.
    if (typeof requestIdleCallback === 'undefined') now()
    else idle = requestIdleCallback(now, { timeout: PATIENCE })
  }, FIRST)
  for (const act of ACTS) addEventListener(act, now, { capture: true, passive: true })
  return stop
}

/** False while the page has better things to do. */
export const useIdle = (): boolean => {
  const [idle, setIdle] = useState(false)
  useEffect(() => whenIdle(() => setIdle(true)), [])
  return idle
}

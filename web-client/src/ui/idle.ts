/** What can wait until the page has drawn what people came for. */
import { useEffect, useState } from 'react'

/** The first blocks have this long for themselves; then the first quiet moment counts, or the end of patience. Milliseconds. */
const FIRST = 400
const PATIENCE = 1_000

/** Runs `work` once the page has had time for its first screen. The returned function takes it back. */
export const whenIdle = (work: () => void): (() => void) => {
  let idle = 0
  const timer = setTimeout(() => {
    // Safari has no idle callbacks.
    if (typeof requestIdleCallback === 'undefined') work()
    else idle = requestIdleCallback(work, { timeout: PATIENCE })
  }, FIRST)
  return () => {
    clearTimeout(timer)
    if (idle !== 0) cancelIdleCallback(idle)
  }
}

/** False while the page has better things to do. */
export const useIdle = (): boolean => {
  const [idle, setIdle] = useState(false)
  useEffect(() => whenIdle(() => setIdle(true)), [])
  return idle
}

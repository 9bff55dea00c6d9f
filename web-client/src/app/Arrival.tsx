/**
 * For those who do not see the page change: the skip link, and after going to another page the focus at its beginning
 * and its name read out.
 */
import { useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'

/** The main part, whichever page is shown; it takes the focus only when told to. */
const focusMain = (): void => {
  const main = document.querySelector<HTMLElement>('main')
  if (main === null) return
  if (!main.hasAttribute('tabindex')) main.tabIndex = -1
  main.focus({ preventScroll: true })
}

export function Arrival() {
  const [path] = useLocation()
  const before = useRef(path)
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    // The page names itself when its content is there; what has the focus by then keeps it.
    const old = document.title
    const arrive = (): void => {
      clearInterval(waiting)
      clearTimeout(limit)
      setSaid(document.title)
      if (document.activeElement === null || document.activeElement === document.body) focusMain()
    }
    const waiting = setInterval(() => {
      if (document.title !== old && document.querySelector('main') !== null) arrive()
    }, 50)
    const limit = setTimeout(arrive, 2_000)
    return () => {
      clearInterval(waiting)
      clearTimeout(limit)
    }
  }, [path])
  return (
    <>
      <button type="button" className="app-skip" onClick={focusMain}>
        Skip to the content
      </button>
      <div className="visually-hidden" aria-live="polite" data-testid="arrived">
        {said}
      </div>
    </>
  )
}

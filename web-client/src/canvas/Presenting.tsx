/**
 * What is over a canvas without bars: where we are in the presentation and the way out. It fades while nobody moves, and
 * is there again for a pointer, a finger or the Tab key.
 */
import { ChevronLeft, ChevronRight, X } from 'lucide-react'
import { type RefObject, useEffect, useRef, useState } from 'react'
import { useStore } from 'zustand'
import type { CanvasSession } from '../sync/session'
import { IconButton } from '../ui/Button'
import { createDeck, type Deck } from './deck'
import { takesKeys } from './keys'
import { Status } from './Status'
import { announce, type UiStore } from './ui'
import { closeSolo, leaveMode } from './viewMode'

/** The control and the pointer disappear after this long without a move. Milliseconds. */
const QUIET = 2_500

type Props = { session: CanvasSession; ui: UiStore; scroller: RefObject<HTMLElement | null> }

export default function Presenting({ session, ui, scroller }: Props) {
  const mode = useStore(ui, (state) => state.mode)
  const solo = useStore(ui, (state) => state.solo)
  if (solo !== null) {
    return (
      <section className="presenting" aria-label="Full screen" data-testid="solo-bar">
        <IconButton label="Back to the canvas" keys="Esc" icon={<X />} onClick={() => closeSolo(ui)} />
      </section>
    )
  }
  if (mode === 'present') return <Pages session={session} ui={ui} scroller={scroller} />
  if (mode === 'kiosk') return <Kiosk session={session} ui={ui} />
  return null
}

const STEPS: Record<string, number> = {
  ArrowRight: 1,
  ArrowDown: 1,
  PageDown: 1,
  ' ': 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  PageUp: -1,
}

function Pages({ session, ui, scroller }: Props) {
  const [page, setPage] = useState({ at: 1, of: 1 })
  const deck = useRef<Deck | null>(null)
  const quiet = useQuiet()

  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const made = createDeck(session, element, (at, of, about) => {
      setPage((last) => {
        if (last.at !== at || last.of !== of) announce(ui, `Page ${at} of ${of}${about === '' ? '' : `: ${about}`}.`)
        return { at, of }
      })
    })
    deck.current = made
    announce(ui, 'Presenting. The arrow keys turn the pages, Escape ends it.')
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return
      // A space on a button presses it.
      if (event.key === ' ' && event.target instanceof Element && event.target.closest('button, a') !== null) return
      const step = event.key === ' ' && event.shiftKey ? -1 : STEPS[event.key]
      if (step !== undefined) made.go(step)
      else if (event.key === 'Home' || event.key === 'End') made.toEnd(event.key === 'End')
      else return
      event.preventDefault()
      event.stopPropagation()
    }
    addEventListener('keydown', onKey, true)
    return () => {
      removeEventListener('keydown', onKey, true)
      made.stop()
      deck.current = null
    }
  }, [session, ui, scroller])

  return (
    <section
      className="presenting"
      aria-label="Presentation"
      data-testid="presenting"
      data-quiet={quiet ? '' : undefined}
    >
      <Trouble session={session} />
      <IconButton
        label="Previous page"
        keys="←"
        icon={<ChevronLeft />}
        disabled={page.at <= 1}
        onClick={() => deck.current?.go(-1)}
      />
      <span className="presenting-page" data-testid="page">
        {page.at} / {page.of}
      </span>
      <IconButton
        label="Next page"
        keys="→"
        icon={<ChevronRight />}
        disabled={page.at >= page.of}
        onClick={() => deck.current?.go(1)}
      />
      <span className="bar-line" />
      <IconButton label="End the presentation" keys="Esc" icon={<X />} onClick={() => leaveMode(ui)} />
    </section>
  )
}

function Kiosk({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const quiet = useQuiet()
  return (
    <section className="presenting" aria-label="Kiosk" data-testid="kiosk" data-quiet={quiet ? '' : undefined}>
      <Trouble session={session} />
      <IconButton label="Leave the kiosk" keys="Esc" icon={<X />} onClick={() => leaveMode(ui)} />
    </section>
  )
}

/** What hangs on a wall must not pretend to be up to date. */
function Trouble({ session }: { session: CanvasSession }) {
  const kind = useStore(session.store, (state) => state.status.kind)
  return kind === 'offline' || kind === 'reconnecting' || kind === 'closed' ? <Status session={session} /> : null
}

/** True while nobody moves a pointer; the page then hides the pointer, too. */
function useQuiet(): boolean {
  const [quiet, setQuiet] = useState(false)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null
    const moved = (): void => {
      setQuiet(false)
      if (timer !== null) clearTimeout(timer)
      timer = setTimeout(() => setQuiet(true), QUIET)
    }
    moved()
    addEventListener('pointermove', moved, { passive: true })
    addEventListener('pointerdown', moved, { passive: true })
    return () => {
      if (timer !== null) clearTimeout(timer)
      removeEventListener('pointermove', moved)
      removeEventListener('pointerdown', moved)
    }
  }, [])
  useEffect(() => {
    document.documentElement.toggleAttribute('data-quiet', quiet)
    return () => document.documentElement.removeAttribute('data-quiet')
  }, [quiet])
  return quiet
}

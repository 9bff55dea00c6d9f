/**
 * Following: our window shows what somebody else's shows.
 *
 * Owns: saying which block is at the top of our window, and turning somebody's answer into a scroll position of ours. It
 * goes by block, not by pixel: the same block is at the top on a phone and on a wall. Refuses drawing.
 */
import { type RefObject, useEffect } from 'react'
import * as Y from 'yjs'
import { useStore } from 'zustand'
import { announce, type UiStore } from '../canvas/ui'
import { blocksMap } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { peopleOf } from './people'
import { readPeer, type View } from './state'

/** A block in the column of everything: where it starts and how high it is. In reading order. */
export type Spot = { id: string; top: number; height: number }

/** Four digits are less than a pixel of any block. */
const round = (value: number): number => Math.round(value * 1e4) / 1e4

/** The window's top edge at `y` of the grid: the block that starts last above it, else the next one below. */
export const viewAt = (spots: readonly Spot[], y: number): View | null => {
  let inside: Spot | null = null
  let below: Spot | null = null
  let last: Spot | null = null
  for (const spot of spots) {
    if (spot.top <= y && y < spot.top + spot.height && (inside === null || spot.top > inside.top)) inside = spot
    if (spot.top > y && (below === null || spot.top < below.top)) below = spot
    if (last === null || spot.top > last.top) last = spot
  }
  const at = inside ?? below ?? last
  return at === null ? null : { block: at.id, top: round((y - at.top) / Math.max(1, at.height)) }
}

/** Where in the grid that edge is for us, or null if we do not have the block. */
export const topOf = (spots: readonly Spot[], view: View): number | null => {
  const spot = spots.find(({ id }) => id === view.block)
  return spot === undefined ? null : spot.top + view.top * spot.height
}

/** Places of the blocks, read from the styles the grid wrote: no layout is needed for them. */
export const spotsOf = (grid: Element): Spot[] =>
  [...grid.querySelectorAll<HTMLElement>('[data-block-id]')].map((frame) => ({
    id: frame.dataset.blockId ?? '',
    top: Number.parseFloat(frame.style.getPropertyValue('--y')) || 0,
    height: Number.parseFloat(frame.style.getPropertyValue('--h')) || 0,
  }))

/** Where the grid begins in the scrolled content. */
export const offsetOf = (scroller: Element, grid: Element): number =>
  grid.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop

const gridIn = (scroller: Element): Element | null => scroller.querySelector('[data-testid="grid"]')

/** Tells others what is at the top of our window. */
export function useViewPresence(session: CanvasSession, scroller: RefObject<HTMLElement | null>, ready: boolean): void {
  useEffect(() => {
    const element = scroller.current
    if (element === null || !ready) return
    let frame = 0
    const send = (): void => {
      frame = 0
      const grid = gridIn(element)
      if (grid !== null) session.presence.setView(viewAt(spotsOf(grid), element.scrollTop - offsetOf(element, grid)))
    }
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(send)
    }
    // Blocks that move under a resting window change what is at its top. Text does not.
    const blocks = blocksMap(session.doc)
    let later: ReturnType<typeof setTimeout> | null = null
    const onBlocks = (events: readonly Y.YEvent<Y.AbstractType<unknown>>[]): void => {
      if (later !== null || events.every((event) => event instanceof Y.YTextEvent)) return
      later = setTimeout(() => {
        later = null
        soon()
      }, 120)
    }
    blocks.observeDeep(onBlocks)
    soon()
    element.addEventListener('scroll', soon, { passive: true })
    addEventListener('resize', soon)
    return () => {
      cancelAnimationFrame(frame)
      if (later !== null) clearTimeout(later)
      blocks.unobserveDeep(onBlocks)
      element.removeEventListener('scroll', soon)
      removeEventListener('resize', soon)
    }
  }, [session, scroller, ready])
}

export const follow = (session: CanvasSession, ui: UiStore, id: string): void => {
  const person = peopleOf(session.awareness).find((one) => one.id === id)
  if (person === undefined) return
  ui.setState({ following: id })
  announce(ui, `Following ${person.name}. Any key or click of yours stops it.`)
}

export const stopFollowing = (ui: UiStore, why = 'No longer following.'): void => {
  if (ui.getState().following === null) return
  ui.setState({ following: null })
  announce(ui, why)
}

/** The client of that person to follow: one where somebody is at work rather than one left open. */
const viewOf = (session: CanvasSession, id: string): { here: boolean; name: string; view: View | null } => {
  const peers = [...session.awareness.getStates()]
    .filter(([client]) => client !== session.awareness.clientID)
    .flatMap(([client, state]) => readPeer(client, state) ?? [])
    .filter((peer) => peer.user.id === id)
  const best = peers.find((peer) => !peer.idle && peer.view !== null) ?? peers.find((peer) => peer.view !== null)
  return { here: peers.length > 0, name: peers[0]?.user.name ?? '', view: best?.view ?? null }
}

/** A reload takes somebody away for a moment only. Milliseconds. */
const PATIENCE = 2_500
/** The time in which two thirds of the way are gone. Milliseconds. */
const EASE = 90
const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'Meta', 'CapsLock', 'AltGraph', 'Fn'])

/** Scrolls along with the person that `ui.following` names, until either of the two does something else. */
export function useFollow(
  session: CanvasSession,
  ui: UiStore,
  scroller: RefObject<HTMLElement | null>,
  ready: boolean,
): void {
  const id = useStore(ui, (state) => state.following)
  useEffect(() => {
    const element = scroller.current
    if (id === null || element === null || !ready) return
    let name = viewOf(session, id).name
    let frame = 0
    let before = 0
    let gone: ReturnType<typeof setTimeout> | null = null
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches

    const tick = (now: number): void => {
      frame = 0
      const grid = gridIn(element)
      const { view } = viewOf(session, id)
      if (grid === null || view === null) return
      const top = topOf(spotsOf(grid), view)
      if (top === null) return
      const goal = Math.min(Math.max(0, top + offsetOf(element, grid)), element.scrollHeight - element.clientHeight)
      const rest = goal - element.scrollTop
      if (Math.abs(rest) < 2 || calm) {
        element.scrollTop = goal
        before = 0
        return
      }
      const elapsed = before === 0 ? 16 : Math.min(100, now - before)
      before = now
      element.scrollTop += Math.sign(rest) * Math.max(1, Math.abs(rest) * (1 - Math.exp(-elapsed / EASE)))
      frame = requestAnimationFrame(tick)
    }
    const move = (): void => {
      if (frame === 0) frame = requestAnimationFrame(tick)
    }
    const leave = (): void => {
      gone = null
      if (viewOf(session, id).here) return
      if (session.store.getState().sync.connection !== 'connected') {
        // It is us who are away; then everybody seems to be gone.
        gone = setTimeout(leave, PATIENCE)
        return
      }
      const text = `${name} has left, so you are no longer following.`
      stopFollowing(ui, text)
      toast(text)
    }
    const onChange = (): void => {
      const now = viewOf(session, id)
      if (now.here) {
        name = now.name
        if (gone !== null) clearTimeout(gone)
        gone = null
        move()
      } else if (gone === null) gone = setTimeout(leave, PATIENCE)
    }
    /** Our own hand on anything ends it; the buttons that start and stop it speak for themselves. */
    const onAction = (event: Event): void => {
      if (event.target instanceof Element && event.target.closest('[data-follow]') !== null) return
      stopFollowing(ui)
    }
    const onKey = (event: KeyboardEvent): void => {
      if (MODIFIERS.has(event.key)) return
      if (event.key === 'Escape') {
        // This press has done its work: the selection stays.
        event.preventDefault()
        event.stopPropagation()
        stopFollowing(ui)
        return
      }
      // On the button that stops it, only what presses that button is the button's.
      if (event.key === 'Enter' || event.key === ' ') onAction(event)
      else stopFollowing(ui)
    }

    const actions = ['pointerdown', 'wheel', 'touchstart'] as const
    session.awareness.on('change', onChange)
    for (const type of actions) addEventListener(type, onAction, { capture: true, passive: true })
    addEventListener('keydown', onKey, true)
    addEventListener('resize', move)
    move()
    return () => {
      cancelAnimationFrame(frame)
      if (gone !== null) clearTimeout(gone)
      session.awareness.off('change', onChange)
      for (const type of actions) removeEventListener(type, onAction, { capture: true })
      removeEventListener('keydown', onKey, true)
      removeEventListener('resize', move)
    }
  }, [session, ui, scroller, ready, id])
}

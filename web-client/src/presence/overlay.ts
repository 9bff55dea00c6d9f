/**
 * Other people on the canvas: cursors, outlines of what they selected, ghosts of what they drag.
 *
 * Owns one layer of plain DOM over the grid. It subscribes to awareness itself: twenty cursor moves a second from ten
 * people must not render the canvas. Colours and names come from other programs: names are set as text, colours checked.
 */
import { PerfectCursor } from 'perfect-cursors'
import type { Awareness } from 'y-protocols/awareness'
import { GAP, type Metrics, type Rect, ROW, rectOf } from '../canvas/layout'
import { type Here, peopleOf, tagOf } from './people'
import { inkOn, type Peer, readPeer } from './state'

/** A cursor that rests this long loses its label. Milliseconds. */
const LABEL = 3_000

type Shown = {
  peer: Peer
  /** The name on the tags. */
  name: string
  cursor: HTMLElement | null
  smooth: PerfectCursor | null
  last: string
  label: ReturnType<typeof setTimeout> | null
  outlines: Map<string, HTMLElement>
  ghosts: Map<string, HTMLElement>
}

const element = (className: string, testId: string): HTMLElement => {
  const made = document.createElement('div')
  made.className = className
  made.dataset.testid = testId
  return made
}

const tag = (name: string): HTMLElement => {
  const made = document.createElement('span')
  made.className = 'presence-tag'
  made.textContent = name
  return made
}

const paint = (target: HTMLElement, color: string): void => {
  target.style.setProperty('--person', color)
  target.style.setProperty('--person-ink', inkOn(color))
}

const place = (target: HTMLElement, rect: Rect): void => {
  target.style.transform = `translate(${rect.left}px, ${rect.top}px)`
  target.style.width = `${rect.width}px`
  target.style.height = `${rect.height}px`
}

const ARROW =
  '<svg width="18" height="20" viewBox="0 0 18 20" aria-hidden="true"><path d="M1.6 1.2 16 9.6l-6.5 1.5-3.2 6.2z" fill="var(--person)" stroke="#fff" stroke-width="1.4" stroke-linejoin="round"/></svg>'

export class Overlay {
  private readonly layer = element('presence', 'presence')
  private readonly people = new Map<number, Shown>()
  private rects: ReadonlyMap<string, Rect> = new Map()
  private metrics: Metrics = { width: 0, columns: 12 }
  private here: readonly Here[]

  constructor(
    host: HTMLElement,
    private readonly awareness: Awareness,
  ) {
    this.here = peopleOf(awareness)
    this.layer.setAttribute('aria-hidden', 'true')
    host.append(this.layer)
    awareness.on('change', this.onChange)
    for (const client of awareness.getStates().keys()) this.update(client)
  }

  /** Called with every layout: what is relative to a block moves with it. */
  layout(rects: ReadonlyMap<string, Rect>, metrics: Metrics): void {
    this.rects = rects
    this.metrics = metrics
    for (const shown of this.people.values()) this.draw(shown)
  }

  private readonly onChange = (change: { added: number[]; updated: number[]; removed: number[] }): void => {
    if (change.added.length + change.removed.length > 0) this.here = peopleOf(this.awareness)
    for (const client of change.removed) this.drop(client)
    for (const client of [...change.added, ...change.updated]) this.update(client)
    // A second window of somebody who is here, or the last but one closed: their tags are numbered anew.
    if (change.added.length + change.removed.length > 0)
      for (const client of [...this.people.keys()]) this.update(client)
  }

  private get me(): string {
    return readPeer(this.awareness.clientID, this.awareness.getLocalState())?.user.id ?? ''
  }

  private update(client: number): void {
    if (client === this.awareness.clientID) return
    const peer = readPeer(client, this.awareness.getStates().get(client))
    if (peer === null) {
      this.drop(client)
      return
    }
    peer.user.color = this.here.find(({ id }) => id === peer.user.id)?.color ?? peer.user.color
    const shown = this.people.get(client)
    const name = this.nameOf(peer)
    if (shown === undefined || shown.name !== name || shown.peer.user.color !== peer.user.color) {
      this.drop(client)
      const fresh: Shown = {
        peer,
        name,
        cursor: null,
        smooth: null,
        last: '',
        label: null,
        outlines: new Map(),
        ghosts: new Map(),
      }
      this.people.set(client, fresh)
      this.draw(fresh)
      return
    }
    shown.peer = peer
    this.draw(shown)
  }

  /** Who is here changes far less often than where they point: read again only when it does. */
  private nameOf(peer: Peer): string {
    const { id, name } = peer.user
    return tagOf(this.here, this.me, id, peer.client, name)
  }

  private draw(shown: Shown): void {
    if (this.metrics.width === 0) return
    this.drawCursor(shown)
    this.drawOutlines(shown)
    this.drawGhosts(shown)
  }

  private point({ pointer }: Peer): [number, number] | null {
    if (pointer === null) return null
    if (pointer.block === null) return [pointer.fx * this.metrics.width, pointer.fy * (ROW + GAP)]
    const rect = this.rects.get(pointer.block)
    return rect === undefined ? null : [rect.left + pointer.fx * rect.width, rect.top + pointer.fy * rect.height]
  }

  private drawCursor(shown: Shown): void {
    const point = shown.peer.idle ? null : this.point(shown.peer)
    if (point === null) {
      this.dropCursor(shown)
      return
    }
    const key = `${point[0]},${point[1]}`
    if (shown.last === key) return
    shown.last = key
    if (shown.cursor === null) {
      const cursor = element('presence-cursor', 'remote-cursor')
      cursor.dataset.user = shown.peer.user.name
      cursor.innerHTML = ARROW
      cursor.append(tag(shown.name))
      paint(cursor, shown.peer.user.color)
      this.layer.append(cursor)
      shown.cursor = cursor
      shown.smooth = new PerfectCursor(([x = 0, y = 0]) => {
        cursor.style.transform = `translate(${x}px, ${y}px)`
      })
    }
    shown.smooth?.addPoint(point)
    const cursor = shown.cursor
    delete cursor.dataset.still
    if (shown.label !== null) clearTimeout(shown.label)
    shown.label = setTimeout(() => {
      cursor.dataset.still = ''
    }, LABEL)
  }

  private drawOutlines(shown: Shown): void {
    const { peer, outlines } = shown
    const wanted = new Set(peer.selection)
    for (const [id, outline] of outlines) {
      if (wanted.has(id) && this.rects.has(id)) continue
      outline.remove()
      outlines.delete(id)
    }
    for (const id of wanted) {
      const rect = this.rects.get(id)
      if (rect === undefined) continue
      let outline = outlines.get(id)
      if (outline === undefined) {
        outline = element('presence-outline', 'remote-selection')
        outline.dataset.user = peer.user.name
        outline.append(tag(shown.name))
        paint(outline, peer.user.color)
        this.layer.append(outline)
        outlines.set(id, outline)
      }
      // Names of several people on one block stand beside each other.
      const before = [...this.people.values()].filter(
        (other) => other.peer.client < peer.client && other.outlines.has(id),
      ).length
      outline.style.setProperty('--nth', String(before))
      place(outline, rect)
    }
  }

  private drawGhosts(shown: Shown): void {
    const { peer, ghosts } = shown
    const drags = new Map(peer.drags.filter(({ id }) => this.rects.has(id)).map((drag) => [drag.id, drag]))
    for (const [id, ghost] of ghosts) {
      if (drags.has(id)) continue
      ghost.remove()
      ghosts.delete(id)
    }
    for (const [id, drag] of drags) {
      let ghost = ghosts.get(id)
      if (ghost === undefined) {
        ghost = element('presence-ghost', 'remote-drag')
        ghost.dataset.user = peer.user.name
        // One name for all that is in one hand.
        if (ghosts.size === 0) ghost.append(tag(shown.name))
        paint(ghost, peer.user.color)
        this.layer.append(ghost)
        ghosts.set(id, ghost)
      }
      place(ghost, rectOf(drag, this.metrics))
    }
  }

  private dropCursor(shown: Shown): void {
    if (shown.label !== null) clearTimeout(shown.label)
    shown.smooth?.dispose()
    shown.cursor?.remove()
    shown.cursor = null
    shown.smooth = null
    shown.last = ''
  }

  private drop(client: number): void {
    const shown = this.people.get(client)
    if (shown === undefined) return
    this.dropCursor(shown)
    for (const outline of shown.outlines.values()) outline.remove()
    for (const ghost of shown.ghosts.values()) ghost.remove()
    this.people.delete(client)
  }

  dispose(): void {
    this.awareness.off('change', this.onChange)
    for (const client of [...this.people.keys()]) this.drop(client)
    this.layer.remove()
  }
}

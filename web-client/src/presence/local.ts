/**
 * Our own presence. Owns the rate at which it is sent; refuses drawing anything.
 *
 * A mouse reports far more often than anybody can see: changes are gathered and sent at most every 45 ms, with the last
 * one always sent, so that a cursor never rests in a place where it is not.
 */
import type { Awareness } from 'y-protocols/awareness'
import type { Person } from '../protocol/messages'
import type { Drag, Pointer, View } from './state'

const EVERY = 45
/** Without a move or a key for this long a person counts as away. Milliseconds. */
const AWAY = 60_000

type Patch = {
  pointer?: Pointer | null
  drag?: Drag | readonly Drag[] | null
  selection?: string[]
  view?: View | null
  idle?: boolean
  user?: Person
}

export class LocalPresence {
  private waiting: Patch = {}
  private timer: ReturnType<typeof setTimeout> | null = null
  private away: ReturnType<typeof setTimeout> | null = null
  private last = Number.NEGATIVE_INFINITY

  constructor(
    private readonly awareness: Awareness,
    private readonly now: () => number = () => performance.now(),
  ) {}

  setUser(user: Person): void {
    this.send({ user })
  }
  setSelection(selection: string[]): void {
    this.queue({ selection })
  }
  setPointer(pointer: Pointer | null): void {
    this.stir()
    this.queue({ pointer })
  }
  /** Several blocks at once: the one in the hand comes first. */
  setDrag(drag: Drag | readonly Drag[] | null): void {
    this.queue({ drag })
  }
  setView(view: View | null): void {
    const now = this.waiting.view ?? (this.awareness.getLocalState()?.view as View | null | undefined)
    if (now?.block === view?.block && now?.top === view?.top) return
    this.queue({ view })
  }

  /** The person is at work here, by whatever means: who types moves no pointer. */
  stir(): void {
    if (this.away !== null) clearTimeout(this.away)
    this.away = setTimeout(() => this.queue({ idle: true, pointer: null }), AWAY)
    if (this.awareness.getLocalState()?.idle === true) this.queue({ idle: false })
  }

  private queue(patch: Patch): void {
    Object.assign(this.waiting, patch)
    if (this.timer !== null) return
    const wait = Math.max(0, EVERY - (this.now() - this.last))
    if (wait === 0) this.flush()
    else this.timer = setTimeout(() => this.flush(), wait)
  }

  private flush(): void {
    this.timer = null
    this.last = this.now()
    const patch = this.waiting
    this.waiting = {}
    this.send(patch)
  }

  private send(patch: Patch): void {
    const state = this.awareness.getLocalState()
    if (state !== null) this.awareness.setLocalState({ ...state, ...patch })
  }

  dispose(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    if (this.away !== null) clearTimeout(this.away)
  }
}

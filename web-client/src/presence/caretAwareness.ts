/**
 * Awareness for text editors: the same states, but `change` fires only when a caret or a name changed.
 *
 * The editor binding dispatches a transaction into every open editor on any awareness change, mouse moves included; on
 * a canvas with many narratives that alone would drop frames. One of these is shared by all editors of a session.
 */
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { peersOf } from './people'

type Change = { added: number[]; updated: number[]; removed: number[] }
type Listener = (change: Change, origin: unknown) => void
type State = Record<string, unknown>

/** What an editor shows of somebody; equal strings mean nothing to redraw. */
const caretOf = (state: State | undefined): string =>
  state === undefined || state.cursor === null || state.cursor === undefined
    ? ''
    : JSON.stringify([state.cursor, state.user])

export class CaretAwareness {
  readonly doc: Y.Doc
  private readonly listeners = new Set<Listener>()
  private readonly seen = new Map<number, string>()

  constructor(private readonly source: Awareness) {
    this.doc = source.doc
    source.on('change', this.onChange)
  }

  get clientID(): number {
    return this.source.clientID
  }
  get states(): Map<number, State> {
    return this.source.states as Map<number, State>
  }
  /** With the colours that the people have on the rest of the canvas. */
  getStates(): Map<number, State> {
    const states = new Map(this.source.getStates() as Map<number, State>)
    for (const { client, user } of peersOf(this.source)) {
      const state = states.get(client)
      if (state !== undefined) states.set(client, { ...state, user: { ...(state.user as object), color: user.color } })
    }
    return states
  }
  getLocalState(): State | null {
    return this.source.getLocalState() as State | null
  }
  setLocalStateField(field: string, value: unknown): void {
    // Editors clear the caret on every blur and selection elsewhere: an unchanged one is not worth a message.
    if (JSON.stringify(this.getLocalState()?.[field] ?? null) === JSON.stringify(value ?? null)) return
    this.source.setLocalStateField(field, value)
  }

  on(event: string, listener: Listener): void {
    if (event === 'change') this.listeners.add(listener)
  }
  off(event: string, listener: Listener): void {
    if (event === 'change') this.listeners.delete(listener)
  }

  private readonly onChange = (change: Change, origin: unknown): void => {
    const states = this.source.getStates() as Map<number, State>
    const moved = (id: number): boolean => {
      const now = caretOf(states.get(id))
      if ((this.seen.get(id) ?? '') === now) return false
      if (now === '') this.seen.delete(id)
      else this.seen.set(id, now)
      return true
    }
    const passed: Change = {
      added: change.added.filter(moved),
      updated: change.updated.filter(moved),
      removed: change.removed.filter(moved),
    }
    if (passed.added.length + passed.updated.length + passed.removed.length === 0) return
    for (const listener of this.listeners) listener(passed, origin)
  }

  dispose(): void {
    this.source.off('change', this.onChange)
    this.listeners.clear()
  }
}

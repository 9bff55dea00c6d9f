/**
 * Text carets: ours into awareness, other people's into the editor.
 *
 * The binding's own plugin never takes a caret back when the editor loses focus, reuses a caret's label for another name
 * of the same colour, and puts any string it is sent as a colour into a style attribute. This one does the same work
 * without that, and wakes an editor only for carets that are, or were, in its own text.
 */
import { type EditorState, type Extension, Facet, RangeSet, StateEffect } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view'
import * as Y from 'yjs'
import type { CaretAwareness } from '../../../presence/caretAwareness'
import { inkOn, safeColor } from '../../../presence/state'

const moved = StateEffect.define<null>()

class Caret extends WidgetType {
  readonly color: string
  readonly name: string
  /** Changes with every move, so that the label of a caret that moves is shown again. */
  readonly move: number
  constructor(color: string, name: string, move: number) {
    super()
    this.color = color
    this.name = name
    this.move = move
  }
  override eq(other: Caret): boolean {
    return other.color === this.color && other.name === this.name && other.move === this.move
  }
  toDOM(): HTMLElement {
    const caret = document.createElement('span')
    caret.className = 'caret'
    caret.style.setProperty('--caret', this.color)
    const label = document.createElement('span')
    label.className = 'caret-name'
    label.style.color = inkOn(this.color)
    label.textContent = this.name
    // Word joiners keep the line from breaking at the caret.
    caret.append('\u2060', label, '\u2060')
    return caret
  }
  override ignoreEvent(): boolean {
    return true
  }
}

interface Remote {
  anchor: number
  head: number
  color: string
  name: string
}

type State = Record<string, unknown>

function offsetIn(text: Y.Text, json: unknown): number | null {
  if (typeof json !== 'object' || json === null || !text.doc) return null
  try {
    const position = Y.createRelativePositionFromJSON(json)
    const absolute = Y.createAbsolutePositionFromRelativePosition(position, text.doc, false)
    return absolute && absolute.type === text ? absolute.index : null
  } catch {
    // Another program's idea of a caret.
    return null
  }
}

function remoteOf(text: Y.Text, state: State | undefined): Remote | null {
  const cursor = state?.cursor as { anchor?: unknown; head?: unknown } | null | undefined
  if (!cursor || typeof cursor !== 'object') return null
  const anchor = offsetIn(text, cursor.anchor)
  const head = offsetIn(text, cursor.head)
  if (anchor === null || head === null) return null
  const user = (state?.user ?? {}) as { name?: unknown; color?: unknown }
  return {
    anchor,
    head,
    color: safeColor(user.color),
    name: typeof user.name === 'string' && user.name !== '' ? user.name.slice(0, 60) : 'Somebody',
  }
}

class Carets {
  decorations: DecorationSet = RangeSet.empty
  private readonly view: EditorView
  private readonly text: Y.Text
  private readonly awareness: CaretAwareness
  private readonly remotes = new Map<number, Remote>()
  private readonly moves = new Map<number, { head: string; move: number }>()
  /** Whether the caret in our awareness state is this editor's. */
  private mine = false

  constructor(view: EditorView, text: Y.Text, awareness: CaretAwareness) {
    this.view = view
    this.text = text
    this.awareness = awareness
    for (const [id, state] of awareness.getStates()) this.take(id, state)
    this.draw(view.state.doc.length)
    awareness.on('change', this.onChange)
  }

  private readonly onChange = (change: { added: number[]; updated: number[]; removed: number[] }): void => {
    const states = this.awareness.getStates()
    let touched = false
    for (const id of [...change.added, ...change.updated, ...change.removed]) {
      const had = this.remotes.has(id)
      const has = this.take(id, states.get(id))
      touched ||= had || has
    }
    if (touched) this.view.dispatch({ effects: moved.of(null) })
  }

  private take(id: number, state: State | undefined): boolean {
    if (id === this.awareness.clientID) return false
    const remote = remoteOf(this.text, state)
    if (!remote) {
      this.remotes.delete(id)
      this.moves.delete(id)
      return false
    }
    this.remotes.set(id, remote)
    const head = JSON.stringify((state?.cursor as { head?: unknown } | undefined)?.head)
    const last = this.moves.get(id)
    if (!last || last.head !== head) this.moves.set(id, { head, move: (last?.move ?? 0) + 1 })
    return true
  }

  update(update: ViewUpdate): void {
    if (update.docChanged) {
      // Relative positions know where they are after any edit; the numbers from before do not.
      const states = this.awareness.getStates()
      for (const id of [...this.remotes.keys()]) this.take(id, states.get(id))
    }
    if (update.docChanged || update.transactions.some((one) => one.effects.some((effect) => effect.is(moved)))) {
      this.draw(update.state.doc.length)
    }
    if (update.docChanged || update.selectionSet || update.focusChanged) this.publish(update.view)
  }

  private publish(view: EditorView): void {
    if (view.hasFocus && !view.state.readOnly) {
      const { anchor, head } = view.state.selection.main
      this.mine = true
      this.awareness.setLocalStateField('cursor', {
        anchor: Y.createRelativePositionFromTypeIndex(this.text, anchor),
        head: Y.createRelativePositionFromTypeIndex(this.text, head),
      })
    } else this.retract()
  }

  private retract(): void {
    if (!this.mine) return
    this.mine = false
    // Another editor may have taken the focus, and the caret with it, before this one heard of the loss.
    const cursor = this.awareness.getLocalState()?.cursor as { head?: unknown } | null | undefined
    if (cursor && offsetIn(this.text, cursor.head) !== null) this.awareness.setLocalStateField('cursor', null)
  }

  private draw(length: number): void {
    const ranges = []
    for (const [id, remote] of this.remotes) {
      const anchor = Math.min(remote.anchor, length)
      const head = Math.min(remote.head, length)
      const from = Math.min(anchor, head)
      const to = Math.max(anchor, head)
      if (from < to) {
        ranges.push(
          Decoration.mark({
            class: 'caret-selection',
            attributes: { style: `background-color: color-mix(in srgb, ${remote.color} 24%, transparent)` },
          }).range(from, to),
        )
      }
      const widget = new Caret(remote.color, remote.name, this.moves.get(id)?.move ?? 0)
      ranges.push(Decoration.widget({ widget, side: head > anchor ? -1 : 1 }).range(head))
    }
    this.decorations = Decoration.set(ranges, true)
  }

  destroy(): void {
    this.awareness.off('change', this.onChange)
    this.retract()
  }
}

/** Asked when it matters: a list in the state would be a transaction for every move of a caret. */
const places = Facet.define<() => number[]>()

/** Where other people's carets are in this text. */
export const caretsOfOthers = (state: EditorState): number[] => state.facet(places).flatMap((ask) => ask())

export const carets = (text: Y.Text, awareness: CaretAwareness): Extension => [
  ViewPlugin.define((view) => new Carets(view, text, awareness), { decorations: (value) => value.decorations }),
  places.of(() =>
    [...awareness.getStates()].flatMap(([id, state]) => {
      const remote = id === awareness.clientID ? null : remoteOf(text, state)
      return remote ? [remote.head] : []
    }),
  ),
]

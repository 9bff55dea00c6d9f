/**
 * Whether the person is in the text: the editor has the focus, or a toolbar or card that belongs to it has. As state, since
 * tables are drawn from state.
 */
import { type EditorState, type Extension, Facet, StateEffect, StateField } from '@codemirror/state'
import { EditorView } from '@codemirror/view'

export const setInside = StateEffect.define<boolean>()

const insideField = StateField.define<boolean>({
  create: () => false,
  update: (value, transaction) =>
    transaction.effects.reduce((now, effect) => (effect.is(setInside) ? effect.value : now), value),
})

/** Marks what floats over a text and belongs to it; the value says to which. */
export const BELONGS = 'data-note-ui'

/** One name for each editor on the page. */
const nameFacet = Facet.define<string, string>({ combine: (values) => values[0] ?? '' })
let editors = 0

/** The attribute for what belongs to this editor. */
export const belongsTo = (state: EditorState): Record<string, string> => ({ [BELONGS]: state.facet(nameFacet) })

const isOurs = (state: EditorState, element: Element | null): boolean =>
  element?.closest(`[${BELONGS}]`)?.getAttribute(BELONGS) === state.facet(nameFacet)

export const isInside = (state: EditorState): boolean => state.field(insideField, false) ?? false

export const focusState = (): Extension => [
  insideField,
  nameFacet.of(String(++editors)),
  EditorView.focusChangeEffect.of((state, focusing) => setInside.of(focusing || isOurs(state, document.activeElement))),
]

/** For what floats over a text: tells the editor when the focus goes on to somewhere else. */
export const leaves = (view: EditorView, event: { relatedTarget: EventTarget | null }): void => {
  const to = event.relatedTarget
  if (to instanceof Element && (isOurs(view.state, to) || view.dom.contains(to))) return
  view.dispatch({ effects: setInside.of(false) })
}

/** True when a caret or an end of a selection is in the range while somebody edits. */
export function touchedBy(state: EditorState): (from: number, to: number) => boolean {
  if (state.readOnly || !isInside(state)) return () => false
  const { ranges } = state.selection
  return (from, to) => ranges.some((one) => (one.from >= from && one.from <= to) || (one.to >= from && one.to <= to))
}

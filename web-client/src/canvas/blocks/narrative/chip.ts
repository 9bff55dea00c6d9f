/** The look of a chip: one element, the same in running text and in the cells of a drawn table. */
import { Facet, StateEffect, StateField } from '@codemirror/state'
import { type EditorView, WidgetType } from '@codemirror/view'
import { type ChipContext, type ChipState, chipState, NO_CONTEXT } from './bindings'

export const setChips = StateEffect.define<ChipContext>()

export const chipsField = StateField.define<ChipContext>({
  create: () => NO_CONTEXT,
  update: (value, transaction) =>
    transaction.effects.reduce((now, effect) => (effect.is(setChips) ? effect.value : now), value),
})

/** True where chips take the focus themselves: in a text nobody can put a caret into. */
export const chipsFocusable = Facet.define<boolean, boolean>({ combine: (values) => values[0] ?? false })

function dress(chip: HTMLElement, key: string, state: ChipState): void {
  chip.dataset.state = state.kind
  chip.dataset.key = key
  const name =
    state.kind === 'value'
      ? `${state.text}, ${key}`
      : state.kind === 'waiting'
        ? `${key}: ${state.why}`
        : `${key}, no value: ${state.why}`
  chip.setAttribute('aria-label', name)
  chip.replaceChildren()
  if (state.kind === 'value') chip.textContent = state.text
  else if (state.kind === 'waiting') chip.textContent = '…'
  else {
    // Said in a sign and in words, not by the colour alone.
    const sign = document.createElement('span')
    sign.className = 'md-chip-sign'
    sign.textContent = '!'
    const label = document.createElement('span')
    label.textContent = key
    const word = document.createElement('span')
    word.className = 'md-chip-word'
    word.textContent = 'no value'
    // Words apart also for who hears them or copies them.
    chip.append(sign, label, ' ', word)
  }
}

export function chipElement(key: string, state: ChipState, focusable: boolean): HTMLElement {
  const chip = document.createElement('span')
  chip.className = 'md-chip'
  // Where text is edited the caret stands beside it, and the keys that act on it are the editor's.
  chip.setAttribute('role', focusable ? 'button' : 'img')
  if (focusable) chip.tabIndex = 0
  dress(chip, key, state)
  return chip
}

export class Chip extends WidgetType {
  readonly key: string
  readonly state: ChipState
  readonly focusable: boolean
  constructor(key: string, context: ChipContext, percent: boolean, focusable: boolean) {
    super()
    this.key = key
    this.state = chipState(key, context, percent)
    this.focusable = focusable
  }
  private get shown(): string {
    return this.state.kind === 'value' ? this.state.text : `${this.state.kind}: ${this.state.why}`
  }
  override eq(other: Chip): boolean {
    return other.key === this.key && other.shown === this.shown && other.focusable === this.focusable
  }
  toDOM(): HTMLElement {
    return chipElement(this.key, this.state, this.focusable)
  }
  /** The same chip with another value keeps its element, so that the change can be seen. */
  override updateDOM(dom: HTMLElement, _view: EditorView): boolean {
    if (dom.dataset.key !== this.key || (dom.tabIndex === 0) !== this.focusable) return false
    dress(dom, this.key, this.state)
    dom.classList.remove('md-chip-new')
    // Reading the width lets the animation start again.
    void dom.offsetWidth
    dom.classList.add('md-chip-new')
    return true
  }
  override ignoreEvent(): boolean {
    return false
  }
}

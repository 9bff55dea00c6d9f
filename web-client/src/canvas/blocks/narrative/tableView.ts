/**
 * Tables drawn as tables. A block that takes the place of whole lines has to come from state, not from a view plugin.
 * A table with the caret inside is not drawn: its source stands there in aligned columns.
 */
import { syntaxTree } from '@codemirror/language'
import { type EditorState, type Extension, type Range, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view'
import type { ChipContext } from './bindings'
import { chipsField, chipsFocusable, setChips } from './chip'
import { isInside, touchedBy } from './focus'
import { renderInline } from './inline'
import { tablesIn } from './ranges'
import { readTable } from './tables'

class TableView extends WidgetType {
  readonly text: string
  readonly chips: ChipContext
  readonly locked: boolean
  readonly focusable: boolean
  constructor(text: string, chips: ChipContext, locked: boolean, focusable: boolean) {
    super()
    this.text = text
    this.chips = chips
    this.locked = locked
    this.focusable = focusable
  }
  override eq(other: TableView): boolean {
    return (
      other.text === this.text &&
      other.locked === this.locked &&
      other.focusable === this.focusable &&
      (other.chips === this.chips || !this.text.includes('{{'))
    )
  }
  override get estimatedHeight(): number {
    return (this.text.split('\n').length - 1) * 32 + 12
  }
  toDOM(view: EditorView): HTMLElement {
    const box = document.createElement('div')
    box.className = 'md-table-view'
    const table = readTable(this.text, 0)
    if (!table) return box
    const element = document.createElement('table')
    const columns = table.rows[0]?.cells.length ?? 0
    table.rows.forEach((row, index) => {
      const part = index === 0 ? element.createTHead() : (element.tBodies[0] ?? element.createTBody())
      const line = part.insertRow()
      for (let column = 0; column < columns; column++) {
        const cell = document.createElement(index === 0 ? 'th' : 'td')
        if (index === 0) cell.setAttribute('scope', 'col')
        const place = row.cells[column]
        const align = table.aligns[column]
        if (align) cell.dataset.align = align
        cell.dataset.at = String(place?.to ?? row.to)
        if (place) cell.append(renderInline(this.text.slice(place.from, place.to), this.chips, this.focusable))
        line.append(cell)
      }
    })
    element.addEventListener('mousedown', (event) => {
      if (event.button !== 0) return
      const target = event.target instanceof Element ? event.target : null
      const href = target?.closest<HTMLElement>('[data-href]')?.dataset.href
      if (href && (this.locked || event.ctrlKey || event.metaKey)) {
        event.preventDefault()
        window.open(href, '_blank', 'noopener,noreferrer')
        return
      }
      if (this.locked) return
      const cell = target?.closest<HTMLElement>('[data-at]')
      if (!cell || target?.closest('.md-chip')) return
      event.preventDefault()
      const at = view.posAtDOM(box) + Number(cell.dataset.at)
      view.focus()
      view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) } })
    })
    box.append(element)
    return box
  }
  override ignoreEvent(): boolean {
    return true
  }
}

interface Drawn {
  decorations: DecorationSet
}

function draw(state: EditorState): Drawn {
  const ranges: Range<Decoration>[] = []
  const touched = touchedBy(state)
  for (const { from, to } of tablesIn(syntaxTree(state))) {
    if (touched(from, to)) continue
    const first = state.doc.lineAt(from)
    const widget = new TableView(
      state.sliceDoc(first.from, to),
      state.field(chipsField),
      state.readOnly,
      state.facet(chipsFocusable),
    )
    ranges.push(Decoration.replace({ widget, block: true }).range(first.from, state.doc.lineAt(to).to))
  }
  return { decorations: Decoration.set(ranges) }
}

const field = StateField.define<Drawn>({
  create: draw,
  update: (value, transaction) =>
    transaction.docChanged ||
    transaction.selection !== undefined ||
    isInside(transaction.state) !== isInside(transaction.startState) ||
    syntaxTree(transaction.state) !== syntaxTree(transaction.startState) ||
    transaction.state.readOnly !== transaction.startState.readOnly ||
    transaction.effects.some((effect) => effect.is(setChips))
      ? draw(transaction.state)
      : value,
  provide: (self) => [
    EditorView.decorations.from(self, (value) => value.decorations),
    EditorView.atomicRanges.of((view) => view.state.field(self).decorations),
  ],
})

/** The drawn table that a move of the caret from one place to another would jump over. */
export function drawnBetween(state: EditorState, from: number, to: number): { from: number; to: number } | null {
  let found: { from: number; to: number } | null = null
  const forward = to >= from
  state.field(field, false)?.decorations.between(Math.min(from, to), Math.max(from, to), (start, end) => {
    if (forward ? start > from : end < from) {
      found = { from: start, to: end }
      if (forward) return false
    }
    return undefined
  })
  return found
}

export const tableView: Extension = field

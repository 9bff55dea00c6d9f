/**
 * Live preview, the part that shows: ranges.ts decides, this turns its answer into decorations of what is in view.
 * Owns the widgets and what a click on them does. What is hidden or replaced is atomic: the caret steps over it.
 */
import { syntaxTree } from '@codemirror/language'
import { type EditorState, type Extension, type Range, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import type { Bindings } from './bindings'
import { preview } from './ranges'

export const setBindings = StateEffect.define<Bindings>()

const bindingsField = StateField.define<Bindings>({
  create: () => ({}),
  update: (value, transaction) =>
    transaction.effects.reduce((now, effect) => (effect.is(setBindings) ? effect.value : now), value),
})

class Bullet extends WidgetType {
  override eq(): boolean {
    return true
  }
  toDOM(): HTMLElement {
    const dot = document.createElement('span')
    dot.className = 'md-bullet'
    dot.textContent = '•'
    return dot
  }
}

class Rule extends WidgetType {
  override eq(): boolean {
    return true
  }
  toDOM(): HTMLElement {
    const line = document.createElement('span')
    line.className = 'md-rule'
    return line
  }
}

class Task extends WidgetType {
  readonly checked: boolean
  readonly locked: boolean
  constructor(checked: boolean, locked: boolean) {
    super()
    this.checked = checked
    this.locked = locked
  }
  override eq(other: Task): boolean {
    return other.checked === this.checked && other.locked === this.locked
  }
  toDOM(view: EditorView): HTMLElement {
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.className = 'md-task'
    box.checked = this.checked
    box.disabled = this.locked
    box.setAttribute('aria-label', this.checked ? 'Done' : 'To do')
    box.addEventListener('mousedown', (event) => event.preventDefault())
    box.addEventListener('click', (event) => {
      event.preventDefault()
      const at = view.posAtDOM(box)
      if (/^\[[ xX]\]$/.test(view.state.sliceDoc(at, at + 3))) {
        view.dispatch({
          changes: { from: at + 1, to: at + 2, insert: this.checked ? ' ' : 'x' },
          userEvent: 'input.toggle',
        })
      }
    })
    return box
  }
  override ignoreEvent(): boolean {
    return true
  }
}

class Chip extends WidgetType {
  readonly key: string
  readonly text: string | null
  readonly origin: string
  constructor(key: string, text: string | null, origin: string) {
    super()
    this.key = key
    this.text = text
    this.origin = origin
  }
  override eq(other: Chip): boolean {
    return other.key === this.key && other.text === this.text && other.origin === this.origin
  }
  toDOM(): HTMLElement {
    const chip = document.createElement('span')
    chip.className = 'md-chip'
    if (this.text === null) {
      chip.dataset.broken = ''
      chip.textContent = this.key
      chip.title = `${this.key} has no value: nothing is bound to it, or its source is gone`
      chip.setAttribute('aria-label', `${this.key}, no value`)
    } else {
      chip.textContent = this.text
      chip.title = this.origin
    }
    chip.setAttribute('role', 'img')
    if (this.text !== null) chip.setAttribute('aria-label', `${this.text} (${this.origin})`)
    return chip
  }
  override ignoreEvent(): boolean {
    return false
  }
}

interface Shown {
  decorations: DecorationSet
  atomic: DecorationSet
}

/** Starts of the lines that show their Markdown: those with a caret or a selection, while the person is in the text. */
function openLines(state: EditorState, focused: boolean): Set<number> {
  const open = new Set<number>()
  if (!focused || state.readOnly) return open
  for (const range of state.selection.ranges) {
    for (let at = range.from; at <= range.to; ) {
      const line = state.doc.lineAt(at)
      open.add(line.from)
      at = line.to + 1
    }
  }
  return open
}

export function show(state: EditorState, visible: readonly { from: number; to: number }[], focused: boolean): Shown {
  const tree = syntaxTree(state)
  const open = openLines(state, focused)
  const bindings = state.field(bindingsField, false) ?? {}
  const all: Range<Decoration>[] = []
  const atomic: Range<Decoration>[] = []
  // Two visible ranges may meet inside one node: each decoration once.
  const done = new Set<string>()
  for (const { from, to } of visible) {
    const found = preview({
      tree,
      from: state.doc.lineAt(from).from,
      to: state.doc.lineAt(to).to,
      slice: (a, b) => state.sliceDoc(a, b),
      lineAt: (at) => state.doc.lineAt(Math.min(at, state.doc.length)),
      isOpen: (line) => open.has(line),
    })
    for (const one of found) {
      const key = JSON.stringify(one)
      if (done.has(key)) continue
      done.add(key)
      const replace = (widget?: WidgetType) => {
        const range = Decoration.replace(widget ? { widget } : {}).range(one.from, (one as { to: number }).to)
        all.push(range)
        atomic.push(range)
      }
      switch (one.kind) {
        case 'line':
          all.push(Decoration.line({ class: one.className }).range(one.from))
          break
        case 'mark':
          all.push(
            Decoration.mark({
              class: one.className,
              ...(one.href ? { attributes: { 'data-href': one.href, title: one.href } } : {}),
            }).range(one.from, one.to),
          )
          break
        case 'hide':
          replace()
          break
        case 'bullet':
          replace(new Bullet())
          break
        case 'rule':
          replace(new Rule())
          break
        case 'task':
          replace(new Task(one.checked, state.readOnly))
          break
        case 'chip': {
          const binding = bindings[one.key]
          replace(new Chip(one.key, binding?.text ?? null, binding?.origin ?? one.key))
          break
        }
      }
    }
  }
  return { decorations: Decoration.set(all, true), atomic: Decoration.set(atomic, true) }
}

const plugin = ViewPlugin.fromClass(
  class {
    shown: Shown
    tree: ReturnType<typeof syntaxTree>
    constructor(view: EditorView) {
      this.tree = syntaxTree(view.state)
      this.shown = show(view.state, view.visibleRanges, view.hasFocus)
    }
    update(update: ViewUpdate): void {
      const tree = syntaxTree(update.state)
      if (
        update.docChanged ||
        update.viewportChanged ||
        update.selectionSet ||
        update.focusChanged ||
        tree !== this.tree ||
        update.startState.readOnly !== update.state.readOnly ||
        update.transactions.some((one) => one.effects.some((effect) => effect.is(setBindings)))
      ) {
        this.tree = tree
        this.shown = show(update.state, update.view.visibleRanges, update.view.hasFocus)
      }
    }
  },
  {
    decorations: (value) => value.shown.decorations,
    provide: (self) => EditorView.atomicRanges.of((view) => view.plugin(self)?.shown.atomic ?? Decoration.none),
  },
)

/** A link opens on a click where nobody edits, and with Ctrl or Cmd where somebody does. */
const links = EditorView.domEventHandlers({
  mousedown: (event, view) => {
    if (event.button !== 0) return false
    const target = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-href]') : null
    const href = target?.dataset.href
    if (!href || !(view.state.readOnly || event.ctrlKey || event.metaKey)) return false
    event.preventDefault()
    window.open(href, '_blank', 'noopener,noreferrer')
    return true
  },
})

export const livePreview: Extension = [bindingsField, plugin, links]

/**
 * Live preview, the part that shows: ranges.ts decides, this turns its answer into decorations of what is in view.
 * Owns the widgets and what a click on them does. What is hidden or replaced is atomic: the caret steps over it.
 */
import { syntaxTree } from '@codemirror/language'
import type { EditorState, Extension, Range } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import { Chip, chipsField, chipsFocusable, setChips } from './chip'
import { focusState, isInside, touchedBy } from './focus'
import { preview } from './ranges'
import { tableView } from './tableView'

class Mark extends WidgetType {
  readonly className: string
  readonly text: string
  constructor(className: string, text: string) {
    super()
    this.className = className
    this.text = text
  }
  override eq(other: Mark): boolean {
    return other.className === this.className && other.text === this.text
  }
  toDOM(): HTMLElement {
    const mark = document.createElement('span')
    mark.className = this.className
    mark.textContent = this.text
    return mark
  }
  override ignoreEvent(): boolean {
    return false
  }
}

class Task extends WidgetType {
  readonly checked: boolean
  readonly locked: boolean
  /** From the start of what is replaced to the bracket. */
  readonly offset: number
  constructor(checked: boolean, locked: boolean, offset: number) {
    super()
    this.checked = checked
    this.locked = locked
    this.offset = offset
  }
  override eq(other: Task): boolean {
    return other.checked === this.checked && other.locked === this.locked && other.offset === this.offset
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
      const at = view.posAtDOM(box) + this.offset
      if (/^\[[ xX]\]$/.test(view.state.sliceDoc(at, at + 3))) {
        view.dispatch({
          changes: { from: at + 1, to: at + 2, insert: this.checked ? ' ' : 'x' },
          effects: EditorView.announce.of(this.checked ? 'To do' : 'Done'),
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

class CodeHead extends WidgetType {
  readonly language: string
  readonly body: string
  constructor(language: string, body: string) {
    super()
    this.language = language
    this.body = body
  }
  override eq(other: CodeHead): boolean {
    return other.language === this.language && other.body === this.body
  }
  toDOM(): HTMLElement {
    const head = document.createElement('span')
    head.className = 'md-code-head'
    const label = document.createElement('span')
    label.textContent = this.language || 'Code'
    const copy = document.createElement('button')
    copy.type = 'button'
    copy.textContent = 'Copy'
    copy.setAttribute('aria-label', 'Copy the code')
    copy.addEventListener('mousedown', (event) => event.preventDefault())
    copy.addEventListener('click', () => {
      navigator.clipboard?.writeText(this.body).then(
        () => {
          copy.textContent = 'Copied'
        },
        () => {
          copy.textContent = 'Not allowed'
        },
      )
    })
    head.append(label, copy)
    return head
  }
  override ignoreEvent(event: Event): boolean {
    return event.target instanceof Element && event.target.closest('button') !== null
  }
}

const LABELS: Record<string, string> = {
  note: 'Note',
  tip: 'Tip',
  important: 'Important',
  warning: 'Warning',
  caution: 'Caution',
}

interface Shown {
  decorations: DecorationSet
  atomic: DecorationSet
}

export function show(state: EditorState, visible: readonly { from: number; to: number }[]): Shown {
  const tree = syntaxTree(state)
  const chips = state.field(chipsField)
  const focusable = state.facet(chipsFocusable)
  const all: Range<Decoration>[] = []
  const atomic: Range<Decoration>[] = []
  // Two visible ranges may meet inside one node: each decoration once.
  const done = new Set<string>()
  const touched = touchedBy(state)
  for (const { from, to } of visible) {
    const found = preview({
      tree,
      from: state.doc.lineAt(from).from,
      to: state.doc.lineAt(to).to,
      slice: (a, b) => state.sliceDoc(a, b),
      lineAt: (at) => state.doc.lineAt(Math.min(at, state.doc.length)),
      touched,
    })
    for (const one of found) {
      const key = JSON.stringify(one)
      if (done.has(key)) continue
      done.add(key)
      const replace = (from: number, to: number, widget?: WidgetType) => {
        const range = Decoration.replace(widget ? { widget } : {}).range(from, to)
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
          replace(one.from, one.to)
          break
        case 'bullet':
          replace(one.from, one.to, new Mark('md-bullet', ['•', '◦'][(one.depth - 1) % 2] ?? '•'))
          break
        case 'number':
          replace(one.from, one.to, new Mark('md-number', one.text))
          break
        case 'rule':
          replace(one.from, one.to, new Mark('md-rule', ''))
          break
        case 'callout':
          replace(one.from, one.to, new Mark('md-callout-label', LABELS[one.label] ?? one.label))
          break
        case 'code':
          replace(one.from, one.to, new CodeHead(one.language, state.sliceDoc(one.bodyFrom, one.bodyTo)))
          break
        case 'task':
          replace(one.from, one.to, new Task(one.checked, state.readOnly, one.at - one.from))
          break
        case 'chip':
          replace(one.from, one.to, new Chip(one.key, chips, one.percent, focusable))
          break
      }
    }
  }
  return { decorations: Decoration.set(all, true), atomic: Decoration.set(atomic, true) }
}

const plugin = ViewPlugin.fromClass(
  class {
    shown: Shown
    constructor(view: EditorView) {
      this.shown = show(view.state, view.visibleRanges)
    }
    update(update: ViewUpdate): void {
      if (
        update.docChanged ||
        update.viewportChanged ||
        update.selectionSet ||
        isInside(update.startState) !== isInside(update.state) ||
        syntaxTree(update.startState) !== syntaxTree(update.state) ||
        update.startState.readOnly !== update.state.readOnly ||
        update.transactions.some((one) => one.effects.some((effect) => effect.is(setChips)))
      ) {
        this.shown = show(update.state, update.view.visibleRanges)
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

export const livePreview = (): Extension => [focusState(), chipsField, tableView, plugin, links]

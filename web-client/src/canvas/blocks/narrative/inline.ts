/** The inline Markdown of one table cell as elements. Nothing is parsed as HTML: every word becomes a text node. */

import type { ChipContext } from './bindings'
import { chipState } from './bindings'
import { chipElement } from './chip'
import { markdownParser } from './language'
import { CHIP, safeHref } from './ranges'

type Element_ = ReturnType<typeof markdownParser.parseInline>[number]

const TAGS: Record<string, [tag: string, className: string]> = {
  Emphasis: ['em', 'md-em'],
  StrongEmphasis: ['strong', 'md-strong'],
  Strikethrough: ['del', 'md-strike'],
  InlineCode: ['code', 'md-code'],
}
const MARKS = new Set(['EmphasisMark', 'CodeMark', 'StrikethroughMark', 'LinkMark', 'LinkTitle', 'URL'])
const nameOf = (element: Element_): string => markdownParser.nodeSet.types[element.type]?.name ?? ''

export function renderInline(text: string, chips: ChipContext, focusable: boolean): DocumentFragment {
  const out = document.createDocumentFragment()
  render(out, text, markdownParser.parseInline(text, 0), 0, text.length, { chips, focusable })
  return out
}

interface Options {
  chips: ChipContext
  focusable: boolean
}

function render(parent: Node, text: string, elements: readonly Element_[], from: number, to: number, options: Options) {
  let at = from
  for (const element of elements) {
    if (element.from < at) continue
    words(parent, text.slice(at, element.from), options)
    at = element.to
    const name = nameOf(element)
    // The array of children is not in the declaration, which calls them internal.
    const children = (element as unknown as { children: Element_[] }).children ?? []
    const tag = TAGS[name]
    if (name === 'Escape') parent.appendChild(document.createTextNode(text.slice(element.from + 1, element.to)))
    else if (name === 'URL' || name === 'Autolink') {
      const shown = text.slice(element.from, element.to).replace(/^<|>$/g, '')
      link(parent, shown, safeHref(/^www\./i.test(shown) ? `https://${shown}` : shown))
    } else if (name === 'Link' || name === 'Image') {
      const [open, close] = children.filter((child) => nameOf(child) === 'LinkMark')
      const url = children.find((child) => nameOf(child) === 'URL')
      if (!open || !close) words(parent, text.slice(element.from, element.to), options)
      else {
        const box = link(parent, '', url ? safeHref(text.slice(url.from, url.to)) : undefined)
        const inner = children.filter((child) => child.from >= open.to && child.to <= close.from)
        render(box, text, inner, open.to, close.from, options)
      }
    } else if (tag) {
      const box = document.createElement(tag[0])
      box.className = tag[1]
      const first = children[0]
      const last = children.at(-1)
      if (name === 'InlineCode') box.textContent = text.slice(first?.to ?? element.from, last?.from ?? element.to)
      else {
        const inner = children.filter((child) => !MARKS.has(nameOf(child)) || nameOf(child) === 'URL')
        render(box, text, inner, first?.to ?? element.from, last?.from ?? element.to, options)
      }
      parent.appendChild(box)
    } else words(parent, text.slice(element.from, element.to), options)
  }
  words(parent, text.slice(at, to), options)
}

function link(parent: Node, text: string, href: string | undefined): HTMLElement {
  const box = document.createElement('span')
  box.className = 'md-link'
  if (href) {
    box.dataset.href = href
    box.title = href
  }
  box.textContent = text
  parent.appendChild(box)
  return box
}

function words(parent: Node, text: string, { chips, focusable }: Options) {
  let at = 0
  for (const match of text.matchAll(CHIP)) {
    parent.appendChild(document.createTextNode(text.slice(at, match.index)))
    const key = (match[1] ?? '').trim()
    at = match.index + match[0].length
    parent.appendChild(chipElement(key, chipState(key, chips, text[at] === '%'), focusable))
  }
  if (at < text.length) parent.appendChild(document.createTextNode(text.slice(at)))
}

/**
 * Live preview, the part that decides: given Markdown, its syntax tree and the lines the person is on, which ranges
 * are hidden, styled or replaced. Pure and free of the view, so that it can be tested on strings; `livePreview.ts`
 * turns the answer into decorations.
 *
 * The rule people know from Obsidian: a line with the cursor shows its Markdown, every other line shows what it means.
 */
import type { parser } from '@lezer/markdown'

/** The tree's types by way of the parser that makes it: they are another package's, and only types are needed. */
export type Tree = ReturnType<typeof parser.parse>
type SyntaxNodeRef = Parameters<Parameters<Tree['iterate']>[0]['enter']>[0]

export type Preview =
  | { kind: 'hide'; from: number; to: number }
  | { kind: 'line'; from: number; className: string }
  | { kind: 'mark'; from: number; to: number; className: string; href?: string }
  | { kind: 'bullet'; from: number; to: number }
  | { kind: 'task'; from: number; to: number; checked: boolean }
  | { kind: 'rule'; from: number; to: number }
  | { kind: 'chip'; from: number; to: number; key: string }

const HIDDEN = new Set(['HeaderMark', 'EmphasisMark', 'CodeMark', 'StrikethroughMark', 'QuoteMark'])
const INLINE: Record<string, string> = {
  Emphasis: 'md-em',
  StrongEmphasis: 'md-strong',
  Strikethrough: 'md-strike',
  InlineCode: 'md-code',
}
const CHIP = /\{\{([^{}\n]{1,200})\}\}/g

/** Only these may be opened from a note that somebody else may have written. */
export function safeHref(url: string): string | undefined {
  return /^(https?:|mailto:)/i.test(url.trim()) ? url.trim() : undefined
}

export interface PreviewInput {
  tree: Tree
  from: number
  to: number
  slice(from: number, to: number): string
  lineAt(position: number): { from: number; to: number }
  /** True when the line that starts here is being edited and shows its Markdown. */
  isOpen(lineStart: number): boolean
}

export function preview(input: PreviewInput): Preview[] {
  const found: Preview[] = []
  const open = (position: number) => input.isOpen(input.lineAt(position).from)
  const eachLine = (from: number, to: number, className: string) => {
    let at = from
    while (at <= to) {
      const line = input.lineAt(at)
      found.push({ kind: 'line', from: line.from, className })
      if (line.to + 1 <= at) break
      at = line.to + 1
    }
  }

  input.tree.iterate({
    from: input.from,
    to: input.to,
    enter: (node) => {
      const { name } = node
      const heading = /^(?:ATX|Setext)Heading(\d)$/.exec(name)
      if (heading) {
        eachLine(node.from, node.to, `md-h md-h${heading[1]}`)
        return
      }
      if (name === 'FencedCode' || name === 'CodeBlock') {
        eachLine(node.from, node.to, 'md-codeblock')
        hideFences(node, input, found)
        // Nothing inside a code block is Markdown.
        return false
      }
      if (name === 'Blockquote') {
        eachLine(node.from, node.to, 'md-quote')
        return
      }
      if (name === 'Table') {
        eachLine(node.from, node.to, 'md-table')
        return
      }
      if (name === 'HorizontalRule') {
        if (!open(node.from)) found.push({ kind: 'rule', from: node.from, to: node.to })
        return
      }
      if (name === 'ListMark') {
        listMark(node, input, found)
        return
      }
      if (name === 'Link') {
        const url = node.node.getChild('URL')
        const href = url ? safeHref(input.slice(url.from, url.to)) : undefined
        found.push({ kind: 'mark', from: node.from, to: node.to, className: 'md-link', ...(href ? { href } : {}) })
        if (!open(node.from) && url) hideLink(node, found)
        return
      }
      if (name === 'Autolink' || (name === 'URL' && node.node.parent?.name !== 'Link')) {
        if (node.node.parent?.name === 'Autolink' || node.node.parent?.name === 'Image') return
        const text = input.slice(node.from, node.to).replace(/^<|>$/g, '')
        const href = safeHref(text)
        found.push({ kind: 'mark', from: node.from, to: node.to, className: 'md-link', ...(href ? { href } : {}) })
        return
      }
      const inline = INLINE[name]
      if (inline) {
        if (node.to > node.from) found.push({ kind: 'mark', from: node.from, to: node.to, className: inline })
        return
      }
      if (HIDDEN.has(name) && !open(node.from)) {
        let to = node.to
        // "# Title": the space after the marks goes with them. A closing "#" has its space before it.
        if ((name === 'HeaderMark' || name === 'QuoteMark') && input.slice(to, to + 1) === ' ') to++
        if (to > node.from) found.push({ kind: 'hide', from: node.from, to })
      }
    },
  })

  // Chips are not Markdown, so the tree does not know them; code is left alone.
  const text = input.slice(input.from, input.to)
  for (const match of text.matchAll(CHIP)) {
    const from = input.from + match.index
    const to = from + match[0].length
    if (open(from) || isCode(input.tree, from)) continue
    found.push({ kind: 'chip', from, to, key: (match[1] ?? '').trim() })
  }
  return found
}

function isCode(tree: Tree, at: number): boolean {
  for (let node: ReturnType<Tree['resolve']> | null = tree.resolve(at, 1); node; node = node.parent) {
    if (node.name === 'InlineCode' || node.name === 'FencedCode' || node.name === 'CodeBlock') return true
  }
  return false
}

function hideFences(node: SyntaxNodeRef, input: PreviewInput, found: Preview[]) {
  const first = input.lineAt(node.from)
  const last = input.lineAt(node.to)
  // A fence shows itself as long as any line of its block is being edited, or typing in it would move the text.
  for (let at = first.from; at <= last.to; at = input.lineAt(at).to + 1) if (input.isOpen(at)) return
  for (const mark of node.node.getChildren('CodeMark')) {
    const line = input.lineAt(mark.from)
    if (line.to > mark.from) found.push({ kind: 'hide', from: mark.from, to: line.to })
  }
}

function listMark(node: SyntaxNodeRef, input: PreviewInput, found: Preview[]) {
  const item = node.node.parent
  const line = input.lineAt(node.from)
  found.push({ kind: 'line', from: line.from, className: `md-li md-li-${listDepth(node)}` })
  if (input.isOpen(line.from)) return
  const task = item?.getChild('Task')?.getChild('TaskMarker')
  if (task) {
    found.push({ kind: 'hide', from: node.from, to: task.from })
    found.push({
      kind: 'task',
      from: task.from,
      to: task.to,
      checked: /x/i.test(input.slice(task.from, task.to)),
    })
    return
  }
  if (item?.parent?.name === 'BulletList') found.push({ kind: 'bullet', from: node.from, to: node.to })
}

function listDepth(node: SyntaxNodeRef): number {
  let depth = 0
  for (let up = node.node.parent; up; up = up.parent) if (/List$/.test(up.name)) depth++
  return Math.min(Math.max(depth, 1), 4)
}

function hideLink(node: SyntaxNodeRef, found: Preview[]) {
  const marks = node.node.getChildren('LinkMark')
  const [open, close] = marks
  if (!open || !close) return
  found.push({ kind: 'hide', from: open.from, to: open.to })
  // "](url "title")" to the end of the link, in one piece.
  found.push({ kind: 'hide', from: close.from, to: node.to })
}

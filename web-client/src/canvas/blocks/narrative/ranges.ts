/**
 * Live preview, the part that decides: given Markdown, its syntax tree and where the person's carets are, which ranges are
 * hidden, styled or replaced. Pure and free of the view, so that it can be tested on strings; `livePreview.ts` turns the
 * answer into decorations, `tableView.ts` draws tables.
 *
 * The rule: text shows what it means. Marks inside a line (bold, links) show while a caret touches what they mark; marks of
 * a line (heading, quote) while a caret stands before the words; code blocks and tables while a caret is in them. Bullets,
 * boxes, numbers and chips are what they look like always, and are taken away like a character.
 */
import type { parser } from '@lezer/markdown'

/** The tree's types by way of the parser that makes it: they are another package's, and only types are needed. */
export type Tree = ReturnType<typeof parser.parse>
type SyntaxNodeRef = Parameters<Parameters<Tree['iterate']>[0]['enter']>[0]

export type Preview =
  | { kind: 'hide'; from: number; to: number }
  | { kind: 'line'; from: number; className: string }
  | { kind: 'mark'; from: number; to: number; className: string; href?: string }
  | { kind: 'bullet'; from: number; to: number; depth: number }
  | { kind: 'number'; from: number; to: number; text: string }
  | { kind: 'task'; from: number; to: number; at: number; checked: boolean }
  | { kind: 'rule'; from: number; to: number }
  | { kind: 'callout'; from: number; to: number; label: string }
  | { kind: 'code'; from: number; to: number; language: string; bodyFrom: number; bodyTo: number }
  /** `percent`: a percent sign follows in the text, so the value need not bring one. */
  | { kind: 'chip'; from: number; to: number; key: string; percent: boolean }

const INLINE: Record<string, string> = {
  Emphasis: 'md-em',
  StrongEmphasis: 'md-strong',
  Strikethrough: 'md-strike',
  InlineCode: 'md-code',
}
const INLINE_MARKS = new Set(['EmphasisMark', 'CodeMark', 'StrikethroughMark'])
export const CHIP = /\{\{([^{}\n]{1,200})\}\}/g
const CALLOUT = /^>[ \t]?\[!(note|tip|important|warning|caution)\][ \t]*/i

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
  /** True when a caret or an end of a selection is in the range, its ends included. */
  touched(from: number, to: number): boolean
}

export function preview(input: PreviewInput): Preview[] {
  const found: Preview[] = []
  const eachLine = (from: number, to: number, classOf: (line: number, first: boolean, last: boolean) => string) => {
    for (let at = from, number = 0; at <= to; number++) {
      const line = input.lineAt(at)
      found.push({ kind: 'line', from: line.from, className: classOf(number, number === 0, line.to >= to) })
      if (line.to + 1 <= at) break
      at = line.to + 1
    }
  }

  input.tree.iterate({
    from: input.from,
    to: input.to,
    enter: (node) => {
      const { name } = node
      const heading = /^ATXHeading(\d)$/.exec(name)
      if (heading) {
        eachLine(node.from, node.to, () => `md-h md-h${heading[1]}`)
        return
      }
      if (name === 'HeaderMark') {
        const line = input.lineAt(node.from)
        const closing = node.from > line.from && input.slice(line.from, node.from).trim() !== ''
        let { from, to } = node
        if (closing) while (from > line.from && input.slice(from - 1, from) === ' ') from--
        else if (input.slice(to, to + 1) === ' ') to++
        // "#" alone is a heading to the grammar, and a tag or a number sign to the person typing it.
        const bare = !closing && to === line.to && to === node.to
        if (to > from && !bare && !input.touched(from, closing ? to : to - 1)) found.push({ kind: 'hide', from, to })
        return
      }
      if (name === 'FencedCode') {
        fenced(node, input, found, eachLine)
        // Nothing inside a code block is Markdown.
        return false
      }
      if (name === 'Blockquote') {
        const line = input.lineAt(node.from)
        const label = CALLOUT.exec(input.slice(node.from, line.to))
        const kind = label?.[1]?.toLowerCase() ?? ''
        eachLine(node.from, node.to, (_, first, last) =>
          label
            ? `md-callout md-callout-${kind}${first ? ' md-first' : ''}${last ? ' md-last' : ''}`
            : `md-quote${first ? ' md-first' : ''}${last ? ' md-last' : ''}`,
        )
        if (label && !input.touched(node.from, node.from + label[0].trimEnd().length)) {
          const to = node.from + label[0].length
          found.push({ kind: 'callout', from: node.from, to, label: kind })
        }
        return
      }
      if (name === 'QuoteMark') {
        if (found.some((one) => one.kind === 'callout' && one.from <= node.from && node.to <= one.to)) return
        const to = input.slice(node.to, node.to + 1) === ' ' ? node.to + 1 : node.to
        if (!input.touched(node.from, Math.max(node.from, to - 1))) found.push({ kind: 'hide', from: node.from, to })
        return
      }
      if (name === 'Table') {
        if (input.touched(node.from, node.to)) {
          eachLine(
            node.from,
            node.to,
            (_, first, last) => `md-table${first ? ' md-first' : ''}${last ? ' md-last' : ''}`,
          )
        }
        return false
      }
      if (name === 'HorizontalRule') {
        if (!input.touched(node.from, node.to)) found.push({ kind: 'rule', from: node.from, to: node.to })
        return
      }
      if (name === 'ListMark') {
        listMark(node, input, found)
        return
      }
      if (name === 'ListItem') {
        continued(node, input, found)
        return
      }
      if (name === 'Link' || name === 'Image') {
        if (node.node.parent?.name === 'Image') return
        const url = node.node.getChild('URL')
        if (!url && CALLOUT.test(`>${input.slice(node.from, node.to)}`)) return
        const href = url ? safeHref(input.slice(url.from, url.to)) : undefined
        found.push({ kind: 'mark', from: node.from, to: node.to, className: 'md-link', ...(href ? { href } : {}) })
        if (url && !input.touched(node.from, node.to)) hideLink(node, found)
        return
      }
      if (
        name === 'Autolink' ||
        (name === 'URL' && !/^(Link|Image|Autolink|LinkReference)$/.test(node.node.parent?.name ?? ''))
      ) {
        const text = input.slice(node.from, node.to).replace(/^<|>$/g, '')
        const href = safeHref(/^www\./i.test(text) ? `https://${text}` : text)
        found.push({ kind: 'mark', from: node.from, to: node.to, className: 'md-link', ...(href ? { href } : {}) })
        if (name === 'Autolink' && !input.touched(node.from, node.to)) {
          found.push({ kind: 'hide', from: node.from, to: node.from + 1 })
          found.push({ kind: 'hide', from: node.to - 1, to: node.to })
        }
        return
      }
      if (name === 'Escape') {
        if (!input.touched(node.from, node.to)) found.push({ kind: 'hide', from: node.from, to: node.from + 1 })
        return
      }
      const inline = INLINE[name]
      if (inline) {
        if (node.to > node.from) found.push({ kind: 'mark', from: node.from, to: node.to, className: inline })
        return
      }
      if (INLINE_MARKS.has(name)) {
        const around = node.node.parent
        if (around && !input.touched(around.from, around.to)) found.push({ kind: 'hide', from: node.from, to: node.to })
      }
    },
  })

  // One empty line is the space between two things; the grammar has no node for it.
  for (let at = input.from; at <= input.to; ) {
    const line = input.lineAt(at)
    at = line.to + 1
    if (line.from !== line.to || line.from === 0 || at > input.to || input.touched(line.from, line.to)) continue
    const before = input.lineAt(line.from - 1)
    const after = input.lineAt(at)
    if (before.from < before.to && after.from < after.to && !isSource(input.tree, line.from)) {
      found.push({ kind: 'line', from: line.from, className: 'md-gap' })
    }
  }

  // Chips are not Markdown, so the tree does not know them; code and the source of tables are left alone.
  const text = input.slice(input.from, input.to)
  for (const match of text.matchAll(CHIP)) {
    const from = input.from + match.index
    const to = from + match[0].length
    if (isSource(input.tree, from)) continue
    found.push({ kind: 'chip', from, to, key: (match[1] ?? '').trim(), percent: input.slice(to, to + 1) === '%' })
  }
  return found
}

type TreeNode = ReturnType<Tree['resolve']>

/** True where text stands as it is written: in code, and in tables, which are drawn as a whole. */
function isSource(tree: Tree, at: number): boolean {
  for (let node: TreeNode | null = tree.resolve(at, 1); node; node = node.parent) {
    if (node.name === 'InlineCode' || node.name === 'FencedCode' || node.name === 'Table') return true
  }
  return false
}

function fenced(
  node: SyntaxNodeRef,
  input: PreviewInput,
  found: Preview[],
  eachLine: (from: number, to: number, classOf: (line: number, first: boolean, last: boolean) => string) => void,
) {
  const head = input.lineAt(node.from)
  const marks = node.node.getChildren('CodeMark')
  const closing = marks.length > 1 ? marks.at(-1) : undefined
  // A fence shows itself as long as any line of its block is being edited, or typing in it would move the text.
  const open = input.touched(head.from, input.lineAt(node.to).to)
  eachLine(node.from, node.to, (_, first, last) =>
    [
      'md-codeblock',
      first && 'md-first',
      last && 'md-last',
      !open && first && 'md-codehead',
      !open && last && closing && 'md-codefoot',
    ]
      .filter(Boolean)
      .join(' '),
  )
  if (open || !closing || head.to >= node.to) return
  const info = node.node.getChild('CodeInfo')
  const bodyFrom = Math.min(head.to + 1, closing.from)
  const bodyTo = Math.max(bodyFrom, input.lineAt(closing.from).from - 1)
  const language = info ? (input.slice(info.from, info.to).trim().split(/\s/)[0] ?? '').slice(0, 30) : ''
  found.push({ kind: 'code', from: node.from, to: head.to, language, bodyFrom, bodyTo })
  const foot = input.lineAt(closing.from)
  if (foot.to > closing.from) found.push({ kind: 'hide', from: closing.from, to: foot.to })
}

function listMark(node: SyntaxNodeRef, input: PreviewInput, found: Preview[]) {
  const item = node.node.parent
  const line = input.lineAt(node.from)
  const depth = listDepth(node)
  const lead = input.slice(line.from, node.from)
  found.push({ kind: 'line', from: line.from, className: `md-li md-li-${depth}` })
  // "-" alone may become a rule or a minus; with its space it is a bullet.
  if (input.slice(node.to, node.to + 1) !== ' ') return
  // Spaces before it are shown by the indent of the line. Not so in a quote, whose mark is there.
  const from = lead.trim() === '' ? line.from : node.from
  const task = item?.getChild('Task')?.getChild('TaskMarker')
  if (task && input.slice(task.to, task.to + 1) === ' ') {
    const checked = /x/i.test(input.slice(task.from, task.to))
    found.push({ kind: 'task', from, to: task.to + 1, at: task.from, checked })
    if (checked && line.to > task.to + 1) {
      found.push({ kind: 'mark', from: task.to + 1, to: line.to, className: 'md-done' })
    }
    return
  }
  if (item?.parent?.name === 'BulletList') found.push({ kind: 'bullet', from, to: node.to + 1, depth })
  else if (item) found.push({ kind: 'number', from, to: node.to + 1, text: ordinal(item, input) })
}

/** The number an item is read with: it counts from the first of its list, whatever is written. */
function ordinal(item: TreeNode, input: PreviewInput): string {
  let place = 0
  let first = item
  for (let before = item.prevSibling; before; before = before.prevSibling) {
    if (before.name !== 'ListItem') continue
    place++
    first = before
  }
  const mark = first.getChild('ListMark')
  const start = mark ? Number.parseInt(input.slice(mark.from, mark.to), 10) : 1
  const own = item.getChild('ListMark')
  return `${(Number.isFinite(start) ? start : 1) + place}${own ? input.slice(own.to - 1, own.to) : '.'}`
}

/** Lines of an item after its first stand below its words, not below its mark. */
function continued(node: SyntaxNodeRef, input: PreviewInput, found: Preview[]) {
  const first = input.lineAt(node.from)
  const depth = listDepth(node)
  for (let child = node.node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'Paragraph' && child.name !== 'Task') continue
    for (let at = child.from; at <= child.to; ) {
      const line = input.lineAt(at)
      if (line.from !== first.from) {
        found.push({ kind: 'line', from: line.from, className: `md-li-more md-li-${depth}` })
        const lead = /^[ \t]*/.exec(input.slice(line.from, line.to))?.[0].length ?? 0
        if (lead > 0 && !input.touched(line.from, line.from + lead - 1)) {
          found.push({ kind: 'hide', from: line.from, to: line.from + lead })
        }
      }
      at = line.to + 1
    }
  }
}

function listDepth(node: SyntaxNodeRef): number {
  let depth = 0
  for (let up: TreeNode | null = node.node.parent; up; up = up.parent) if (/List$/.test(up.name)) depth++
  return Math.min(Math.max(depth, 1), 6)
}

function hideLink(node: SyntaxNodeRef, found: Preview[]) {
  const [open, close] = node.node.getChildren('LinkMark')
  if (!open || !close) return
  found.push({ kind: 'hide', from: open.from, to: open.to })
  // "](url "title")" to the end of the link, in one piece.
  found.push({ kind: 'hide', from: close.from, to: node.to })
}

/** The tables at the top level of the text, which alone are drawn as tables. */
export function tablesIn(tree: Tree): { from: number; to: number }[] {
  const out: { from: number; to: number }[] = []
  for (let node = tree.topNode.firstChild; node; node = node.nextSibling) {
    if (node.name === 'Table') out.push({ from: node.from, to: node.to })
  }
  return out
}

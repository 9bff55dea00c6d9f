/**
 * What is pasted from another program, as Markdown: headings, lists, tables, links, bold and the like; the rest is its text.
 * Pure but for the parser of an inert document: nothing in it is run, loaded or shown.
 */
import { safeHref } from './ranges'
import { writeTable } from './tables'

/** Beyond this the plain text on the clipboard is taken instead. UTF-16 units of HTML. */
export const HTML_LIMIT = 400_000
const NODE_LIMIT = 40_000
const DEPTH_LIMIT = 60

const SKIPPED = new Set(['SCRIPT', 'STYLE', 'TEMPLATE', 'HEAD', 'TITLE', 'META', 'LINK', 'NOSCRIPT', 'SVG', 'OBJECT'])
const BLOCKS = new Set(
  'ADDRESS ARTICLE ASIDE BLOCKQUOTE DD DIV DL DT FIGURE FIGCAPTION FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER HR LI MAIN NAV OL P PRE SECTION TABLE UL'.split(
    ' ',
  ),
)

/** The Markdown of a piece of HTML, or null when plain text serves better: nothing in it is formatted, or it is too large. */
export function htmlToMarkdown(html: string): string | null {
  if (html.length > HTML_LIMIT) return null
  const body = new DOMParser().parseFromString(html, 'text/html').body
  if (body.querySelector('h1,h2,h3,h4,h5,h6,ul,ol,table,a[href],b,strong,em,i,code,pre,blockquote,hr,del,s') === null) {
    return null
  }
  const state = { left: NODE_LIMIT }
  const text = blocks(body, 0, state)
  if (state.left <= 0) return null
  return text.replace(/\n{3,}/g, '\n\n').trim()
}

interface State {
  left: number
}

const escapeText = (text: string): string => text.replace(/[\\`*_[\]]/g, '\\$&').replace(/~~/g, '\\~~')

/** `mark` around the words of `text`, not around the spaces at its ends. */
function wrap(text: string, mark: string): string {
  const inner = text.trim()
  if (inner === '' || inner.includes('\n')) return text
  const at = text.indexOf(inner)
  return `${text.slice(0, at)}${mark}${inner}${mark}${text.slice(at + inner.length)}`
}

function inline(node: Node, depth: number, state: State): string {
  if (--state.left <= 0 || depth > DEPTH_LIMIT) return ''
  if (node.nodeType === 3) return escapeText((node.nodeValue ?? '').replace(/[\s\u00a0]+/g, ' '))
  if (node.nodeType !== 1) return ''
  const element = node as HTMLElement
  const name = element.tagName
  if (SKIPPED.has(name.toUpperCase())) return ''
  if (name === 'BR') return '\n'
  if (name === 'IMG') {
    const src = safeHref(element.getAttribute('src') ?? '')
    const alt = escapeText(element.getAttribute('alt') ?? '') || 'image'
    return src ? `[${alt}](${src})` : ''
  }
  if (name === 'INPUT') return ''
  const code = name === 'CODE' || name === 'KBD' || name === 'SAMP' || name === 'TT'
  if (code) {
    const text = (element.textContent ?? '').replace(/\s+/g, ' ')
    return text.trim() === '' || text.includes('`') ? escapeText(text) : `\`${text}\``
  }
  const children = [...element.childNodes].map((child) => inline(child, depth + 1, state)).join('')
  const { style } = element
  const weight = style.fontWeight
  // Google Docs wraps everything in <b style="font-weight: normal">.
  const bold = weight ? weight === 'bold' || Number(weight) >= 600 : name === 'B' || name === 'STRONG'
  const italic = style.fontStyle ? style.fontStyle === 'italic' : name === 'I' || name === 'EM'
  const struck = name === 'DEL' || name === 'S' || name === 'STRIKE' || /line-through/.test(style.textDecoration)
  let text = children
  if (struck) text = wrap(text, '~~')
  if (italic) text = wrap(text, '*')
  if (bold) text = wrap(text, '**')
  if (name === 'A') {
    const href = safeHref(element.getAttribute('href') ?? '')
    const label = text.replace(/\s+/g, ' ').trim()
    if (href && label !== '')
      return `[${label}](${href
        .replace(/[\s()<>]/g, encodeURIComponent)
        .replace(/\(/g, '%28')
        .replace(/\)/g, '%29')})`
  }
  return text
}

/** The children of an element as blocks, an empty line between them. */
function blocks(parent: Element, depth: number, state: State): string {
  const out: string[] = []
  let run = ''
  const flush = () => {
    const text = run
      .split('\n')
      .map((line) => line.trim())
      .join('\n')
      .trim()
    // What would be read as a mark at the start of a line is text here.
    if (text !== '') out.push(text.replace(/^(#{1,6}\s|>|[-+]\s|\d+[.)]\s)/gm, '\\$1'))
    run = ''
  }
  for (const child of parent.childNodes) {
    if (state.left <= 0 || depth > DEPTH_LIMIT) break
    const element = child.nodeType === 1 ? (child as HTMLElement) : null
    const holds =
      element !== null &&
      (BLOCKS.has(element.tagName) || element.querySelector('p,div,ul,ol,table,h1,h2,h3,h4,pre') !== null)
    if (element === null || !holds) {
      run += inline(child, depth, state)
      continue
    }
    flush()
    const text = block(element, depth + 1, state)
    if (text !== '') out.push(text)
  }
  flush()
  return out.join('\n\n')
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim()

function block(element: HTMLElement, depth: number, state: State): string {
  state.left--
  const name = element.tagName
  if (SKIPPED.has(name.toUpperCase())) return ''
  const heading = /^H([1-6])$/.exec(name)
  if (heading) {
    const text = oneLine([...element.childNodes].map((child) => inline(child, depth, state)).join(''))
    return text === '' ? '' : `${'#'.repeat(Number(heading[1]))} ${text.replace(/^\*\*(.+)\*\*$/, '$1')}`
  }
  if (name === 'HR') return '---'
  if (name === 'PRE') {
    const text = (element.textContent ?? '').replace(/\n$/, '')
    const fence = text.includes('```') ? '~~~~' : '```'
    return text.trim() === '' ? '' : `${fence}\n${text}\n${fence}`
  }
  if (name === 'BLOCKQUOTE') {
    const inner = blocks(element, depth, state)
    return inner === '' ? '' : inner.replace(/^/gm, '> ').replace(/^> $/gm, '>')
  }
  if (name === 'UL' || name === 'OL') return list(element, depth, state)
  if (name === 'TABLE') return table(element as HTMLTableElement, depth, state)
  return blocks(element, depth, state)
}

function list(element: Element, depth: number, state: State): string {
  const numbered = element.tagName === 'OL'
  let number = Number(element.getAttribute('start') ?? 1) || 1
  const out: string[] = []
  for (const item of element.children) {
    if (state.left <= 0) break
    if (item.tagName === 'UL' || item.tagName === 'OL') {
      // Word and Google Docs put the inner list beside its item, not into it.
      out.push(indent(list(item, depth + 1, state)))
      continue
    }
    const [lead] = item.children
    const inside = lead?.tagName === 'LABEL' ? lead.children[0] : lead
    const box = inside?.tagName === 'INPUT' && inside.getAttribute('type') === 'checkbox' ? inside : null
    const task = box === null ? '' : box.hasAttribute('checked') ? '[x] ' : '[ ] '
    const text = blocks(item, depth + 1, state)
      .replace(/\n\n(?=\s*([-*+]|\d+[.)]) )/g, '\n')
      .replace(/\n{2,}/g, '\n')
    if (text === '') continue
    const mark = numbered ? `${number++}. ` : '- '
    const [first = '', ...rest] = text.split('\n')
    out.push([`${mark}${task}${first}`, ...rest.map((line) => indent(line))].join('\n'))
  }
  return out.join('\n')
}

/** Three columns serve a bullet and a number of one digit alike. */
const indent = (text: string): string => text.replace(/^(?=.)/gm, '   ')

function table(element: HTMLTableElement, depth: number, state: State): string {
  const rows: string[][] = []
  for (const row of element.querySelectorAll('tr')) {
    if (row.closest('table') !== element || state.left <= 0) continue
    const cells = [...row.children].filter((cell) => cell.tagName === 'TD' || cell.tagName === 'TH')
    if (cells.length > 0) rows.push(cells.map((cell) => oneLine(inline(cell, depth + 1, state))))
  }
  if (rows.length === 0) return ''
  // A table of one column is somebody's layout.
  if (rows.every((row) => row.length < 2)) return rows.map((row) => row[0] ?? '').join('\n\n')
  return writeTable(rows)
}

/**
 * Tables in Markdown: where their cells are, and the smallest changes that align them, add to them or take from them.
 * Pure; positions are those of the text the table stands in. Cells are padded, never rewritten: what somebody else types
 * in a cell at the same moment is kept.
 */
export interface Cell {
  /** The trimmed content. An empty cell has a place, too: after the space behind its bar. */
  from: number
  to: number
  /** All that stands between its two bars. */
  outerFrom: number
  outerTo: number
}
export type Align = 'left' | 'center' | 'right' | null
export interface Row {
  from: number
  to: number
  cells: Cell[]
}
export interface Table {
  from: number
  to: number
  /** The header, then the rows; the line of dashes is apart. */
  rows: Row[]
  rule: Row
  aligns: Align[]
}
export interface Change {
  from: number
  to?: number
  insert?: string
}

function readRow(text: string, from: number): Row {
  const cells: Cell[] = []
  const bars: number[] = []
  let code = false
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '`') code = !code
    // A bar in code still ends a cell, as GFM has it.
    else if (text[i] === '|') bars.push(i)
  }
  const first = bars.length > 0 && text.slice(0, bars[0]).trim() === '' ? bars.shift() : undefined
  const starts = [(first ?? -1) + 1]
  for (const bar of bars) starts.push(bar + 1)
  const ends = [...bars, text.length]
  starts.forEach((start, index) => {
    const end = ends[index] ?? text.length
    const raw = text.slice(start, end)
    // What stands behind the closing bar is no cell.
    if (index === starts.length - 1 && bars.length > 0 && raw.trim() === '') return
    const trimmed = raw.trim()
    const lead = trimmed === '' ? Math.min(1, raw.length) : raw.length - raw.trimStart().length
    cells.push({
      from: from + start + lead,
      to: from + start + lead + trimmed.length,
      outerFrom: from + start,
      outerTo: from + end,
    })
  })
  return { from, to: from + text.length, cells }
}

/** Reads a table from the text of its lines, which stand at `from`. */
export function readTable(text: string, from: number): Table | null {
  const lines = text.split('\n')
  const [head, dashes] = lines
  if (head === undefined || dashes === undefined) return null
  const rows: Row[] = []
  let at = from
  let rule: Row | null = null
  lines.forEach((line, index) => {
    const row = readRow(line, at)
    if (index === 1) rule = row
    else rows.push(row)
    at += line.length + 1
  })
  if (rule === null) return null
  const aligns = (rule as Row).cells.map((cell): Align => {
    const mark = text.slice(cell.from - from, cell.to - from)
    const left = mark.startsWith(':')
    const right = mark.endsWith(':')
    return left && right ? 'center' : right ? 'right' : left ? 'left' : null
  })
  return { from, to: from + text.length, rows, rule, aligns }
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/
/** Columns of a monospaced font a text takes. */
const widthOf = (text: string): number => {
  let width = 0
  for (const char of text) width += WIDE.test(char) || (char.codePointAt(0) ?? 0) > 0x1f000 ? 2 : 1
  return width
}

/**
 * Spaces before and behind each cell, so that bars stand below each other. Only spaces (and dashes of the rule) change.
 * A cell with one of `held`, others' carets, is left as it is: the blank behind what somebody is typing looks like
 * padding, and would be gone from between two words.
 */
export function align(
  table: Table,
  slice: (from: number, to: number) => string,
  held: readonly number[] = [],
): Change[] {
  const columns = Math.max(...table.rows.map((row) => row.cells.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.min(
      60,
      Math.max(3, ...table.rows.map((row) => widthOf(slice(row.cells[column]?.from ?? 0, row.cells[column]?.to ?? 0)))),
    ),
  )
  const changes: Change[] = []
  const set = (from: number, to: number, insert: string) => {
    if (slice(from, to) !== insert) changes.push({ from, to, insert })
  }
  for (const row of table.rows) {
    row.cells.forEach((cell, column) => {
      if (held.some((at) => at >= cell.outerFrom && at <= cell.outerTo)) return
      const spare = Math.max(0, (widths[column] ?? 3) - widthOf(slice(cell.from, cell.to)))
      const right = table.aligns[column] === 'right'
      // An empty cell is one run of spaces; two changes at one place would be two.
      if (cell.from === cell.to) set(cell.outerFrom, cell.outerTo, ' '.repeat(spare + 2))
      else {
        set(cell.outerFrom, cell.from, right ? ' '.repeat(spare + 1) : ' ')
        set(cell.to, cell.outerTo, right ? ' ' : ' '.repeat(spare + 1))
      }
    })
  }
  table.rule.cells.forEach((cell, column) => {
    const width = widths[column]
    if (width === undefined) return
    const kind = table.aligns[column]
    const dashes = '-'.repeat(width - (kind === 'center' ? 2 : kind === null || kind === undefined ? 0 : 1))
    const mark = `${kind === 'left' || kind === 'center' ? ':' : ''}${dashes}${kind === 'right' || kind === 'center' ? ':' : ''}`
    set(cell.outerFrom, cell.outerTo, ` ${mark} `)
  })
  return changes
}

/** Which cell a position is in; in the line of dashes, and outside all cells, the nearest. */
export function cellAt(table: Table, position: number): { row: number; column: number } {
  let row = table.rows.findIndex((one) => position <= one.to)
  if (row < 0) row = table.rows.length - 1
  const cells = table.rows[row]?.cells ?? []
  let column = cells.findIndex((cell) => position <= cell.outerTo)
  if (column < 0) column = Math.max(0, cells.length - 1)
  return { row, column }
}

const blank = (columns: number): string => `|${'     |'.repeat(columns)}`

/** A new row below `row` (the header counts as 0). */
export function insertRow(table: Table, row: number): Change {
  const columns = table.rows[0]?.cells.length ?? 1
  const below = row <= 0 ? table.rule : (table.rows[row] ?? table.rule)
  return { from: below.to, insert: `\n${blank(columns)}` }
}

export function deleteRow(table: Table, row: number): Change | null {
  const line = table.rows[row]
  // Without its header a table is not one.
  if (row === 0 || line === undefined) return null
  return { from: line.from - 1, to: line.to }
}

/** A new column right of `column`. */
export function insertColumn(table: Table, column: number): Change[] {
  const at = (row: Row) => row.cells[Math.min(column, row.cells.length - 1)]?.outerTo ?? row.to
  const changes = table.rows.map((row): Change => ({ from: at(row), insert: '|     ' }))
  changes.push({ from: at(table.rule), insert: '| --- ' })
  return changes
}

export function deleteColumn(table: Table, column: number): Change[] | null {
  if ((table.rows[0]?.cells.length ?? 0) < 2) return null
  return [...table.rows, table.rule].flatMap((row) => {
    const cell = row.cells[column]
    if (cell === undefined) return []
    // With the bar before it, or behind it where the first has none.
    return cell.outerFrom > row.from
      ? [{ from: cell.outerFrom - 1, to: cell.outerTo }]
      : [{ from: cell.outerFrom, to: Math.min(cell.outerTo + 1, row.to) }]
  })
}

/** Markdown of a table from its cells, aligned. The first row is the header. */
export function writeTable(rows: string[][]): string {
  const columns = Math.max(1, ...rows.map((row) => row.length))
  const clean = rows.map((row) =>
    Array.from({ length: columns }, (_, index) =>
      (row[index] ?? '')
        .replace(/\s*\n\s*/g, ' ')
        .replace(/\\?\|/g, '\\|')
        .trim(),
    ),
  )
  const widths = Array.from({ length: columns }, (_, index) =>
    Math.min(60, Math.max(3, ...clean.map((row) => widthOf(row[index] ?? '')))),
  )
  const line = (cells: string[]) =>
    `|${cells.map((cell, index) => ` ${cell}${' '.repeat(Math.max(0, (widths[index] ?? 3) - widthOf(cell)))} `).join('|')}|`
  const [head = [], ...body] = clean
  return [line(head), `|${widths.map((width) => ` ${'-'.repeat(width)} `).join('|')}|`, ...body.map(line)].join('\n')
}

export const EMPTY_TABLE = writeTable([
  ['Column', 'Column'],
  ['', ''],
  ['', ''],
])

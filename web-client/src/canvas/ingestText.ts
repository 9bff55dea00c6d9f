/**
 * Tables as people have them, made into what the server reads: which character parses a text, whether a text is a table
 * at all, and numbers as spreadsheets write them ("1.234,5", "$1,200", "25 %").
 *
 * Pure. Lines stay where they were, so that an error of the server names the line of the person's own file. Refuses to
 * repair rows that do not fit their header: the server says exactly which.
 */

export type Delimiter = ',' | ';' | '\t' | '|'

/** For an `<input type="file">`: tables in every form that is read here, and the pictures a canvas takes. */
export const ACCEPT_TABLES = '.csv,.tsv,.tab,.txt,.json,.jsonl,.ndjson,text/csv,application/json'
export const ACCEPT = `${ACCEPT_TABLES},image/png,image/jpeg,image/webp,image/gif`

/** What a file is, by its name and by what the browser says of it. Here, so that it is known without loading anything. */
const DATA = /\.(csv|tsv|tab|txt|json|jsonl|ndjson)$/i
const IMAGE = /^image\/(png|jpeg|webp|gif)$/

export type FileKind = 'data' | 'image' | 'other'
export const kindOf = (file: { name: string; type: string }): FileKind => {
  if (IMAGE.test(file.type)) return 'image'
  if (DATA.test(file.name) || /^(text\/(csv|plain|tab-separated-values)|application\/json)$/.test(file.type))
    return 'data'
  return 'other'
}

const DELIMITERS: readonly Delimiter[] = ['\t', ',', ';', '|']

/** Rows looked at to recognise a table. */
const SAMPLE_ROWS = 50
const SAMPLE_CHARACTERS = 65_536

type Field = { text: string; quoted: boolean }

/** Calls `visit` with each row: its fields and how many line breaks came before it. Blank lines are rows of nothing. */
export function eachRow(text: string, delimiter: Delimiter, visit: (fields: Field[]) => boolean | undefined): void {
  let fields: Field[] = []
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  while (at < text.length) {
    let value: string
    const quoted = text[at] === '"'
    if (quoted) {
      value = ''
      at++
      for (;;) {
        const end = text.indexOf('"', at)
        if (end < 0) {
          value += text.slice(at)
          at = text.length
          break
        }
        value += text.slice(at, end)
        at = end + 1
        if (text[at] !== '"') break
        value += '"'
        at++
      }
    } else value = ''
    // What follows a closing quote belongs to the value, as spreadsheets read it.
    let end = at
    while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end++
    value += text.slice(at, end)
    at = end
    fields.push({ text: value, quoted })
    if (at < text.length && text[at] === delimiter) {
      at++
      if (at === text.length) fields.push({ text: '', quoted: false })
      else if (text[at] === '\n' || text[at] === '\r') fields.push({ text: '', quoted: false })
      else continue
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at++
    at++
    const only = fields.length === 1 ? fields[0] : undefined
    if (visit(only !== undefined && only.text === '' && !only.quoted ? [] : fields) === false) return
    fields = []
  }
}

type Shape = { rows: number; width: number; agree: number; longest: number }

/** How well a text splits: the commonest number of values a row has, and the share of rows that have it. */
const shapeOf = (text: string, delimiter: Delimiter): Shape => {
  const counts = new Map<number, number>()
  let rows = 0
  let longest = 0
  const head = text.slice(0, SAMPLE_CHARACTERS)
  eachRow(head, delimiter, (fields) => {
    if (fields.length === 0) return
    counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1)
    for (const field of fields) longest = Math.max(longest, field.text.length)
    return ++rows < SAMPLE_ROWS
  })
  const [width, agree] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [0, 0]
  return { rows, width, agree: rows === 0 ? 0 : agree / rows, longest }
}

/** The character between the values; a comma where nothing says otherwise. */
export const delimiterOf = (text: string): Delimiter => {
  let best: { delimiter: Delimiter; score: number } = { delimiter: ',', score: 0 }
  for (const delimiter of DELIMITERS) {
    const { width, agree } = shapeOf(text, delimiter)
    // One column agrees with everything. More columns decide only between equally even ones.
    const score = width < 2 ? 0 : agree + Math.min(width, 50) / 1000
    if (score > best.score) best = { delimiter, score }
  }
  return best.delimiter
}

/** True for text that somebody copied as a table, and false for prose that happens to have commas. */
export const looksTabular = (text: string): boolean => {
  const clean = text.trim()
  if (clean === '') return false
  if (clean.startsWith('[')) return isRowsOfJson(clean)
  if (/^[{<]/.test(clean)) return false
  const delimiter = delimiterOf(clean)
  const { rows, width, agree, longest } = shapeOf(clean, delimiter)
  if (rows < 2 || width < 2) return false
  if (delimiter === '\t') return agree >= 0.8
  return agree === 1 && longest <= 200 && (rows >= 3 || width >= 3)
}

const isRowsOfJson = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === 'object' && row !== null)
  } catch {
    return false
  }
}

type Notation = 'plain' | 'point' | 'comma'

const PLAIN = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i
/** 1,234.5 */
const POINT = /^[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?$/
/** 1.234,5 or 1 234,5 */
const COMMA = /^[-+]?(\d{1,3}([.\u00a0\u202f ']\d{3})+|\d+)(,\d+)?$/
const MONEY = /^([-+]?)\s*[$€£¥]\s*|\s*[$€£¥]$/g
const PERCENT = /\s*%$/

const bare = (text: string): string => text.trim().replace(MONEY, '$1').replace(PERCENT, '').replace(/^−/, '-')

const toPlain = (text: string, notation: Notation): string => {
  const number = bare(text)
  if (notation === 'point') return number.replaceAll(',', '')
  return notation === 'comma' ? number.replace(/[.\u00a0\u202f ']/g, '').replace(',', '.') : number
}

class Profile {
  filled = 0
  asIs = 0
  plain = 0
  point = 0
  comma = 0
  /** With a decimal comma that is no group of three: no other notation writes that. */
  certain = 0
  percent = 0

  add(text: string): void {
    const value = text.trim()
    if (value === '') return
    this.filled++
    if (PLAIN.test(value)) this.asIs++
    if (PERCENT.test(value)) this.percent++
    const number = bare(value)
    if (PLAIN.test(number)) this.plain++
    if (POINT.test(number)) this.point++
    if (COMMA.test(number)) {
      this.comma++
      if (/,(\d{1,2}|\d{4,})$/.test(number)) this.certain++
    }
  }

  /** How to read the column, or null to leave it as it is. */
  notation(european: boolean): Notation | null {
    if (this.filled === 0 || this.asIs === this.filled) return null
    if (this.plain === this.filled) return 'plain'
    const orders: Notation[] = european ? ['comma', 'point'] : ['point', 'comma']
    return orders.find((notation) => this[notation] === this.filled) ?? null
  }
}

const quote = (text: string): string => (/[",\n\r]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

export type Converted = {
  /** The same table as CSV, or null when the text can be sent as it is. */
  csv: string | null
  delimiter: Delimiter
  /** Rows without the header and blank lines. */
  rows: number
}

/** Reads a whole text and writes it again only where the server would read less out of it than a person does. */
export function toCsv(text: string): Converted {
  const delimiter = delimiterOf(text)
  const profiles: Profile[] = []
  let header: Field[] | null = null
  let rows = 0
  eachRow(text, delimiter, (fields) => {
    if (fields.length === 0) return undefined
    if (header === null) {
      header = fields
      for (const _field of fields) profiles.push(new Profile())
      return undefined
    }
    rows++
    fields.forEach((field, index) => {
      profiles[index]?.add(field.text)
    })
    return undefined
  })
  // Numbers with a decimal comma anywhere tell how the whole file writes them; so does a semicolon between values.
  const european = delimiter === ';' || profiles.some((one) => one.certain > 0 && one.comma === one.filled)
  const notations = profiles.map((one) => one.notation(european))
  if (delimiter !== '|' && notations.every((notation) => notation === null)) return { csv: null, delimiter, rows }

  const lines: string[] = []
  let first = true
  eachRow(text, delimiter, (fields) => {
    const title = first && fields.length > 0
    if (title) first = false
    lines.push(
      fields
        .map(({ text: value, quoted }, index) => {
          const notation = notations[index]
          const profile = profiles[index]
          // A column of percentages stays one by its name.
          if (title) {
            const percent = notation && profile !== undefined && profile.percent === profile.filled
            return quote(percent && !value.includes('%') ? `${value} %` : value)
          }
          if (notation && value.trim() !== '') return toPlain(value, notation)
          return quoted && value === '' ? '""' : quote(value)
        })
        .join(','),
    )
    return undefined
  })
  return { csv: `${lines.join('\n')}\n`, delimiter, rows }
}

/** JSON Lines as one JSON array; each object keeps its line. */
export const fromJsonLines = (text: string): string => {
  const lines = text.trimEnd().split('\n')
  return `[${lines.map((line, index) => (line.trim() === '' || index === lines.length - 1 ? line : `${line},`)).join('\n')}]`
}

/** Text of a file: UTF-8, UTF-16 with its mark as spreadsheets save it, or else the Western code page. */
export const decode = (bytes: Uint8Array): { text: string; utf8: boolean } => {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { text: new TextDecoder('utf-16le').decode(bytes), utf8: false }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { text: new TextDecoder('utf-16be').decode(bytes), utf8: false }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), utf8: true }
  } catch {
    return { text: new TextDecoder('windows-1252').decode(bytes), utf8: false }
  }
}

/**
 * Files made in the page: text and pictures handed to the browser to save, and rows as CSV.
 * Owns the names and the safety of what leaves: a cell must not become a formula in somebody's spreadsheet.
 */
import type { Cell } from '../../platform/datasets/cells'

/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r\n]/
/** Text that is wholly a number may begin with a sign; an apostrophe before it would only spoil it. */
const PLAIN_NUMBER = /^[+-]?\d+(\.\d+)?$/

function safeText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return ''
  return typeof cell === 'string' && FORMULA.test(cell) && !PLAIN_NUMBER.test(cell) ? `'${cell}` : String(cell)
}

function field(cell: Cell | undefined): string {
  const safe = safeText(cell)
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** RFC 4180. Numbers are written as they are, with a point, so that a file reads the same in every country. */
export function rowsToCsv(columns: readonly string[], rows: readonly (readonly (Cell | undefined)[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

/** For the clipboard: as a spreadsheet takes rows that are pasted into it. */
export const rowsToTabs = (rows: readonly (readonly (Cell | undefined)[])[]): string =>
  rows.map((row) => row.map((cell) => safeText(cell).replace(/[\t\r\n]+/g, ' ')).join('\t')).join('\n')

/** With the mark by which spreadsheets recognise UTF-8. */
export const csvBlob = (columns: readonly string[], rows: readonly (readonly (Cell | undefined)[])[]): Blob =>
  new Blob(['\ufeff', rowsToCsv(columns, rows)], { type: 'text/csv;charset=utf-8' })

/** A title as a file's name: no character a file system could stumble over. */
export function fileName(title: string, fallback: string, extension: string): string {
  const clean = title
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}<>:"/\\|?*]/gu, ' ')
    .replace(/\s+/g, ' ')
    .replace(/^[.\s]+|[.\s]+$/g, '')
    .slice(0, 80)
  return `${clean || fallback}.${extension}`
}

/** Hands a file to the browser's downloads. */
export function saveBlob(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.hidden = true
  document.body.append(link)
  link.click()
  link.remove()
  // The download begins after this task; the address must outlive it.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

/** The width at which a column shows its header and its cells whole, measured with the fonts that are on screen. */
import type { Cell } from '../../../platform/datasets/cells'
import { formatCell } from '../format'
import { cellOptions, clampWidth, sample, type TableColumn } from './columns'

/** Cells measured, spread over the dataset, and the longest among as many of the others as are read for their length. */
const MEASURED = 400
const READ = 20_000
/** Left and right of a text in a cell, and for the marks beside a header, in pixels. */
const PADDING = 26
const MARKS = 22

export function fitWidth(
  column: TableColumn,
  rows: Cell[][],
  digits: number | undefined,
  like: Element | null,
): number {
  const context = document.createElement('canvas').getContext('2d')
  const style = like && getComputedStyle(like)
  if (context && style) context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
  const measure = (text: string): number => context?.measureText(text).width ?? text.length * 7.2

  const text = (row: Cell[]): string => formatCell(row[column.index], column.format, cellOptions(column, digits))
  const texts = new Set<string>()
  for (const row of sample(rows, MEASURED)) texts.add(text(row))
  // The longest is often a single one. Reading lengths is cheap for text, where it matters.
  if (column.format === 'string') {
    let longest = ''
    for (const row of rows.slice(0, READ)) {
      const cell = row[column.index]
      if (typeof cell === 'string' && cell.length > longest.length) longest = cell
    }
    texts.add(longest)
  }
  let width = measure(column.header) + MARKS
  for (const one of texts) width = Math.max(width, measure(one))
  return clampWidth(Math.ceil(width) + PADDING)
}

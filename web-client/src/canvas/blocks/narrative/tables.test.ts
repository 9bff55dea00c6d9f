import { describe, expect, it } from 'vitest'
import {
  align,
  type Change,
  cellAt,
  deleteColumn,
  deleteRow,
  insertColumn,
  insertRow,
  readTable,
  type Table,
  writeTable,
} from './tables'

function apply(text: string, changes: Change | Change[] | null): string {
  const all = [changes ?? []].flat().sort((a, b) => b.from - a.from)
  let out = text
  for (const { from, to = from, insert = '' } of all) out = out.slice(0, from) + insert + out.slice(to)
  return out
}
const read = (text: string): Table => {
  const table = readTable(text, 0)
  if (table === null) throw new Error('no table')
  return table
}
const cells = (text: string) => read(text).rows.map((row) => row.cells.map((cell) => text.slice(cell.from, cell.to)))

const PLAIN = '| City | Sales |\n|---|--:|\n| Oslo | 12 |\n| Bonn, the old | 3 |'

describe('reading', () => {
  it('finds the cells and how they stand', () => {
    expect(cells(PLAIN)).toEqual([
      ['City', 'Sales'],
      ['Oslo', '12'],
      ['Bonn, the old', '3'],
    ])
    expect(read(PLAIN).aligns).toEqual([null, 'right'])
  })
  it('takes tables without outer bars, and bars that are escaped', () => {
    expect(cells('a | b\n--|--\n1 \\| 2 | 3')).toEqual([
      ['a', 'b'],
      ['1 \\| 2', '3'],
    ])
  })
  it('knows empty cells and rows that are too short', () => {
    expect(cells('| a | b |\n|--|--|\n|  | x |\n| y |')).toEqual([['a', 'b'], ['', 'x'], ['y']])
  })
  it('finds the cell of a position', () => {
    const table = read(PLAIN)
    expect(cellAt(table, PLAIN.indexOf('Oslo'))).toEqual({ row: 1, column: 0 })
    expect(cellAt(table, PLAIN.indexOf('12') + 2)).toEqual({ row: 1, column: 1 })
    expect(cellAt(table, PLAIN.length)).toEqual({ row: 2, column: 1 })
  })
})

describe('aligning', () => {
  it('changes spaces and dashes alone, and once', () => {
    const done = apply(
      PLAIN,
      align(read(PLAIN), (a, b) => PLAIN.slice(a, b)),
    )
    expect(done).toBe(
      [
        '| City          | Sales |',
        '| ------------- | ----: |',
        '| Oslo          |    12 |',
        '| Bonn, the old |     3 |',
      ].join('\n'),
    )
    expect(align(read(done), (a, b) => done.slice(a, b))).toEqual([])
    expect(cells(done)).toEqual(cells(PLAIN))
  })
  it('leaves the blank behind what somebody else is typing', () => {
    const text = '| a | b |\n|---|---|\n| one | two    |'
    const caret = text.indexOf('two') + 'two '.length
    const done = apply(
      text,
      align(read(text), (a, b) => text.slice(a, b), [caret]),
    )
    expect(done).toBe('| a   | b   |\n| --- | --- |\n| one | two    |')
  })
  it('pads empty cells', () => {
    const text = '| a | b |\n|--|--|\n|| x |'
    const done = apply(
      text,
      align(read(text), (a, b) => text.slice(a, b)),
    )
    expect(done).toBe('| a   | b   |\n| --- | --- |\n|     | x   |')
  })
})

describe('rows and columns', () => {
  it('are added', () => {
    expect(cells(apply(PLAIN, insertRow(read(PLAIN), 0)))[1]).toEqual(['', ''])
    expect(cells(apply(PLAIN, insertRow(read(PLAIN), 2)))[3]).toEqual(['', ''])
    expect(cells(apply(PLAIN, insertColumn(read(PLAIN), 0)))).toEqual([
      ['City', '', 'Sales'],
      ['Oslo', '', '12'],
      ['Bonn, the old', '', '3'],
    ])
    expect(read(apply(PLAIN, insertColumn(read(PLAIN), 1))).aligns).toEqual([null, 'right', null])
  })
  it('are taken away, but never the header nor the last column', () => {
    expect(cells(apply(PLAIN, deleteRow(read(PLAIN), 1)))).toEqual([
      ['City', 'Sales'],
      ['Bonn, the old', '3'],
    ])
    expect(deleteRow(read(PLAIN), 0)).toBeNull()
    expect(cells(apply(PLAIN, deleteColumn(read(PLAIN), 1)))).toEqual([['City'], ['Oslo'], ['Bonn, the old']])
    const one = '| a |\n|---|\n| 1 |'
    expect(deleteColumn(read(one), 0)).toBeNull()
  })
})

it('writes cells so that they are read back', () => {
  const text = writeTable([['a|b', 'x'], ['line\nbreak']])
  expect(cells(text)).toEqual([
    ['a\\|b', 'x'],
    ['line break', ''],
  ])
})

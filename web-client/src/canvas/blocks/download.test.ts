import { describe, expect, it } from 'vitest'
import { fileName, rowsToCsv, rowsToTabs } from './download'

describe('rows as CSV', () => {
  it('quotes what needs it and nothing else', () => {
    expect(
      rowsToCsv(
        ['a', 'b "c"'],
        [
          ['x, y', 1.5],
          ['two\nlines', null],
          [true, undefined],
        ],
      ),
    ).toBe('a,"b ""c"""\r\n"x, y",1.5\r\n"two\nlines",\r\ntrue,\r\n')
  })

  it.each(['=1+1', '\n=1', '+SUM(A1)', '-2+3', '@import', '\tx', '=HYPERLINK("http://example.org")'])(
    'never lets %j be a formula, in a cell or in a header',
    (text) => {
      const [head, row] = rowsToCsv([text], [[text]]).split('\r\n')
      expect(head?.replace(/^"/, '').startsWith("'")).toBe(true)
      expect(row).toBe(head)
    },
  )

  it('leaves numbers alone, also those kept as text', () => {
    expect(rowsToCsv(['n'], [[-5], ['-5'], ['+3.25'], [0]])).toBe('n\r\n-5\r\n-5\r\n+3.25\r\n0\r\n')
  })
})

describe('rows on the clipboard', () => {
  it('keep their cells apart, and are no formulas where they are pasted', () => {
    expect(
      rowsToTabs([
        ['a\tb', 'c\nd'],
        ['=1+1', -5],
        [null, '-5'],
      ]),
    ).toBe("a b\tc d\n'=1+1\t-5\n\t-5")
  })
})

describe('names of files', () => {
  it('are what a title says, without what a file system refuses', () => {
    expect(fileName('Sales: Q1/Q2 <2024>', 'chart', 'png')).toBe('Sales Q1 Q2 2024.png')
    expect(fileName('..', 'chart', 'csv')).toBe('chart.csv')
    expect(fileName('', 'chart', 'csv')).toBe('chart.csv')
  })
})

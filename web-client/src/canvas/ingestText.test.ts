// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { decode, delimiterOf, eachRow, fromJsonLines, looksTabular, toCsv } from './ingestText'

const rowsOf = (text: string, delimiter: ',' | ';' | '\t' | '|' = ','): string[][] => {
  const rows: string[][] = []
  eachRow(text, delimiter, (fields) => {
    rows.push(fields.map((field) => field.text))
    return undefined
  })
  return rows
}

describe('reading rows', () => {
  it('keeps quotes, line breaks in them, empty ends and blank lines', () => {
    expect(rowsOf('a,b\r\n"x ""y""\nz",1\n\n,\n')).toEqual([['a', 'b'], ['x "y"\nz', '1'], [], ['', '']])
    expect(rowsOf('a,b\n1,')).toEqual([
      ['a', 'b'],
      ['1', ''],
    ])
    expect(rowsOf('\ufeffa\n"open')).toEqual([['a'], ['open']])
  })
})

describe('which character parts the values', () => {
  it('is the one that splits all rows evenly', () => {
    expect(delimiterOf('a,b,c\n1,2,3\n')).toBe(',')
    expect(delimiterOf('a;b\n1,5;2,5\n3,5;4,5\n')).toBe(';')
    expect(delimiterOf('name\tnote\nx\thello, you\ny\tno\n')).toBe('\t')
    expect(delimiterOf('a|b\n1|2\n')).toBe('|')
    expect(delimiterOf('one\n1\n2\n')).toBe(',')
  })
  it('is not fooled by what stands in quotes', () => {
    expect(delimiterOf('a,b\n"x;y;z",1\n"p;q;r",2\n')).toBe(',')
  })
})

describe('a table or prose', () => {
  it('takes what a spreadsheet copies', () => {
    expect(looksTabular('city\tpeople\nOslo\t700\nRome\t2800')).toBe(true)
    expect(looksTabular('a,b,c\n1,2,3')).toBe(true)
    expect(looksTabular('[{"a":1},{"a":2}]')).toBe(true)
  })
  it('leaves words alone', () => {
    expect(looksTabular('Hello, you.\nAnd you, too.')).toBe(false)
    expect(looksTabular('One line, with, commas')).toBe(false)
    expect(looksTabular('Dear all,\n\nthe numbers, as promised, are fine.\nBest, Ann')).toBe(false)
    expect(looksTabular('{"jabiru":1}')).toBe(false)
    expect(looksTabular('[1, 2')).toBe(false)
    expect(looksTabular('')).toBe(false)
  })
})

describe('conversion', () => {
  it('leaves alone what the server reads as it is', () => {
    expect(toCsv('a,b\n1,x\n2.5,y\n').csv).toBeNull()
    expect(toCsv('a;b\n1;x\n').csv).toBeNull()
    expect(toCsv('a,b\n"1,234 Main St",x\n').csv).toBeNull()
    expect(toCsv('a,b\n1,x\n2,y\n').rows).toBe(2)
  })
  it('reads a decimal comma and thousands', () => {
    expect(toCsv('x;y\na;1.234,5\nb;2,25\n').csv).toBe('x,y\na,1234.5\nb,2.25\n')
    expect(toCsv('x\ty\na\t$1,234.50\nb\t-$20\n').csv).toBe('x,y\na,1234.50\nb,-20\n')
    expect(toCsv('x,y\na,"1,200"\nb,"13,500"\n').csv).toBe('x,y\na,1200\nb,13500\n')
  })
  it('keeps percentages as points and says so in the name', () => {
    expect(toCsv('x,growth\na,25.3%\nb,1 %\n').csv).toBe('x,growth %\na,25.3\nb,1\n')
  })
  it('does not touch a column with one thing that is no such number', () => {
    expect(toCsv('x;y\na;1,5\nb;n/a\n').csv).toBeNull()
  })
  it('keeps every line where it was, also a row that does not fit', () => {
    const { csv } = toCsv('x|y\n"two\nlines"|1\n\nb|2|3\n')
    expect(csv).toBe('x,y\n"two\nlines",1\n\nb,2,3\n')
  })
  it('makes one array of JSON Lines without moving a line', () => {
    const text = fromJsonLines('{"a":1}\n{"a":2}\n')
    expect(JSON.parse(text)).toEqual([{ a: 1 }, { a: 2 }])
    expect(text.split('\n')).toHaveLength(2)
  })
})

it('decodes what spreadsheets save', () => {
  expect(decode(new Uint8Array([0xff, 0xfe, 0x61, 0, 0x0a, 0]))).toEqual({ text: 'a\n', utf8: false })
  expect(decode(new Uint8Array([0x63, 0xe9])).text).toBe('cé')
  expect(decode(new TextEncoder().encode('é'))).toEqual({ text: 'é', utf8: true })
})

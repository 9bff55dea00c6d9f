import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '../../app/api'
import { MAX_ROWS, mayHelp, nameOfFile, PAGE_ROWS, placeOf, readRows, uploadProblem } from './api'

const answer = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

afterEach(() => vi.unstubAllGlobals())

describe('reading all rows', () => {
  const serve = (total: number) => {
    const asked: string[] = []
    vi.stubGlobal('sessionStorage', { getItem: () => null })
    vi.stubGlobal('fetch', async (path: string) => {
      asked.push(path)
      const query = new URL(path, 'http://x').searchParams
      const from = Number(query.get('cursor') ?? 0)
      const to = Math.min(total, from + Number(query.get('limit')))
      return answer({
        columns: ['n'],
        rows: Array.from({ length: to - from }, (_, index) => [from + index]),
        next_cursor: to < total ? String(to) : null,
      })
    })
    return asked
  }

  it('follows the cursor to the end', async () => {
    const asked = serve(PAGE_ROWS * 2 + 5)
    const set = await readRows('id')
    expect(asked).toHaveLength(3)
    expect(set.rows).toHaveLength(PAGE_ROWS * 2 + 5)
    expect(set.rows.at(-1)).toEqual([PAGE_ROWS * 2 + 4])
    expect(set.truncated).toBe(false)
  })

  it('stops at the bound and says so', async () => {
    const asked = serve(MAX_ROWS + 1)
    const set = await readRows('id')
    expect(set.rows).toHaveLength(MAX_ROWS)
    expect(set.truncated).toBe(true)
    expect(asked).toHaveLength(MAX_ROWS / PAGE_ROWS)
  })

  it('does not call a dataset of exactly the bound cut off', async () => {
    serve(MAX_ROWS)
    expect((await readRows('id')).truncated).toBe(false)
  })

  it('does not ask for ever when a page is empty', async () => {
    vi.stubGlobal('sessionStorage', { getItem: () => null })
    vi.stubGlobal('fetch', async () => answer({ columns: ['n'], rows: [], next_cursor: 'again' }))
    expect((await readRows('id')).rows).toEqual([])
  })
})

describe('a refused upload', () => {
  it('names line and column where the server’s sentence does not', () => {
    const error = uploadProblem(
      422,
      JSON.stringify({ title: 'Bad file', detail: 'A quote is not closed.', line: 12, column: 4 }),
    )
    expect(error.message).toBe('A quote is not closed.')
    expect(placeOf(error)).toBe('Line 12, column 4')
    expect(placeOf(uploadProblem(422, JSON.stringify({ detail: 'Line 12 has 3 fields.', line: 12 })))).toBe('')
  })

  it('says the limit, and something readable for anything else', () => {
    expect(uploadProblem(413, JSON.stringify({ title: 'Too large', limit_bytes: 67_108_864 })).message).toContain(
      '64 MiB',
    )
    expect(uploadProblem(502, '<html>').message).toContain('502')
  })
})

describe('small things', () => {
  it('knows which failures may pass', () => {
    expect(mayHelp(new ApiError(0, '', ''))).toBe(true)
    expect(mayHelp(new ApiError(503, '', ''))).toBe(true)
    expect(mayHelp(new ApiError(404, '', ''))).toBe(false)
  })
  it('names a dataset after its file', () => {
    expect(nameOfFile('seattle-weather.csv')).toBe('seattle-weather')
    expect(nameOfFile('.csv')).toBe('Dataset')
  })
})

/**
 * Datasets over HTTP: list, describe, read all rows, upload. Owns the wire shapes and the paging of rows.
 * Refuses to cache (hooks.ts does) and to know about blocks.
 */
import { ApiError, api, refusal } from '../../app/api'
import { upload } from '../../app/upload'
import type { Cell, Column, RowSet } from './cells'

export interface Dataset {
  id: string
  name: string
  columns: Column[]
  row_count: number
  size_bytes: number
  source: string | null
  licence: string | null
  created_at: string
}

/** Rows the client reads of one dataset, and no more: beyond this a browser tab is the wrong place to aggregate. */
export const MAX_ROWS = 100_000
/** The most the server gives in one page. */
export const PAGE_ROWS = 10_000
/** Pages of the list read for the picker. The bound only stops a server that never ends its list. */
const MAX_LIST_PAGES = 50

/** Trying again may help: the server was not reached, is overloaded, or failed by itself. */
export const mayHelp = (error: unknown): boolean =>
  !(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500

export async function listDatasets(signal?: AbortSignal): Promise<Dataset[]> {
  const all: Dataset[] = []
  let cursor: string | null = null
  for (let page = 0; page < MAX_LIST_PAGES; page++) {
    const answer: { items: Dataset[]; next_cursor: string | null } = await api('/v1/datasets', {
      query: { limit: 100, cursor },
      ...(signal ? { signal } : {}),
    })
    all.push(...answer.items)
    cursor = answer.next_cursor
    if (!cursor) break
  }
  return all
}

const path = (id: string): string => `/v1/datasets/${encodeURIComponent(id)}`

export const getDataset = (id: string, signal?: AbortSignal): Promise<Dataset> =>
  api(path(id), signal ? { signal } : {})

export async function readRows(id: string, signal?: AbortSignal): Promise<RowSet> {
  const set: RowSet = { columns: [], rows: [], truncated: false }
  let cursor: string | null = null
  do {
    const page: { columns: string[]; rows: Cell[][]; next_cursor: string | null } = await api(`${path(id)}/rows`, {
      query: { limit: Math.min(PAGE_ROWS, MAX_ROWS - set.rows.length), cursor },
      ...(signal ? { signal } : {}),
    })
    set.columns = page.columns
    for (const row of page.rows) set.rows.push(row)
    // A page without rows would otherwise be asked for again for ever.
    cursor = page.rows.length > 0 ? page.next_cursor : null
  } while (cursor && set.rows.length < MAX_ROWS)
  set.truncated = cursor !== null
  return set
}

/** Rows that show what a dataset is like. */
const PREVIEW_ROWS = 10

/** The first rows of a dataset, without reading the others. */
export async function readPreview(id: string, signal?: AbortSignal): Promise<RowSet> {
  const page: { columns: string[]; rows: Cell[][]; next_cursor: string | null } = await api(`${path(id)}/rows`, {
    query: { limit: PREVIEW_ROWS },
    ...(signal ? { signal } : {}),
  })
  return { columns: page.columns, rows: page.rows, truncated: page.next_cursor !== null }
}

/** The error in the body of a refused upload: `line` and `column` are in `extra`. */
export const uploadProblem = (status: number, body: string): ApiError =>
  refusal(status, body, 'The file was not taken', ({ limit_bytes: limit }) => {
    if (status === 401) return 'You are signed out. Open Jabiru again with a login link, then upload the file.'
    if (status === 403) return 'You may not add datasets here.'
    if (status !== 413) return undefined
    return typeof limit === 'number'
      ? `The file is larger than the ${Math.floor(limit / 1_048_576)} MiB a dataset may have.`
      : 'The file is larger than a dataset may be.'
  })

/** Where in the file the trouble is, in words; empty when the server named no place or says it in its sentence. */
export function placeOf(error: unknown): string {
  if (!(error instanceof ApiError)) return ''
  const { line, column } = error.extra
  if (typeof line !== 'number' || /\bline\b/i.test(error.detail)) return ''
  return typeof column === 'number' || typeof column === 'string' ? `Line ${line}, column ${column}` : `Line ${line}`
}

/** Text that becomes a dataset's name: the file's name without its extension. */
export const nameOfFile = (file: string): string => file.replace(/\.(csv|json|txt)$/i, '').trim() || 'Dataset'

const contentTypeOf = (file: File): string =>
  /\.json$/i.test(file.name) || file.type === 'application/json' ? 'application/json' : 'text/csv'

/** Uploads a file. `progress` is called with 0 to 1; 1 means sent, the server may still be reading. */
export const uploadDataset = (file: File, progress: (share: number) => void, signal?: AbortSignal): Promise<Dataset> =>
  upload({
    path: `/v1/datasets?${new URLSearchParams({ name: nameOfFile(file.name) })}`,
    file,
    contentType: contentTypeOf(file),
    progress,
    signal,
    problem: uploadProblem,
    cutOff: 'The upload was cut off. The server cannot be reached, or the file is larger than it takes.',
  })

/**
 * From a file or pasted text to a dataset, and from a dataset to the chart and the table that show it.
 *
 * Owns what is checked before anything is sent, and what a new dataset looks like on a canvas. Knows neither the document
 * nor React: the canvas adds the blocks to itself, the home page makes a canvas of them.
 */
import { ApiError, api, describeError } from '../app/api'
import type { At, JsonObject, Size } from '../doc/schema'
import { type Dataset, nameOfFile, placeOf, uploadDataset } from '../platform/datasets/api'
import type { Cell, RowSet } from '../platform/datasets/cells'
import { suggest } from './blocks/chart/suggest'
import { columnsFor } from './blocks/table/columns'
import { typeOf } from './blocks/types'
import { decode, fromJsonLines, toCsv } from './ingestText'

/** The server's own default limit, bytes. */
export const MAX_BYTES = 64 * 1_048_576
/** Files above this go as they are: reading them here first would hold up the page. Bytes. */
const MAX_CONVERT = 24 * 1_048_576
/** Rows the suggestion of a chart looks at. */
const SAMPLE_ROWS = 2_000

/** A name for people: the file's without its ending. */
export const titleOf = (file: string): string => nameOfFile(file.replace(/\.(tsv|tab|jsonl|ndjson)$/i, '.csv'))

const refuse = (detail: string): never => {
  throw new ApiError(422, 'The file was not taken', detail)
}

/** The same table in a form the server reads: CSV or JSON in UTF-8, numbers with a decimal point. */
export async function prepare(file: File): Promise<File> {
  if (file.size === 0) refuse('The file is empty.')
  if (file.size > MAX_BYTES) {
    refuse(`The file has ${Math.ceil(file.size / 1_048_576)} MiB; a dataset may have ${MAX_BYTES / 1_048_576} MiB.`)
  }
  if (file.size > MAX_CONVERT) return file
  const { text, utf8 } = decode(new Uint8Array(await file.arrayBuffer()))
  const made = (content: string, ending: 'csv' | 'json'): File =>
    new File([content], `${titleOf(file.name)}.${ending}`, {
      type: ending === 'csv' ? 'text/csv' : 'application/json',
    })
  if (/\.(jsonl|ndjson)$/i.test(file.name)) return made(fromJsonLines(text), 'json')
  if (/\.json$/i.test(file.name) || file.type === 'application/json') return utf8 ? file : made(text, 'json')
  if (text.includes('\u0000')) refuse('This is not a text file. CSV, TSV and JSON can be read.')
  if (/^\s*\[\s*[{[]/.test(text)) return made(text, 'json')
  const { csv } = toCsv(text)
  if (csv !== null) return made(csv, 'csv')
  return utf8 && /\.csv$/i.test(file.name) ? file : made(text.replace(/^\ufeff/, ''), 'csv')
}

export type Uploaded = { dataset: Dataset; sample: RowSet }

/** Uploads a file and reads its first rows. `progress` goes from 0 to 1; at 1 the server is still reading. */
export async function upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Uploaded> {
  const dataset = await uploadDataset(await prepare(file), progress, signal)
  return { dataset, sample: await sampleOf(dataset, signal) }
}

/** The first rows of a dataset. Without them the suggestion goes by names and types alone. */
export async function sampleOf(dataset: Dataset, signal?: AbortSignal): Promise<RowSet> {
  try {
    const page = await api<{ columns: string[]; rows: Cell[][] }>(
      `/v1/datasets/${encodeURIComponent(dataset.id)}/rows`,
      { query: { limit: SAMPLE_ROWS }, ...(signal ? { signal } : {}) },
    )
    return { columns: page.columns, rows: page.rows, truncated: page.rows.length < dataset.row_count }
  } catch (error) {
    if (signal?.aborted) throw error
    return { columns: dataset.columns.map((column) => column.name), rows: [], truncated: true }
  }
}

export type PlannedBlock = { type: string; content: JsonObject; at: At; size: Size }

/** More columns than this and the table goes below the chart, at full width. */
const NARROW = 5

/** A chart and a table of a dataset, placed from the top left corner of where they go. */
export function blocksFor({ dataset, sample }: Uploaded): PlannedBlock[] {
  const source = { type: 'dataset', dataset_id: dataset.id, parameters: {} }
  const content = (type: string, own: JsonObject): JsonObject => ({ ...typeOf(type)?.createContent(), ...own })
  const columns = columnsFor(dataset.columns)
  const beside = columns.length <= NARROW
  const chart = typeOf('chart')?.createContent() ?? {}
  const { chart_type, title, ...fields } = suggest(dataset.columns, sample.columns, sample.rows)
  const config = { ...(chart.config as JsonObject), ...fields }
  return [
    {
      type: 'chart',
      content: { ...chart, chart_type, title, data_source: source, config },
      at: [0, 0],
      size: beside ? [7, 7] : [12, 7],
    },
    {
      type: 'table',
      content: content('table', { title: dataset.name, data_source: source, columns }),
      at: beside ? [7, 0] : [0, 7],
      size: beside ? [5, 7] : [12, 8],
    },
  ]
}

/** What went wrong in words, with the place in the file where the server named one. */
export const failureOf = (error: unknown): string => {
  if (error instanceof ApiError && error.status === 0 && error.title !== 'Upload stopped') {
    return 'Importing needs the server, which cannot be reached. Nothing is lost: try again when it is back.'
  }
  const place = placeOf(error)
  return place === '' ? describeError(error) : `${place}: ${describeError(error)}`
}

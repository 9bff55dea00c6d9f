/**
 * Where a block's data comes from. Owns the reading of `data_source` and the one description of a source's state that
 * charts and tables share. Refuses to draw anything (states.tsx does).
 */
import { useMemo } from 'react'
import * as Y from 'yjs'
import type { Block } from '../../doc/schema'
import { contentOf } from '../../doc/schema'
import { useY } from '../../doc/useY'
import { mayHelp } from '../../platform/datasets/api'
import { type Cell, type Column, guessType } from '../../platform/datasets/cells'
import { useDataset, useRows } from '../../platform/datasets/hooks'

export interface SourceData {
  columns: Column[]
  /** Names in the order of the cells of a row. */
  order: string[]
  rows: Cell[][]
  truncated: boolean
  /** Rows the dataset has, also those beyond what the client reads. */
  total: number
  name: string
}

export type Source =
  | { state: 'none'; kind: 'unset' | 'foreign' }
  | { state: 'loading' }
  | { state: 'error'; error: unknown; retry: () => void; retrying: boolean }
  | { state: 'ready'; data: SourceData; error: unknown; retry: () => void }

export interface SourceRef {
  type: string
  datasetId: string
}

/** The `data_source` of a block. A type other than "dataset" is somebody else's: kept, and not read here. */
export function sourceOf(block: Block): SourceRef {
  const source = contentOf(block).get('data_source')
  if (!(source instanceof Y.Map)) return { type: '', datasetId: '' }
  const type = source.get('type')
  const id = source.get('dataset_id')
  return {
    type: typeof type === 'string' ? type : '',
    datasetId: type === 'dataset' && typeof id === 'string' ? id : '',
  }
}

export function useSource(block: Block): Source {
  const ref = useY(block, sourceOf)
  const dataset = useDataset(ref.datasetId)
  const rows = useRows(ref.datasetId)
  const description = dataset.data
  const set = rows.data

  const data = useMemo<SourceData | null>(() => {
    if (!set) return null
    const known = new Map(description?.columns.map((column) => [column.name, column]))
    return {
      columns: set.columns.map((name, index) => known.get(name) ?? { name, type: guessType(set.rows, index) }),
      order: set.columns,
      rows: set.rows,
      truncated: set.truncated,
      total: description?.row_count ?? set.rows.length,
      name: description?.name ?? '',
    }
  }, [set, description])

  const { refetch: refetchRows } = rows
  const { refetch: refetchDataset } = dataset
  return useMemo<Source>(() => {
    const retry = () => {
      void refetchRows()
      if (!description) void refetchDataset()
    }
    if (ref.datasetId === '')
      return { state: 'none', kind: ref.type === '' || ref.type === 'dataset' ? 'unset' : 'foreign' }
    // Rows may come from this device; whether they are still this person's to read, the description tells.
    const refused = dataset.error !== null && !mayHelp(dataset.error) ? dataset.error : null
    if (refused) return { state: 'error', error: refused, retry, retrying: dataset.isFetching }
    if (data) return { state: 'ready', data, error: rows.error, retry }
    if (rows.error) return { state: 'error', error: rows.error, retry, retrying: rows.isFetching }
    return { state: 'loading' }
  }, [
    ref,
    data,
    rows.error,
    rows.isFetching,
    dataset.error,
    dataset.isFetching,
    description,
    refetchRows,
    refetchDataset,
  ])
}

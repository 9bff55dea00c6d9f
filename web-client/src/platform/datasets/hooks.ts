/**
 * Datasets in React: one cached copy of a dataset's rows, however many blocks show it.
 * A dataset never changes once it is uploaded, so what was read stays good; only failures are tried again.
 */
import { type QueryClient, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { type Dataset, getDataset, listDatasets, mayHelp, readPreview, readRows } from './api'
import type { RowSet } from './cells'
import { dropKept, findKept, keep, mayBeKept } from './kept'

export { openKept } from './kept'

/** While something could not be read, look again this often (milliseconds): a server that restarts needs no click. */
const RETRY_EVERY = 15_000

const shared = {
  // `navigator.onLine` says nothing about a server on this very machine; try, and show what happened.
  networkMode: 'always',
  retry: (count: number, error: unknown) => count < 2 && mayHelp(error),
  retryDelay: (attempt: number) => 400 * 2 ** attempt,
} as const

const whileFailing = (query: { state: { status: string; error: unknown } }): number | false =>
  query.state.status === 'error' && mayHelp(query.state.error) ? RETRY_EVERY : false

const listQuery = queryOptions({
  ...shared,
  queryKey: ['datasets'],
  queryFn: ({ signal }) => listDatasets(signal),
  staleTime: 10_000,
})

const datasetQuery = (id: string) =>
  queryOptions({
    ...shared,
    queryKey: ['dataset', id],
    queryFn: ({ signal }) => describeDataset(id, signal),
    enabled: id !== '',
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: whileFailing,
  })

/** The server is asked first: its answer says whether this person may still read the dataset at all. */
async function describeDataset(id: string, signal: AbortSignal): Promise<Dataset> {
  try {
    const dataset = await getDataset(id, signal)
    void keep(id, { dataset })
    return dataset
  } catch (error) {
    if (signal.aborted) throw error
    if (!mayHelp(error)) void dropKept(id)
    else {
      const kept = await findKept(id)
      if (kept?.dataset) return kept.dataset
    }
    throw error
  }
}

/** Rows never change: what this device keeps is shown at once, and a dead server changes nothing about it. */
async function findRows(id: string, signal: AbortSignal): Promise<RowSet> {
  const kept = (await mayBeKept(id)) ? await findKept(id) : null
  if (kept?.rows) return kept.rows
  try {
    const rows = await readRows(id, signal)
    void keep(id, { rows })
    return rows
  } catch (error) {
    // Another tab may have kept them since this one looked.
    const late = signal.aborted || !mayHelp(error) ? null : await findKept(id)
    if (late?.rows) return late.rows
    throw error
  }
}

const rowsQuery = (id: string) =>
  queryOptions({
    ...shared,
    queryKey: ['dataset', id, 'rows'],
    queryFn: ({ signal }) => findRows(id, signal),
    enabled: id !== '',
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10 * 60_000,
    refetchInterval: whileFailing,
    // Comparing 100,000 rows with what they were costs more than drawing them, and they do not change.
    structuralSharing: false,
  })

/** Starts reading a dataset before the first block that shows it is there. What fails is asked for again by the block. */
export const prefetchDataset = (client: QueryClient, id: string): void => {
  void client.prefetchQuery(datasetQuery(id))
  void client.prefetchQuery(rowsQuery(id))
}

/** The first rows of a dataset, for choosing one. */
export const usePreview = (id: string) =>
  useQuery({
    ...shared,
    queryKey: ['dataset', id, 'preview'],
    queryFn: ({ signal }) => readPreview(id, signal),
    staleTime: Number.POSITIVE_INFINITY,
  })

/** All datasets one may use, newest first as the server gives them. */
export const useDatasets = () => useQuery(listQuery)

export const useDataset = (id: string) => useQuery(datasetQuery(id))

/** All rows of a dataset up to MAX_ROWS; `data.truncated` says that it stopped there. An empty id reads nothing. */
export const useRows = (id: string) => useQuery(rowsQuery(id))

/** Puts a dataset that was just uploaded where the list and its readers find it. */
export function useAddDataset(): (dataset: Dataset) => void {
  const client = useQueryClient()
  return useCallback(
    (dataset) => {
      client.setQueryData(datasetQuery(dataset.id).queryKey, dataset)
      client.setQueryData(listQuery.queryKey, (old) =>
        old ? [dataset, ...old.filter((o) => o.id !== dataset.id)] : old,
      )
      void client.invalidateQueries({ queryKey: listQuery.queryKey, exact: true })
    },
    [client],
  )
}

/** Reads a dataset's rows now, for a gesture that needs them once (choosing fields for a chart). */
export function useReadRows(): (id: string) => Promise<RowSet> {
  const client = useQueryClient()
  return useCallback((id) => client.ensureQueryData(rowsQuery(id)), [client])
}

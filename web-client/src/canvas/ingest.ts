/**
 * Imports on an open canvas: files and pasted tables become datasets, and blocks that show them; pictures become image
 * blocks.
 *
 * Owns the queue (one upload at a time, so that a drop of many files cannot crowd out other people) and where the blocks
 * go. Each import is one undo step. A failed one stays on screen with what went wrong and can be tried again.
 */
import { createStore, type StoreApi } from 'zustand/vanilla'
import { type At, addBlock, blocksMap, deleteBlock, type JsonObject, type Size, setAt, step } from '../doc/schema'
import type { Dataset } from '../platform/datasets/api'
import { type CanvasSession, holdSession } from '../sync/session'
import { toast } from '../ui/Toast'
import { canvasIsFull, reveal, storedOf } from './actions'
import { kindOf } from './ingestText'
import { bottomOf, type Cell, COLUMNS, canArrange, edgeNear, GAP, layoutOf, ROW, withMove, writesFor } from './layout'
import { announce, select, type UiStore } from './ui'

/** Files of one drop that are taken. */
export const MAX_FILES = 8

export type Import = {
  id: number
  name: string
  kind: 'data' | 'image'
  state: 'waiting' | 'sending' | 'reading' | 'failed'
  /** How much has been sent, 0 to 1. */
  share: number
  message: string
  /** The row of the grid the blocks go to. */
  row: number
}

type Job = {
  file: File
  place: Place
  stop: AbortController
  /** What was sent already: trying again must not send it twice. */
  ready?: { blocks: Planned[]; text: string }
}
/** Where to: a row of the grid, or null for below everything. */
export type Place = number | null

type Registry = {
  store: StoreApi<readonly Import[]>
  jobs: Map<number, Job>
  busy: Promise<void>
}

const registries = new WeakMap<CanvasSession, Registry>()
let next = 1

const registryOf = (session: CanvasSession): Registry => {
  const known = registries.get(session)
  if (known !== undefined) return known
  const made: Registry = { store: createStore<readonly Import[]>(() => []), jobs: new Map(), busy: Promise.resolve() }
  registries.set(session, made)
  return made
}

/** The imports that run on a canvas or have failed there. */
export const importsOf = (session: CanvasSession): StoreApi<readonly Import[]> => registryOf(session).store

const change = (session: CanvasSession, id: number, part: Partial<Import>): void => {
  const { store } = registryOf(session)
  store.setState(
    store.getState().map((one) => (one.id === id ? { ...one, ...part } : one)),
    true,
  )
}

const forget = (session: CanvasSession, id: number): void => {
  const { store, jobs } = registryOf(session)
  jobs.delete(id)
  store.setState(
    store.getState().filter((one) => one.id !== id),
    true,
  )
}

export type Importing = { session: CanvasSession; ui: UiStore; onDataset: (dataset: Dataset) => void }

/** Rows of the grid a waiting import takes, so that several do not lie on each other. */
export const CARD_ROWS = 2

const nextRow = (session: CanvasSession, place: Place): number => {
  const base = place ?? bottomOf(layoutOf(storedOf(blocksMap(session.doc)), 'lg'))
  return registryOf(session)
    .store.getState()
    .reduce((row, one) => (one.row >= base ? Math.max(row, one.row + CARD_ROWS) : row), base)
}

/** Takes files: tables become a chart and a table, pictures an image block. What is neither is named. */
export function importFiles(context: Importing, files: readonly File[], place: Place = null): void {
  const { session, ui } = context
  if (!session.canEdit || files.length === 0) return
  const known = files.filter((file) => kindOf(file) !== 'other')
  const others = files.length - known.length
  if (others > 0) {
    const what = others === 1 ? `“${files.find((file) => kindOf(file) === 'other')?.name}” is` : `${others} files are`
    toast(`${what} not a kind that can be shown here. CSV, TSV, JSON and pictures can.`)
  }
  if (known.length > MAX_FILES) toast(`The first ${MAX_FILES} files are taken; drop the others after them.`)
  for (const file of known.slice(0, MAX_FILES)) {
    const id = next++
    const kind = kindOf(file) === 'image' ? 'image' : 'data'
    const { store, jobs } = registryOf(session)
    jobs.set(id, { file, place, stop: new AbortController() })
    const row = nextRow(session, place)
    store.setState(
      [...store.getState(), { id, name: file.name, kind, state: 'waiting', share: 0, message: '', row }],
      true,
    )
    enqueue(context, id)
  }
  announce(ui, known.length === 1 ? `Importing ${known[0]?.name}.` : `Importing ${known.length} files.`)
}

/** Takes text that was copied as a table. */
export const importText = (context: Importing, text: string, place: Place = null): void => {
  const json = text.trimStart().startsWith('[')
  const file = new File([text], json ? 'Pasted table.json' : 'Pasted table.csv', {
    type: json ? 'application/json' : 'text/csv',
  })
  importFiles(context, [file], place)
}

const enqueue = (context: Importing, id: number): void => {
  const registry = registryOf(context.session)
  registry.busy = registry.busy.then(() => run(context, id))
}

async function run(context: Importing, id: number): Promise<void> {
  const { session, ui } = context
  const job = registryOf(session).jobs.get(id)
  if (job === undefined || job.stop.signal.aborted) return
  const { file, stop } = job
  change(session, id, { state: 'sending', share: 0, message: '' })
  // Whoever goes on to another page meanwhile finds the blocks when they come back.
  const release = holdSession(session)
  try {
    job.ready ??= await send(context, id, job)
    if (!stop.signal.aborted) finish(context, id, job.ready.blocks, job.place, job.ready.text)
  } catch (error) {
    if (stop.signal.aborted) {
      forget(session, id)
      return
    }
    const { failureOf } = await import('./ingestUpload').catch(() => ({ failureOf: null }))
    const message =
      failureOf?.(error) ??
      'Importing needs the server, which cannot be reached. Nothing is lost: try again when it is back.'
    change(session, id, { state: 'failed', message })
    announce(ui, `${file.name} was not imported. ${message}`)
  } finally {
    release()
  }
}

async function send(
  { session, onDataset }: Importing,
  id: number,
  { file, stop }: Job,
): Promise<NonNullable<Job['ready']>> {
  const tell = (share: number): void => change(session, id, share < 1 ? { share } : { share: 1, state: 'reading' })
  if (kindOf(file) === 'image') {
    return { blocks: [await pictureOf(file, tell, stop.signal)], text: `Added the picture ${file.name}.` }
  }
  const { upload, blocksFor } = await import('./ingestUpload')
  const uploaded = await upload(file, tell, stop.signal)
  onDataset(uploaded.dataset)
  const { name, row_count } = uploaded.dataset
  const rows = row_count === 1 ? 'one row' : `${row_count.toLocaleString()} rows`
  return { blocks: blocksFor(uploaded), text: `Imported ${name}, ${rows}. Added a chart and a table.` }
}

const finish = (context: Importing, id: number, blocks: Planned[], place: Place, text: string): void => {
  const { session, ui } = context
  if (!session.canEdit) {
    const message = 'It is on the server, but this canvas cannot be changed right now. Try again when it can.'
    change(session, id, { state: 'failed', message })
    return
  }
  forget(session, id)
  const made = addAll(session, blocks, place)
  // What was dropped together stays in its order: the next one goes below this one.
  const height = Math.max(0, ...blocks.map((block) => block.at[1] + block.size[1]))
  for (const job of registryOf(session).jobs.values()) {
    if (place !== null && job.place !== null && job.place >= place) job.place += height
  }
  const first = made[0]
  if (first === undefined) return
  select(ui, [first])
  announce(ui, text)
  reveal(first)
}

type Planned = { type: string; content: JsonObject; at: At; size: Size }

async function pictureOf(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<Planned> {
  const [{ uploadImage }, { typeOf }] = await Promise.all([import('../platform/images/api'), import('./blocks/types')])
  const image = await uploadImage(file, progress, signal)
  // Six columns of about 95 pixels; rows of 62.
  const rows = Math.round((570 * (image.height / Math.max(1, image.width))) / (ROW + GAP))
  return {
    type: 'image',
    content: { ...typeOf('image')?.createContent(), image_id: image.id },
    at: [0, 0],
    size: [6, Math.max(3, Math.min(12, rows))],
  }
}

/** Adds blocks as one undo step, at a row or below everything. Blocks that are there make room. */
export const addAll = (session: CanvasSession, blocks: readonly Planned[], place: Place): string[] => {
  const { doc, user } = session
  const made: string[] = []
  step(session, () => {
    const start = layoutOf(storedOf(blocksMap(doc)), 'lg')
    const row = place === null ? bottomOf(start) : Math.min(place, bottomOf(start))
    for (const { type, content, at, size } of blocks) {
      const base = layoutOf(storedOf(blocksMap(doc)), 'lg')
      const id = addBlock(doc, type, content, [at[0], row + at[1]], size, user.id)
      if (id === null) {
        // Half an import would be worse than none.
        for (const other of made.splice(0)) deleteBlock(doc, other)
        canvasIsFull()
        return
      }
      made.push(id)
      const here: Cell = { id, x: at[0], y: Number.MAX_SAFE_INTEGER, w: size[0], h: size[1], fixed: false }
      const plan = withMove([...base, here], id, at[0], row + at[1], COLUMNS.lg)
      for (const write of writesFor(storedOf(blocksMap(doc)), base, plan)) {
        if (write.at !== undefined) setAt(doc, write.id, write.at)
      }
    }
  })
  return made
}

/** A chart and a table of a dataset that is on the server already. */
export async function addDataset({ session, ui }: Importing, dataset: Dataset, place: Place = null): Promise<void> {
  const release = holdSession(session)
  try {
    const { blocksFor, sampleOf } = await import('./ingestUpload')
    const sample = await sampleOf(dataset)
    if (!session.canEdit) return
    const first = addAll(session, blocksFor({ dataset, sample }), place)[0]
    if (first === undefined) return
    select(ui, [first])
    announce(ui, `Added a chart and a table of ${dataset.name}.`)
    reveal(first)
  } finally {
    release()
  }
}

export const retryImport = (context: Importing, id: number): void => {
  const job = registryOf(context.session).jobs.get(id)
  if (job === undefined) return
  job.stop = new AbortController()
  change(context.session, id, { state: 'waiting', message: '', share: 0 })
  enqueue(context, id)
}

/** Stops an import that runs, or puts away one that failed. */
export const stopImport = (session: CanvasSession, id: number): void => {
  registryOf(session).jobs.get(id)?.stop.abort()
  forget(session, id)
}

/**
 * Where a drop at a pixel of the window puts its blocks: the edge of a row of blocks nearest to it, so that nothing is
 * cut in two. Null where the grid is not the one that places are stored for.
 */
export const rowAt = (session: CanvasSession, clientY: number): Place => {
  const grid = document.querySelector<HTMLElement>('[data-testid="grid"]')
  const breakpoint = grid?.dataset.breakpoint
  if (grid === null || !(breakpoint === 'lg' || breakpoint === 'md') || !canArrange(breakpoint)) return null
  const pointer = (clientY - grid.getBoundingClientRect().top) / (ROW + GAP)
  return edgeNear(layoutOf(storedOf(blocksMap(session.doc)), breakpoint), pointer)
}

/**
 * Pictures of canvases: read, drawn and kept. Two at a time, so that a page of cards never crowds out what a person does;
 * the last picture of a canvas shows at once while a newer one is drawn.
 *
 * Pictures are kept in memory and, bounded, on this device, under the moment of the canvas's last change. A visit by
 * token keeps nothing: what it may see is true of its tab only. Signing out removes them (`forget.ts`).
 */
import { api, visitToken } from '../../../app/api'
import type { BlockJson } from '../../../doc/schema'
import { getDataset } from '../../datasets/api'
import type { Cell } from '../../datasets/cells'
import { THUMBNAILS } from './forget'
import { type Data, datasetsFor, draw, type Mark } from './model'

/** Changes when the drawing does, so that old pictures are not taken for new ones. */
const VERSION = 2
const KEPT = 200
const MAX_DATASETS = 4
const MAX_ROWS = 2_000
const AT_ONCE = 2

type Kept = { id: string; key: string; marks: Mark[]; used: number }

const memory = new Map<string, Kept>()
const keyOf = (updatedAt: string): string => `${VERSION} ${updatedAt}`

/** The picture there is right now, whether or not it is the newest. */
export const shownNow = (id: string): Mark[] | undefined => memory.get(id)?.marks

let waiting: (() => void)[] = []
let running = 0
const turn = async <T>(work: () => Promise<T>): Promise<T> => {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    return await work()
  } finally {
    running--
    const [next, ...rest] = waiting
    waiting = rest
    next?.()
  }
}

const pending = new Map<string, Promise<Mark[]>>()

/** `onShown` may be called with the picture kept from before; the promise is the one of this moment. */
export async function thumbnail(id: string, updatedAt: string, onShown: (marks: Mark[]) => void): Promise<Mark[]> {
  const key = keyOf(updatedAt)
  const known = memory.get(id) ?? (await fromDevice(id))
  if (known !== undefined) {
    memory.set(id, known)
    onShown(known.marks)
    if (known.key === key) return known.marks
  }
  const job = `${id} ${key}`
  const made = pending.get(job) ?? turn(() => make(id))
  pending.set(job, made)
  try {
    const marks = await made
    const kept = { id, key, marks, used: Date.now() }
    memory.set(id, kept)
    void toDevice(kept)
    return marks
  } finally {
    pending.delete(job)
  }
}

async function make(id: string): Promise<Mark[]> {
  const { blocks } = await api<{ blocks: BlockJson[] }>(`/v1/canvases/${encodeURIComponent(id)}`)
  const ids = datasetsFor(blocks, MAX_DATASETS)
  const found = new Map<string, Data>()
  await Promise.all(
    ids.map(async (dataset) => {
      // Without its data a block is drawn as one that waits for it.
      const data = await dataOf(dataset).catch(() => undefined)
      if (data !== undefined) found.set(dataset, data)
    }),
  )
  return draw(blocks, (dataset) => found.get(dataset))
}

/** Datasets never change, and several canvases show the same ones. */
const datasets = new Map<string, Promise<Data>>()
const dataOf = (id: string): Promise<Data> => {
  const known = datasets.get(id)
  if (known !== undefined) return known
  const asked = readData(id)
  datasets.set(id, asked)
  asked.catch(() => datasets.delete(id))
  const [oldest] = datasets.keys()
  if (datasets.size > 12 && oldest !== undefined) datasets.delete(oldest)
  return asked
}

async function readData(id: string): Promise<Data> {
  const [description, page] = await Promise.all([
    getDataset(id),
    api<{ columns: string[]; rows: Cell[][]; next_cursor: string | null }>(
      `/v1/datasets/${encodeURIComponent(id)}/rows`,
      { query: { limit: MAX_ROWS } },
    ),
  ])
  return { columns: description.columns, order: page.columns, rows: page.rows, complete: page.next_cursor === null }
}

const STORE = 'marks'
let opening: Promise<IDBDatabase> | null = null
const database = (): Promise<IDBDatabase> => {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(THUMBNAILS, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: 'id' }).createIndex('used', 'used')
    }
    request.onsuccess = () => {
      const db = request.result
      // Signing out in another tab deletes the database; holding it open would keep it.
      db.onversionchange = () => {
        db.close()
        opening = null
      }
      resolve(db)
    }
    request.onerror = () => reject(request.error)
  })
  return opening
}

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

async function fromDevice(id: string): Promise<Kept | undefined> {
  if (visitToken() !== undefined) return undefined
  try {
    const db = await database()
    return await answer<Kept | undefined>(db.transaction(STORE).objectStore(STORE).get(id))
  } catch {
    // Without storage pictures are drawn each time.
    return undefined
  }
}

async function toDevice(kept: Kept): Promise<void> {
  if (visitToken() !== undefined) return
  try {
    const store = (await database()).transaction(STORE, 'readwrite').objectStore(STORE)
    await answer(store.put(kept))
    const surplus = (await answer(store.count())) - KEPT
    if (surplus <= 0) return
    for (const key of await answer(store.index('used').getAllKeys(null, surplus))) store.delete(key)
  } catch {
    // A full disk costs the next page a little work and nobody anything else.
  }
}

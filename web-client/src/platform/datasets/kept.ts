/**
 * Datasets kept on this device, so that a reload without a server shows what was there. Owns the database `kept-datasets`:
 * one entry for each person and dataset, packed, the least recently used out beyond a bound.
 *
 * A dataset never changes, so an entry is never wrong; but who may read it can change. Entries belong to one sign-in (or
 * one token) and are never read by another, a refusal of the server removes them, and signing out removes them all.
 * Storage may be missing, full or blocked: reading then finds nothing and keeping does nothing.
 */

import { visitToken } from '../../app/api'
import { lastMe } from '../../app/me'
import { KEPT_DATASETS, request } from '../../sync/device'
import type { Dataset } from './api'
import type { RowSet } from './cells'

/** Of all entries together, bytes as stored. */
export const KEPT_LIMIT = 50 * 1_048_576
/** A database that another tab blocks must not hold back the data, milliseconds. */
const OPEN_LIMIT = 2000

/** Apart from the rows themselves, so that counting bytes reads none of them. */
interface Entry {
  key: string
  packed: boolean
  dataset: Dataset | null
  bytes: number
  used: number
}

export interface Kept {
  rows: RowSet | null
  dataset: Dataset | null
}

const hex = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** Whose entries these are; null where nobody can be told apart, and nothing is kept. */
export async function scopeNow(): Promise<string | null> {
  const token = visitToken()
  if (token !== undefined) {
    // The token itself is a key to the server and has no place in a database.
    if (globalThis.crypto?.subtle === undefined) return null
    return `token:${hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)))}`
  }
  const me = lastMe()
  return me ? `user:${me.organization.id}:${me.user.id}` : null
}

const opened = new WeakMap<IDBFactory, Promise<IDBDatabase | null>>()

function database(factory: IDBFactory | undefined): Promise<IDBDatabase | null> {
  if (!factory) return Promise.resolve(null)
  const known = opened.get(factory)
  if (known) return known
  const forget = () => opened.delete(factory)
  const opening = new Promise<IDBDatabase | null>((resolve) => {
    const timer = setTimeout(() => resolve(null), OPEN_LIMIT)
    const done = (db: IDBDatabase | null) => {
      clearTimeout(timer)
      resolve(db)
    }
    try {
      const open = factory.open(KEPT_DATASETS, 1)
      open.onupgradeneeded = () => {
        open.result.createObjectStore('entries', { keyPath: 'key' })
        open.result.createObjectStore('rows')
      }
      open.onsuccess = () => {
        const db = open.result
        // Signing out in any tab deletes the database: let it.
        db.onversionchange = () => {
          db.close()
          forget()
        }
        db.onclose = forget
        done(db)
      }
      open.onerror = () => done(null)
    } catch {
      done(null)
    }
  }).then((db) => {
    if (!db) forget()
    return db
  })
  opened.set(factory, opening)
  return opening
}

async function pipe(bytes: Uint8Array, through: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(through)
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const CAN_PACK = typeof CompressionStream === 'function' && typeof Response === 'function'

export interface Keeper {
  factory?: IDBFactory | undefined
  scope?: () => Promise<string | null>
  limit?: number
}

const factoryOf = (keeper: Keeper): IDBFactory | undefined => keeper.factory ?? globalThis.indexedDB
const scopeOf = (keeper: Keeper) => (keeper.scope ?? scopeNow)()
const keyOf = (scope: string, id: string) => `${scope}/${id}`

let last = 0
/** The time, and later each time it is asked: two uses in one millisecond have an order too. */
const tick = (): number => {
  last = Math.max(Date.now(), last + 1)
  return last
}

/** What an entry takes besides its rows, about. */
const OVERHEAD = 1024

function stores(db: IDBDatabase) {
  const transaction = db.transaction(['entries', 'rows'], 'readwrite')
  return { entries: transaction.objectStore('entries'), rows: transaction.objectStore('rows') }
}

/** What is kept, by key; null until the device has said it. Another tab may keep more meanwhile. */
let known: Set<string> | null = null

/** Opens the database before it is needed and notes what is in it. Never rejects. */
export const openKept = async (keeper: Keeper = {}): Promise<void> => {
  try {
    const db = await database(factoryOf(keeper))
    if (db) known = new Set((await request(stores(db).entries.getAllKeys())).map(String))
  } catch {
    // Then every dataset is looked up.
  }
}

/** False where looking would find nothing, which on a busy page takes longer than asking the server. */
export const mayBeKept = async (id: string, keeper: Keeper = {}): Promise<boolean> => {
  const scope = await scopeOf(keeper)
  return scope !== null && (known?.has(keyOf(scope, id)) ?? true)
}

/** What this device keeps of a dataset for whoever is signed in. Never rejects. */
export async function findKept(id: string, keeper: Keeper = {}): Promise<Kept | null> {
  try {
    const scope = await scopeOf(keeper)
    const db = scope === null ? null : await database(factoryOf(keeper))
    if (scope === null || !db) return null
    const { entries, rows } = stores(db)
    const key = keyOf(scope, id)
    const [entry, stored] = await Promise.all([
      request<Entry | undefined>(entries.get(key)),
      request<Uint8Array | undefined>(rows.get(key)),
    ])
    if (!entry) return null
    entries.put({ ...entry, used: tick() })
    if (!stored) return { rows: null, dataset: entry.dataset }
    const bytes = entry.packed ? await pipe(stored, new DecompressionStream('gzip')) : stored
    return { rows: JSON.parse(new TextDecoder().decode(bytes)) as RowSet, dataset: entry.dataset }
  } catch {
    return null
  }
}

/** Keeps rows or the description of a dataset. Never rejects. */
export async function keep(id: string, what: Partial<Kept>, keeper: Keeper = {}): Promise<void> {
  try {
    const scope = await scopeOf(keeper)
    const db = scope === null ? null : await database(factoryOf(keeper))
    if (scope === null || !db) return
    const limit = keeper.limit ?? KEPT_LIMIT
    let rows: Uint8Array | null = null
    if (what.rows) {
      const text = new TextEncoder().encode(JSON.stringify(what.rows))
      rows = CAN_PACK ? await pipe(text, new CompressionStream('gzip')) : text
      if (rows.byteLength > limit) return
    }
    // Somebody may have signed out while it was packed.
    if ((await scopeOf(keeper)) !== scope) return
    const store = stores(db)
    const key = keyOf(scope, id)
    const old = await request<Entry | undefined>(store.entries.get(key))
    const entry: Entry = {
      key,
      packed: rows ? CAN_PACK : (old?.packed ?? false),
      dataset: what.dataset ?? old?.dataset ?? null,
      bytes: rows ? rows.byteLength + OVERHEAD : (old?.bytes ?? OVERHEAD),
      used: tick(),
    }
    store.entries.put(entry)
    known?.add(key)
    if (rows) store.rows.put(rows, key)
    const all = await request<Entry[]>(store.entries.getAll())
    let total = all.reduce((sum, one) => sum + one.bytes, 0)
    for (const one of all.sort((a, b) => a.used - b.used)) {
      if (total <= limit) break
      if (one.key === key) continue
      store.entries.delete(one.key)
      store.rows.delete(one.key)
      total -= one.bytes
    }
  } catch {
    // Full or forbidden: the page then needs the server, as it did before.
  }
}

/** Removes what is kept of a dataset: the server said that it is gone, or not for this person. */
export async function dropKept(id: string, keeper: Keeper = {}): Promise<void> {
  try {
    const scope = await scopeOf(keeper)
    const db = scope === null ? null : await database(factoryOf(keeper))
    if (scope === null || !db) return
    const { entries, rows } = stores(db)
    const key = keyOf(scope, id)
    await Promise.all([request(entries.delete(key)), request(rows.delete(key))])
  } catch {
    // Nothing was kept, or nothing can be.
  }
}

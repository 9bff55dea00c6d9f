/**
 * A canvas kept on this device: IndexedDB database `canvas:{id}`.
 *
 * Owns: storing every update, loading them before the first connection, folding them, and the number of changes the
 * server has not acknowledged. Refuses: deciding what that number is (`sync/status.ts` counts).
 *
 * Storage may be missing, full, blocked by another tab, or closed by the browser at any moment. None of that may stop
 * the canvas: after a failure this object keeps nothing and says so through `failed`.
 */
import * as Y from 'yjs'
import { databaseName, request, UNSAVED } from './device'
import type { Role } from './status'

/** Stored updates are folded into one when there are this many, so that opening never replays a long history. */
const FOLD_AT = 400
/** A blocked open never settles in some browsers; the canvas then opens without its local copy. Milliseconds. */
const OPEN_LIMIT = 3000

export type Loaded = { updates: number; unsaved: number; role: Role | null }

const finished = (tx: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve()
    tx.onabort = () => reject(tx.error)
    tx.onerror = () => reject(tx.error)
  })

const openDatabase = (name: string, factory: IDBFactory): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const open = factory.open(name, 1)
    const timer = setTimeout(() => reject(new Error('opening local storage took too long')), OPEN_LIMIT)
    open.onupgradeneeded = () => {
      open.result.createObjectStore('updates', { autoIncrement: true })
      open.result.createObjectStore('meta')
    }
    open.onsuccess = () => {
      clearTimeout(timer)
      resolve(open.result)
    }
    open.onerror = () => {
      clearTimeout(timer)
      reject(open.error)
    }
  })

export class Persist {
  /** True once storage cannot be used: edits then live only in memory and on the server. */
  failed = false
  private db: IDBDatabase | null = null
  private queue: Uint8Array[] = []
  private stored = 0
  private unsaved = 0
  private role: Role | null = null
  private metaChanged = false
  private writing: Promise<void> | null = null
  /** Each tab has its own count under its client id; a tab that loads takes over those it finds. */
  private readonly countKey: string

  private constructor(
    private readonly doc: Y.Doc,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.countKey = `${UNSAVED}${doc.clientID}`
  }

  /** Opens and loads. Never rejects: with no storage it resolves to an object whose `failed` is true. */
  static async open(
    canvasId: string,
    doc: Y.Doc,
    options: { factory?: IDBFactory; onFailure?: (error: unknown) => void } = {},
  ): Promise<{ persist: Persist; loaded: Loaded }> {
    const persist = new Persist(doc, options.onFailure ?? (() => undefined))
    let loaded: Loaded = { updates: 0, unsaved: 0, role: null }
    doc.on('update', persist.onUpdate)
    try {
      const factory = options.factory ?? globalThis.indexedDB
      if (factory === undefined) throw new Error('this browser offers no local storage')
      const db = await openDatabase(databaseName(canvasId), factory)
      persist.db = db
      // Another tab deletes the canvas's data: let it, instead of blocking it for ever.
      db.onversionchange = () => persist.fail(new Error('local storage was deleted by another tab'))
      db.onclose = () => persist.fail(new Error('the browser closed local storage'))
      loaded = await persist.load(db)
      persist.flush()
    } catch (error) {
      persist.fail(error)
    }
    return { persist, loaded }
  }

  private async load(db: IDBDatabase): Promise<Loaded> {
    const tx = db.transaction(['updates', 'meta'], 'readwrite')
    const meta = tx.objectStore('meta')
    const done = finished(tx)
    const [updates, role, keys] = await Promise.all([
      request<Uint8Array[]>(tx.objectStore('updates').getAll()),
      request<Role | undefined>(meta.get('role')),
      request(meta.getAllKeys()),
    ])
    const counts = keys.filter((key) => typeof key === 'string' && key.startsWith(UNSAVED))
    const values = await Promise.all(counts.map((key) => request<number>(meta.get(key))))
    const unsaved = values.reduce((a, b) => a + b, 0)
    for (const key of counts) meta.delete(key)
    if (unsaved > 0) meta.put(unsaved, this.countKey)
    await done
    this.stored = updates.length
    this.unsaved = unsaved
    this.role = role ?? null
    this.doc.transact(() => {
      for (const update of updates) Y.applyUpdate(this.doc, update, this)
    }, this)
    return { updates: updates.length, unsaved, role: this.role }
  }

  private readonly onUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this || this.failed) return
    this.queue.push(update)
    this.flush()
  }

  /** Keeps the number of unacknowledged changes, so that a reload can still say it. */
  setUnsaved(count: number): void {
    if (count === this.unsaved) return
    this.unsaved = count
    this.metaChanged = true
    this.flush()
  }

  /** Keeps the last known role, so that an owner can edit when the page is opened offline. */
  setRole(role: Role | null): void {
    if (role === this.role) return
    this.role = role
    this.metaChanged = true
    this.flush()
  }

  /** Writes what is queued, one transaction at a time; what arrives meanwhile goes into the next one. */
  private flush(): void {
    const db = this.db
    if (db === null || this.writing !== null) return
    if (this.queue.length === 0 && !this.metaChanged) return
    // A microtask later, so that a change and its count land in one transaction.
    this.writing = Promise.resolve()
      .then(() => this.write(db))
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.writing = null
        if (!this.failed) this.flush()
      })
  }

  private async write(db: IDBDatabase): Promise<void> {
    const batch = this.queue
    this.queue = []
    this.metaChanged = false
    const tx = db.transaction(['updates', 'meta'], 'readwrite')
    const done = finished(tx)
    const updates = tx.objectStore('updates')
    for (const update of batch) updates.add(update)
    const meta = tx.objectStore('meta')
    if (this.unsaved > 0) meta.put(this.unsaved, this.countKey)
    else meta.delete(this.countKey)
    if (this.role !== null) meta.put(this.role, 'role')
    await done
    this.stored += batch.length
    if (this.stored >= FOLD_AT) await this.fold(db)
  }

  /**
   * Replaces the stored updates by one. It folds what is in the database, not this tab's document: another tab may have
   * stored edits that this one has not seen.
   */
  private async fold(db: IDBDatabase): Promise<void> {
    const tx = db.transaction('updates', 'readwrite')
    const done = finished(tx)
    const store = tx.objectStore('updates')
    const rows = await request<Uint8Array[]>(store.getAll())
    const whole = new Y.Doc()
    whole.transact(() => {
      for (const row of rows) Y.applyUpdate(whole, row)
    })
    store.clear()
    store.add(Y.encodeStateAsUpdate(whole))
    await done
    whole.destroy()
    this.stored = 1
  }

  private fail(error: unknown): void {
    if (this.failed) return
    this.failed = true
    this.queue = []
    this.doc.off('update', this.onUpdate)
    this.db?.close()
    this.db = null
    this.onFailure(error)
  }

  /** Resolves when everything queued so far is stored, or storage has failed. */
  async settled(): Promise<void> {
    while (this.writing !== null) await this.writing
  }

  /** Stops listening, writes what is queued, and closes. */
  async close(): Promise<void> {
    this.doc.off('update', this.onUpdate)
    await this.settled()
    this.db?.close()
    this.db = null
  }
}

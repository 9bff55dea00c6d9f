/**
 * What this device keeps of canvases, seen from outside of any open one: names, unsaved counts, deletion.
 *
 * Apart from `persist.ts`, so that the home page knows it without loading Yjs.
 */

const PREFIX = 'canvas:'
export const databaseName = (canvasId: string): string => `${PREFIX}${canvasId}`
export const UNSAVED = 'unsaved:'
/** Rows of datasets, kept by `platform/datasets/kept.ts`. */
export const KEPT_DATASETS = 'kept-datasets'

export const request = <T>(source: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    source.onsuccess = () => resolve(source.result)
    source.onerror = () => reject(source.error)
  })

/** Deletes everything this device keeps of a canvas. */
export const forgetCanvas = (canvasId: string, factory: IDBFactory = indexedDB): Promise<void> =>
  request(factory.deleteDatabase(databaseName(canvasId))).then(() => undefined)

const keptNames = async (factory: IDBFactory): Promise<string[]> =>
  (await factory.databases()).flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name] : []))

/** Changes on this device that no server has acknowledged, in all canvases. */
export const unsavedOnDevice = async (factory: IDBFactory = indexedDB): Promise<number> => {
  let total = 0
  for (const name of await keptNames(factory)) {
    const db = await request(factory.open(name))
    try {
      if (!db.objectStoreNames.contains('meta')) continue
      const meta = db.transaction('meta').objectStore('meta')
      for (const key of await request(meta.getAllKeys())) {
        if (typeof key === 'string' && key.startsWith(UNSAVED)) total += await request<number>(meta.get(key))
      }
    } finally {
      db.close()
    }
  }
  return total
}

export const forgetAll = async (factory: IDBFactory = indexedDB): Promise<void> => {
  // Not every browser lists its databases: what has a name of its own goes all the same.
  const names = [...(await keptNames(factory).catch(() => [])), KEPT_DATASETS]
  await Promise.all(names.map((name) => request(factory.deleteDatabase(name))))
}

/** Forgets what this tab remembers of canvases: how they were filtered, and filters hold values of their data. */
export const forgetTab = (): void => {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith('jabiru.')) sessionStorage.removeItem(key)
}

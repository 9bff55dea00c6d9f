// @vitest-environment node
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { forgetAll, forgetCanvas, unsavedOnDevice } from './device'
import { Persist } from './persist'

let factory: IDBFactory
beforeEach(() => {
  factory = new IDBFactory()
})

const open = async (id = 'c1') => {
  const doc = new Y.Doc()
  const failures: unknown[] = []
  const { persist, loaded } = await Persist.open(id, doc, { factory, onFailure: (error) => failures.push(error) })
  return { doc, persist, loaded, failures, map: doc.getMap<unknown>('m') }
}

const rows = async (id = 'c1'): Promise<number> => {
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = factory.open(`canvas:${id}`)
    request.onsuccess = () => resolve(request.result)
  })
  const count = await new Promise<number>((resolve) => {
    const request = db.transaction('updates').objectStore('updates').count()
    request.onsuccess = () => resolve(request.result)
  })
  db.close()
  return count
}

describe('a canvas kept on the device', () => {
  it('is there after a reload, with the role and the number of unsaved changes', async () => {
    const first = await open()
    expect(first.loaded).toEqual({ updates: 0, unsaved: 0, role: null })
    first.map.set('a', 1)
    first.map.set('b', 2)
    first.persist.setUnsaved(2)
    first.persist.setRole('editor')
    await first.persist.close()
    const second = await open()
    expect(second.map.toJSON()).toEqual({ a: 1, b: 2 })
    expect(second.loaded).toMatchObject({ unsaved: 2, role: 'editor' })
    second.persist.setUnsaved(0)
    await second.persist.close()
    expect((await open()).loaded.unsaved).toBe(0)
  })

  it('adds up the changes of several tabs', async () => {
    const [one, other] = [await open(), await open()]
    one.persist.setUnsaved(2)
    other.persist.setUnsaved(3)
    await Promise.all([one.persist.close(), other.persist.close()])
    expect((await open()).loaded.unsaved).toBe(5)
  })

  it('folds many updates into one and loses none, not even those of another tab', async () => {
    const one = await open()
    const other = await open()
    other.map.set('from the other tab', true)
    await other.persist.settled()
    for (let n = 0; n < 450; n++) one.map.set(`k${n % 10}`, n)
    await one.persist.settled()
    expect(await rows()).toBeLessThan(60)
    await Promise.all([one.persist.close(), other.persist.close()])
    const later = await open()
    expect(later.map.get('from the other tab')).toBe(true)
    expect(later.map.get('k9')).toBe(449)
  })

  it('opens without storage and says so', async () => {
    const doc = new Y.Doc()
    const failures: unknown[] = []
    const broken = {
      open: () => {
        throw new Error('storage is switched off')
      },
    } as unknown as IDBFactory
    const { persist, loaded } = await Persist.open('c1', doc, {
      factory: broken,
      onFailure: (error) => failures.push(error),
    })
    expect(persist.failed).toBe(true)
    expect(failures).toHaveLength(1)
    expect(loaded.updates).toBe(0)
    doc.getMap('m').set('still', 'works')
    persist.setUnsaved(1)
    await persist.close()
  })

  it('goes on in memory when the browser takes the database away', async () => {
    const one = await open()
    await forgetCanvas('c1', factory)
    expect(one.persist.failed).toBe(true)
    one.map.set('a', 1)
    await one.persist.settled()
    expect(one.failures).toHaveLength(1)
  })

  it('forgets a canvas and no other', async () => {
    const one = await open('c1')
    one.map.set('a', 1)
    const other = await open('c2')
    other.map.set('b', 1)
    await Promise.all([one.persist.close(), other.persist.close()])
    await forgetCanvas('c1', factory)
    expect((await open('c1')).map.size).toBe(0)
    expect((await open('c2')).map.size).toBe(1)
  })

  it('is counted and deleted as a whole when somebody signs out', async () => {
    for (const [id, count] of [
      ['c1', 2],
      ['c2', 0],
      ['c3', 4],
    ] as const) {
      const { persist, map } = await open(id)
      map.set('a', 1)
      persist.setUnsaved(count)
      await persist.close()
    }
    expect(await unsavedOnDevice(factory)).toBe(6)
    await forgetAll(factory)
    expect(await unsavedOnDevice(factory)).toBe(0)
    expect((await open('c2')).map.size).toBe(0)
  })
})

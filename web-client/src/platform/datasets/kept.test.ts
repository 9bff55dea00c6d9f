// @vitest-environment node
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it } from 'vitest'
import { forgetAll } from '../../sync/device'
import type { Dataset } from './api'
import type { RowSet } from './cells'
import { dropKept, findKept, type Keeper, keep, mayBeKept, openKept } from './kept'

const rows = (text: string, count = 3): RowSet => ({
  columns: ['a', 'b'],
  rows: Array.from({ length: count }, (_, index) => [`${text} ${index} ${Math.random()}`, index]),
  truncated: false,
})
const dataset = { id: 'd', name: 'Sales' } as Dataset

let keeper: Keeper & { factory: IDBFactory; who: string | null }
beforeEach(() => {
  keeper = { factory: new IDBFactory(), who: 'user:o:ada', scope: async () => keeper.who }
})

describe('datasets kept on this device', () => {
  it('gives back rows and description, whichever came first', async () => {
    const set = rows('x')
    await keep('d', { rows: set }, keeper)
    await keep('d', { dataset }, keeper)
    expect(await findKept('d', keeper)).toEqual({ rows: set, dataset })
    await dropKept('d', keeper)
    expect(await findKept('d', keeper)).toBeNull()
  })

  it('are never anybody else’s, and nobody’s where nobody is known', async () => {
    await keep('mine', { rows: rows('secret') }, keeper)
    keeper.who = 'user:o:ben'
    expect(await findKept('mine', keeper)).toBeNull()
    keeper.who = null
    expect(await findKept('mine', keeper)).toBeNull()
    await keep('unknown', { rows: rows('x') }, keeper)
    keeper.who = 'user:o:ada'
    expect(await findKept('unknown', keeper)).toBeNull()
    expect(await findKept('mine', keeper)).not.toBeNull()
  })

  it('let the least recently used go beyond the bound', async () => {
    const small = { ...keeper, limit: 60_000 }
    await keep('one', { rows: rows('x', 1500) }, small)
    await keep('two', { rows: rows('y', 1500) }, small)
    await findKept('one', small)
    for (const id of ['three', 'four', 'five']) await keep(id, { rows: rows(id, 1500) }, small)
    expect(await findKept('two', small)).toBeNull()
    expect(await findKept('five', small)).not.toBeNull()
  })

  it('are gone after signing out', async () => {
    await keep('out', { rows: rows('x') }, keeper)
    await forgetAll(keeper.factory)
    expect(await findKept('out', keeper)).toBeNull()
  })

  it('are known without looking once the device has said what it keeps', async () => {
    await keep('old', { rows: rows('x') }, keeper)
    expect(await mayBeKept('never', keeper), 'nobody has asked the device yet').toBe(true)
    await openKept(keeper)
    expect(await mayBeKept('old', keeper)).toBe(true)
    expect(await mayBeKept('never', keeper)).toBe(false)
    await keep('new', { rows: rows('y') }, keeper)
    expect(await mayBeKept('new', keeper)).toBe(true)
    keeper.who = 'user:o:ben'
    expect(await mayBeKept('old', keeper)).toBe(false)
  })

  it('do nothing where there is no storage', async () => {
    const none = {
      scope: async () => 'user:o:ada',
      factory: {
        open: () => {
          throw new Error('no')
        },
      } as unknown as IDBFactory,
    }
    await expect(findKept('d', none)).resolves.toBeNull()
    await expect(keep('d', { rows: rows('x') }, none)).resolves.toBeUndefined()
  })
})

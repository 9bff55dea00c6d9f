import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { expect, it } from 'vitest'
import { setView, viewsOf } from '../canvas/blocks/localView'
import { databaseName, forgetAll, forgetTab, KEPT_DATASETS, request } from './device'

it('forgets what a browser keeps that does not list its databases', async () => {
  const factory = new IDBFactory()
  for (const name of [databaseName('c1'), KEPT_DATASETS]) (await request(factory.open(name))).close()
  const listed = factory.databases.bind(factory)
  factory.databases = () => Promise.reject(new Error('not here'))
  await forgetAll(factory)
  expect((await listed()).map(({ name }) => name)).toEqual([databaseName('c1')])
  factory.databases = listed
  await forgetAll(factory)
  expect(await listed()).toEqual([])
})

it('forgets how canvases were filtered in this tab', () => {
  sessionStorage.setItem('other', 'kept')
  viewsOf('c1')
  setView('c1', 'b', { filters: [{ field: 'name', op: '=', value: 'Ann' }] })
  expect(JSON.stringify({ ...sessionStorage })).toContain('Ann')
  forgetTab()
  expect({ ...sessionStorage }).toEqual({ other: 'kept' })
})

import { beforeEach, expect, it, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { blocksMap, LOCAL } from '../doc/schema'
import type { Dataset } from '../platform/datasets/api'
import type { CanvasSession } from '../sync/session'
import { importFiles, importsOf, retryImport } from './ingest'
import { createUi } from './ui'

const upload = vi.hoisted(() => vi.fn())
vi.mock('./ingestUpload', async (original) => ({ ...(await original<object>()), upload }))

const dataset = { id: 'd1', name: 'Sales', row_count: 2, columns: [{ name: 'city', type: 'string' }] } as Dataset

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', () => 0)
  upload.mockReset().mockResolvedValue({ dataset, sample: { columns: ['city'], rows: [['Rome']], truncated: false } })
})

it('sends a file once, also when its blocks could not be put on the canvas at first', async () => {
  const doc = new Y.Doc()
  const session = {
    canvasId: 'c1',
    doc,
    awareness: new Awareness(doc),
    undo: new Y.UndoManager(blocksMap(doc), { trackedOrigins: new Set([LOCAL]) }),
    user: { id: 'u', name: 'Ann', color: '#123456' },
    canEdit: true,
  }
  const context = { session: session as unknown as CanvasSession, ui: createUi(), onDataset: () => undefined }
  const list = importsOf(context.session)
  importFiles(context, [new File(['city\nRome\n'], 'sales.csv')])
  // The role changes while the file is on its way.
  session.canEdit = false
  await vi.waitFor(() => expect(list.getState()[0]?.state).toBe('failed'))
  expect(blocksMap(doc).size).toBe(0)
  session.canEdit = true
  retryImport(context, list.getState()[0]?.id ?? 0)
  await vi.waitFor(() => expect(list.getState()).toEqual([]))
  expect(blocksMap(doc).size).toBe(2)
  expect(upload).toHaveBeenCalledTimes(1)
  session.undo.undo()
  expect(blocksMap(doc).size).toBe(0)
})

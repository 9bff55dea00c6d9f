import 'fake-indexeddb/auto'
import * as encoding from 'lib0/encoding'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'
import { addBlock, blocksMap, setAt } from '../doc/schema'
import { acquireSession, type CanvasSession, holdSession, releaseSession } from './session'

/** A socket whose other end is this test. */
class FakeSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static all: FakeSocket[] = []
  readonly OPEN = 1
  readyState = 0
  binaryType = ''
  sent: Uint8Array[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: Uint8Array }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }
  send(data: Uint8Array): void {
    this.sent.push(data)
  }
  close(): void {
    this.readyState = 3
  }

  accept(): void {
    this.readyState = 1
    this.onopen?.()
  }
  receive(write: (encoder: encoding.Encoder) => void): void {
    const encoder = encoding.createEncoder()
    write(encoder)
    this.onmessage?.({ data: encoding.toUint8Array(encoder) })
  }
  drop(code: number, reason = ''): void {
    this.readyState = 3
    this.onclose?.({ code, reason })
  }
}

const server = new Y.Doc()
server.getMap('canvas').set('schema', 1)

/** What the server says on a join: welcome, the difference, its own step 1. */
const join = (socket: FakeSocket, role = 'owner'): void => {
  socket.accept()
  notice(socket, { type: 'welcome', role, user: { id: 'u1', name: 'Ann', color: '#e5484d' }, session: 's' })
  socket.receive((encoder) => {
    encoding.writeVarUint(encoder, 0)
    sync.writeSyncStep2(encoder, server)
  })
  socket.receive((encoder) => {
    encoding.writeVarUint(encoder, 0)
    sync.writeSyncStep1(encoder, server)
  })
}
const notice = (socket: FakeSocket, value: unknown): void =>
  socket.receive((encoder) => {
    encoding.writeVarUint(encoder, 5)
    encoding.writeVarString(encoder, JSON.stringify(value))
  })
const ack = (socket: FakeSocket, count: number): void =>
  socket.receive((encoder) => {
    encoding.writeVarUint(encoder, 8)
    encoding.writeVarUint(encoder, count)
  })
const of = (socket: FakeSocket, type: number): number => socket.sent.filter((frame) => frame[0] === type).length

let canvas = 0
let id = ''
let session: CanvasSession
const kind = (): string => session.store.getState().status.kind
const socket = async (count = 1): Promise<FakeSocket> => {
  await vi.waitFor(() => expect(FakeSocket.all.length).toBeGreaterThanOrEqual(count))
  return FakeSocket.all[count - 1] as FakeSocket
}

beforeEach(() => {
  FakeSocket.all = []
  vi.stubGlobal('WebSocket', FakeSocket)
  id = `c${canvas++}`
  session = acquireSession({
    canvasId: id,
    user: { id: 'u1', name: 'Ann', color: '#e5484d' },
    serverUrl: 'ws://test/v1/sync',
  })
})
afterEach(() => {
  session.dispose()
  vi.unstubAllGlobals()
})

it('asks for acks and notices, and can be edited once the role is known', async () => {
  const first = await socket()
  expect(first.url).toBe(`ws://test/v1/sync/${id}?ack=1&notices=1`)
  expect(session.canEdit).toBe(false)
  join(first)
  expect(session.canEdit).toBe(true)
  expect(session.role).toBe('owner')
})

it('[SYNC-7] says Saved when the server has acknowledged all that was sent, and not before', async () => {
  const first = await socket()
  join(first)
  expect(kind()).toBe('saving')
  ack(first, 1)
  expect(kind()).toBe('saved')
  const block = addBlock(session.doc, 'chart', {}, [0, 0], [6, 4]) as string
  setAt(session.doc, block, [1, 1])
  expect(kind()).toBe('saving')
  ack(first, 2)
  expect(kind()).toBe('saving')
  ack(first, 3)
  expect(kind()).toBe('saved')
})

it('sends what was done offline in the step 2 of the next socket', async () => {
  const first = await socket()
  join(first)
  ack(first, 1)
  first.drop(1006)
  expect(kind()).toBe('reconnecting')
  addBlock(session.doc, 'chart', {}, [0, 0], [6, 4])
  const second = await socket(2)
  second.drop(1006)
  expect(session.store.getState().status.label).toBe('Offline (1 change kept)')
  const third = await socket(3)
  join(third)
  expect(kind()).toBe('saving')
  ack(third, 1)
  expect(kind()).toBe('saved')
})

it('[AW-2] never sends the awareness of others back', async () => {
  const first = await socket()
  join(first)
  const other = new Awareness(new Y.Doc())
  other.setLocalState({ user: { id: 'u2', name: 'Bob', color: '#12a594' } })
  const before = of(first, 1)
  first.receive((encoder) => {
    encoding.writeVarUint(encoder, 1)
    encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(other, [other.clientID]))
  })
  expect(session.awareness.getStates().size).toBe(2)
  expect(of(first, 1)).toBe(before)
  session.awareness.setLocalStateField('selection', ['b'])
  expect(of(first, 1)).toBe(before + 1)
  other.destroy()
})

it('[LIM-3] stops after a permanent close and shows the reason that came before it', async () => {
  const first = await socket()
  join(first)
  first.receive((encoder) => {
    encoding.writeVarUint(encoder, 2)
    encoding.writeVarUint(encoder, 0)
    encoding.writeVarString(encoder, 'the token has expired')
  })
  first.drop(4401)
  expect(kind()).toBe('closed')
  expect(session.store.getState().status.detail).toMatch(/^The token has expired\. /)
  expect(session.canEdit).toBe(false)
  expect(session.provider.shouldConnect).toBe(false)
})

it('turns read-only and back by notice, and for a viewer', async () => {
  const first = await socket()
  join(first)
  ack(first, 1)
  notice(first, { type: 'read_only', reason: 'store_unavailable', message: 'The disk is full.' })
  expect(kind()).toBe('read-only')
  expect(session.canEdit).toBe(false)
  notice(first, { type: 'writable' })
  expect(kind()).toBe('saved')
  first.drop(1012)
  join(await socket(2), 'viewer')
  expect(kind()).toBe('read-only')
  expect(session.canEdit).toBe(false)
})

it('opens read-only when the canvas has a schema it does not know', async () => {
  const first = await socket()
  join(first)
  session.doc.getMap('canvas').set('schema', 2)
  notice(first, { type: 'welcome', role: 'owner', user: {}, session: 's' })
  ack(first, 1)
  expect(kind()).toBe('read-only')
  expect(session.canEdit).toBe(false)
})

it('is shared by all who open the same canvas and outlives a re-mount', async () => {
  const user = { id: 'u1', name: 'Ann', color: '#e5484d' }
  const again = acquireSession({ canvasId: id, user })
  expect(again).toBe(session)
  releaseSession(id)
  releaseSession(id)
  expect(acquireSession({ canvasId: id, user })).toBe(session)
  expect(blocksMap(session.doc).size).toBe(0)
})

it('stays open for work that goes on when its page is left', () => {
  const user = { id: 'u1', name: 'Ann', color: '#e5484d' }
  vi.useFakeTimers()
  const letGo = holdSession(session)
  releaseSession(id)
  vi.advanceTimersByTime(60_000)
  expect(acquireSession({ canvasId: id, user })).toBe(session)
  releaseSession(id)
  letGo()
  vi.advanceTimersByTime(60_000)
  const next = acquireSession({ canvasId: id, user })
  expect(next).not.toBe(session)
  // Of a session that is closed there is nothing to hold.
  holdSession(session)()
  vi.advanceTimersByTime(60_000)
  expect(acquireSession({ canvasId: id, user })).toBe(next)
  next.dispose()
  vi.useRealTimers()
})

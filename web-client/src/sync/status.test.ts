// @vitest-environment node
import { describe, expect, it } from 'vitest'
import {
  canEdit,
  initialSync,
  isSaved,
  reduce,
  type StatusKind,
  type SyncEvent,
  type SyncState,
  statusView,
  unsaved,
} from './status'

const given = (...events: SyncEvent[]): SyncState => events.reduce(reduce, initialSync)

const loaded: SyncEvent = { type: 'loaded', unsaved: 0, role: null }
const connected: SyncEvent = { type: 'connected' }
const welcome: SyncEvent = { type: 'welcome', role: 'owner' }
const synced: SyncEvent = { type: 'synced' }
const step2: SyncEvent = { type: 'sent', message: 'step2' }
const update: SyncEvent = { type: 'sent', message: 'update' }
const changed: SyncEvent = { type: 'changed' }
const lost: SyncEvent = { type: 'lost' }
const connecting: SyncEvent = { type: 'connecting' }
const ack = (count: number): SyncEvent => ({ type: 'ack', count })
const joined = [loaded, connecting, connected, welcome, synced, step2, ack(1)]
const edited = [changed, update]

type Row = [what: string, events: SyncEvent[], kind: StatusKind, label: RegExp, unsaved: number]

const rows: Row[] = [
  ['nothing yet', [loaded, connecting], 'reconnecting', /Connecting/, 0],
  ['connected but not synced', [loaded, connected, welcome], 'reconnecting', /Connecting|Reconnecting/, 0],
  ['synced, but the server was not given our state', [loaded, connected, welcome, synced], 'saving', /Saving/, 0],
  ['our state sent, not acknowledged', [loaded, connected, welcome, synced, step2], 'saving', /Saving/, 0],
  ['joined', joined, 'saved', /^Saved$/, 0],
  ['a change counted but not sent', [...joined, changed], 'saving', /Saving/, 1],
  ['a change sent', [...joined, ...edited], 'saving', /Saving/, 1],
  ['a change acknowledged', [...joined, ...edited, ack(2)], 'saved', /^Saved$/, 0],
  ['two changes, one acknowledged', [...joined, ...edited, ...edited, ack(2)], 'saving', /Saving/, 1],
  ['an old ack again', [...joined, ...edited, ack(1)], 'saving', /Saving/, 1],
  ['an ack for more than was sent', [...joined, ...edited, ack(99), ...edited], 'saving', /Saving/, 1],
  ['the socket is lost with a change under way', [...joined, ...edited, lost], 'reconnecting', /Reconnecting/, 1],
  ['and nobody answers', [...joined, ...edited, lost, connecting, lost], 'offline', /Offline \(1 change kept\)/, 1],
  [
    'still nobody while it tries again',
    [...joined, lost, connecting, lost, changed, changed, connecting],
    'offline',
    /2 changes kept/,
    2,
  ],
  [
    'back: changes go with step 2',
    [...joined, ...edited, lost, connected, welcome, synced, step2],
    'saving',
    /Saving/,
    1,
  ],
  [
    'back and acknowledged',
    [...joined, ...edited, lost, connected, welcome, synced, step2, ack(1)],
    'saved',
    /^Saved$/,
    0,
  ],
  [
    'typing before step 2 was asked for',
    [...joined, lost, changed, connected, changed, update, synced, step2, ack(1)],
    'saving',
    /Saving/,
    1,
  ],
  [
    'opened offline with changes from before',
    [{ type: 'loaded', unsaved: 3, role: 'owner' }, connecting, lost],
    'offline',
    /3 changes kept/,
    3,
  ],
  [
    'the store is away',
    [...joined, { type: 'read_only', reason: 'store_unavailable', message: 'm' }],
    'read-only',
    /cannot save/,
    0,
  ],
  [
    'the store is back',
    [...joined, { type: 'read_only', reason: 'store_unavailable', message: 'm' }, { type: 'writable' }],
    'saved',
    /Saved/,
    0,
  ],
  [
    'a viewer',
    [loaded, connected, { type: 'welcome', role: 'viewer' }, synced, step2, ack(1)],
    'read-only',
    /viewer/,
    0,
  ],
  [
    'access lost with work unsaved',
    [...joined, ...edited, lost, { type: 'closed', code: 4403, reason: '' }],
    'closed',
    /No access \(1 change kept\)/,
    1,
  ],
  ['deleted', [...joined, lost, { type: 'closed', code: 4404, reason: '' }], 'closed', /Deleted/, 0],
  ['a code nobody knows', [...joined, lost, { type: 'closed', code: 4499, reason: 'odd' }], 'closed', /Closed/, 0],
]

describe('the status light', () => {
  it.each(rows)('[SYNC-7] %s', (_what, events, kind, label, left) => {
    const state = given(...events)
    const view = statusView(state)
    expect(view.kind).toBe(kind)
    expect(view.label).toMatch(label)
    expect(unsaved(state)).toBe(left)
    // Read-only says nothing about what was sent before.
    if (kind !== 'read-only') expect(isSaved(state)).toBe(kind === 'saved')
  })

  it('says why it was closed, from the refusal when the frame carries nothing', () => {
    const state = given(...joined, { type: 'refused', reason: 'token expired.' }, lost, {
      type: 'closed',
      code: 4401,
      reason: '',
    })
    expect(statusView(state).detail).toMatch(/^Token expired\. Open a new login link/)
  })
})

describe('who may edit', () => {
  it('nobody before the role is known', () => {
    expect(canEdit(given(loaded, connected))).toBe(false)
  })
  it('an owner, also offline', () => {
    expect(canEdit(given(...joined))).toBe(true)
    expect(canEdit(given(...joined, lost, connecting, lost))).toBe(true)
    expect(canEdit(given({ type: 'loaded', unsaved: 0, role: 'owner' }, lost))).toBe(true)
  })
  it('no viewer, and nobody while the room takes nothing or has shut us out', () => {
    expect(canEdit(given(connected, { type: 'welcome', role: 'viewer' }))).toBe(false)
    expect(canEdit(given(...joined, { type: 'read_only', reason: 'x', message: '' }))).toBe(false)
    expect(canEdit(given(...joined, { type: 'closed', code: 4404, reason: '' }))).toBe(false)
  })
  it('an owner who was turned away for the moment only', () => {
    expect(canEdit(given(...joined, { type: 'closed', code: 4429, reason: '' }))).toBe(true)
  })
})

/**
 * One open canvas in this page: document, connection, presence, undo, local copy.
 *
 * Owns: their lifetimes, and turning socket events into `sync/status.ts` events. Refuses: React. Sessions are opened
 * and counted outside of it, because React may run initialisers twice and mount a component again at once.
 */

import * as encoding from 'lib0/encoding'
import * as authProtocol from 'y-protocols/auth'
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { blocksMap, canvasMap, LOCAL, SCHEMA, schemaOf } from '../doc/schema'
import { CaretAwareness } from '../presence/caretAwareness'
import { LocalPresence } from '../presence/local'
import {
  MESSAGE_ACK,
  MESSAGE_AUTH,
  MESSAGE_AWARENESS,
  MESSAGE_NOTICE,
  type Notice,
  type Person,
  readAck,
  readNotice,
  sentMessage,
} from '../protocol/messages'
import { forgetCanvas } from './device'
import { Persist } from './persist'
import {
  canEdit,
  initialSync,
  mayEdit,
  type Role,
  reduce,
  type StatusView,
  type SyncEvent,
  type SyncState,
  statusView,
  unsaved,
} from './status'

/** Longest pause between two attempts to connect, milliseconds. */
const MAX_PAUSE = 15_000
/** A session nobody shows stays this long, so that going back or a re-mount finds it open. Milliseconds. */
const LINGER = 1_000

export type SessionState = {
  sync: SyncState
  status: StatusView
  /** Everything needed to draw is here: from this device or from the server. */
  ready: boolean
  canEdit: boolean
  user: Person
  /** Local storage failed: a reload would lose what is not saved. */
  storageFailed: boolean
  /** The canvas has a schema this client does not know. */
  unknownSchema: boolean
}

export type SessionOptions = { canvasId: string; user: Person; token?: string | undefined; serverUrl?: string }

const defaultServer = (): string => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/sync`

export class CanvasSession {
  readonly canvasId: string
  readonly doc = new Y.Doc()
  readonly awareness = new Awareness(this.doc)
  /** For text editors: only carets and names pass. */
  readonly carets = new CaretAwareness(this.awareness)
  readonly presence = new LocalPresence(this.awareness)
  readonly provider: WebsocketProvider
  readonly undo: Y.UndoManager
  readonly store: StoreApi<SessionState>
  /** Under which name this device keeps the canvas: a visit by token never reads what the person of this browser has. */
  private readonly keptAs: string
  private persist: Persist | null = null
  private disposed = false
  private readonly stops: (() => void)[] = []

  constructor(options: SessionOptions) {
    this.canvasId = options.canvasId
    this.keptAs = options.token === undefined ? options.canvasId : `${options.canvasId}~${options.user.id}`
    this.store = createStore<SessionState>(() => ({
      sync: initialSync,
      status: statusView(initialSync),
      ready: false,
      canEdit: false,
      user: options.user,
      storageFailed: false,
      unknownSchema: false,
    }))
    this.undo = new Y.UndoManager([blocksMap(this.doc), canvasMap(this.doc)], {
      trackedOrigins: new Set([LOCAL]),
      captureTimeout: 400,
    })
    // Before the provider listens: a change has to be counted before the message that carries it.
    this.doc.on('update', this.onUpdate)
    this.awareness.setLocalState({
      user: options.user,
      pointer: null,
      cursor: null,
      selection: [],
      drag: null,
      idle: false,
    })

    const params: Record<string, string> = { ack: '1', notices: '1' }
    if (options.token !== undefined) params.token = options.token
    this.provider = new WebsocketProvider(options.serverUrl ?? defaultServer(), options.canvasId, this.doc, {
      connect: false,
      awareness: this.awareness,
      params,
      // BroadcastChannel would carry edits between tabs past the server's permissions.
      disableBc: true,
      WebSocketPolyfill: this.countingSocket(),
    })
    this.wireProvider(this.provider)
    this.wireWindow()
    void this.start()
  }

  get user(): Person {
    return this.store.getState().user
  }
  get role(): Role | null {
    return this.store.getState().sync.role
  }
  get canEdit(): boolean {
    return this.store.getState().canEdit
  }

  private async start(): Promise<void> {
    const { persist, loaded } = await Persist.open(this.keptAs, this.doc, {
      onFailure: () => this.store.setState({ storageFailed: true }),
    })
    if (this.disposed) {
      void persist.close()
      return
    }
    this.persist = persist
    this.dispatch({ type: 'loaded', unsaved: loaded.unsaved, role: loaded.role })
    this.provider.connect()
  }

  /** Connects again after a permanent close, for instance with a new sign-in. */
  reconnect(): void {
    this.provider.wsUnsuccessfulReconnects = 0
    this.provider.connect()
  }

  /** Gives up what was never saved and forgets this device's copy. The session cannot be used afterwards. */
  async discard(): Promise<void> {
    this.dispatch({ type: 'discarded' })
    await this.persist?.close()
    this.persist = null
    await forgetCanvas(this.keptAs)
  }

  private dispatch(event: SyncEvent): void {
    const before = this.store.getState()
    const sync = reduce(before.sync, event)
    if (sync === before.sync) return
    this.derive(sync)
    this.persist?.setUnsaved(unsaved(sync))
    if (sync.role !== null) this.persist?.setRole(sync.role)
  }

  private derive(sync: SyncState): void {
    const before = this.store.getState()
    const schema = schemaOf(this.doc)
    const unknownSchema = schema !== null && schema !== SCHEMA
    const view = unknownSchema
      ? {
          kind: 'read-only' as const,
          label: 'Read-only (newer canvas)',
          detail: 'This canvas was made by another version of Jabiru. Reload the page to get it.',
        }
      : statusView(sync)
    const status =
      view.kind === before.status.kind && view.label === before.status.label && view.detail === before.status.detail
        ? before.status
        : view
    const ready = schema !== null
    this.store.setState({ sync, status, ready, unknownSchema, canEdit: ready && !unknownSchema && canEdit(sync) })
  }

  private readonly onUpdate = (_update: Uint8Array, origin: unknown): void => {
    if (origin !== this.provider && !(origin instanceof Persist)) this.dispatch({ type: 'changed' })
    // The schema is the last thing a first load brings.
    if (!this.store.getState().ready && schemaOf(this.doc) !== null) this.derive(this.store.getState().sync)
  }

  /** A WebSocket that tells us what really goes out: "sent" must not be guessed from what should have been sent. */
  private countingSocket(): typeof WebSocket {
    const onSent = (data: Uint8Array): void => {
      const message = sentMessage(data)
      if (message !== null) this.dispatch({ type: 'sent', message })
    }
    return class extends WebSocket {
      override send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
        super.send(data as ArrayBufferView<ArrayBuffer>)
        if (data instanceof Uint8Array && this.readyState === WebSocket.OPEN) onSent(data)
      }
    }
  }

  private wireProvider(provider: WebsocketProvider): void {
    provider.on('status', ({ status }) => {
      if (status === 'connecting') this.dispatch({ type: 'connecting' })
      if (status === 'connected') this.dispatch({ type: 'connected' })
    })
    provider.on('sync', (synced) => {
      if (synced) this.dispatch({ type: 'synced' })
    })
    provider.on('connection-close', () => {
      // Emitted before the provider computes its pause, and the smaller of the two counts: this spreads the herd that
      // comes back after a restart over the whole window.
      const window = Math.min(MAX_PAUSE, 2 ** (provider.wsUnsuccessfulReconnects + 1) * 100)
      provider.maxBackoffTime = window * (0.3 + 0.7 * Math.random())
      this.dispatch({ type: 'lost' })
    })
    provider.on('closed', ({ code, reason }) => this.dispatch({ type: 'closed', code, reason }))

    const handlers = provider.messageHandlers
    handlers[MESSAGE_ACK] = (_encoder, decoder) => this.dispatch({ type: 'ack', count: readAck(decoder) })
    handlers[MESSAGE_NOTICE] = (_encoder, decoder) => {
      const notice = readNotice(decoder)
      if (notice !== null) this.onNotice(notice)
    }
    handlers[MESSAGE_AUTH] = (_encoder, decoder) => {
      authProtocol.readAuthMessage(decoder, this.doc, (_doc, reason) => this.dispatch({ type: 'refused', reason }))
    }

    // The provider would echo every state it receives back to the server: N people cost N² messages. Only our own
    // state is ours to send.
    this.awareness.off('update', provider._awarenessUpdateHandler)
    const send = (change: { added: number[]; updated: number[]; removed: number[] }, origin: unknown): void => {
      const me = this.doc.clientID
      if (origin === provider || ![...change.added, ...change.updated, ...change.removed].includes(me)) return
      const socket = provider.ws
      if (socket === null || socket.readyState !== WebSocket.OPEN) return
      const encoder = encoding.createEncoder()
      encoding.writeVarUint(encoder, MESSAGE_AWARENESS)
      encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(this.awareness, [me]))
      socket.send(encoding.toUint8Array(encoder))
    }
    this.awareness.on('update', send)
    this.stops.push(() => this.awareness.off('update', send))
  }

  private onNotice(notice: Notice): void {
    switch (notice.type) {
      case 'welcome': {
        const known = notice.user.id !== '' ? notice.user : this.user
        const user = { ...known, color: known.color || this.user.color, name: known.name || this.user.name }
        this.store.setState({ user })
        this.presence.setUser(user)
        this.dispatch({ type: 'welcome', role: notice.role })
        break
      }
      case 'read_only':
        // The role itself says so already, in better words than a room's state would.
        if (notice.reason === 'role' && !mayEdit(this.role)) break
        this.dispatch({ type: 'read_only', reason: notice.reason, message: notice.message })
        break
      case 'update_refused':
        this.dispatch({ type: 'read_only', reason: notice.reason, message: notice.message })
        break
      case 'writable':
        this.dispatch({ type: 'writable' })
        break
    }
  }

  private wireWindow(): void {
    const online = (): void => {
      if (this.provider.shouldConnect) this.reconnect()
    }
    const leaving = (event: BeforeUnloadEvent): void => {
      const { sync, storageFailed } = this.store.getState()
      if (storageFailed && unsaved(sync) > 0) event.preventDefault()
    }
    window.addEventListener('online', online)
    window.addEventListener('beforeunload', leaving)
    this.stops.push(
      () => window.removeEventListener('online', online),
      () => window.removeEventListener('beforeunload', leaving),
    )
  }

  /** Closes everything. Called by the registry below when the last user is gone. */
  dispose(): void {
    if (this.disposed) return
    this.disposed = true
    for (const stop of this.stops) stop()
    this.presence.dispose()
    this.carets.dispose()
    this.undo.destroy()
    this.provider.destroy()
    this.awareness.destroy()
    const persist = this.persist
    if (persist === null) this.doc.destroy()
    else void persist.close().then(() => this.doc.destroy())
  }
}

type Entry = { session: CanvasSession; users: number; timer: ReturnType<typeof setTimeout> | null }
const open = new Map<string, Entry>()

/** The session of a canvas, opened if need be. Every call needs one `releaseSession`. */
export const acquireSession = (options: SessionOptions): CanvasSession => {
  const entry = open.get(options.canvasId) ?? { session: new CanvasSession(options), users: 0, timer: null }
  if (entry.timer !== null) clearTimeout(entry.timer)
  entry.timer = null
  entry.users++
  open.set(options.canvasId, entry)
  return entry.session
}

/** Keeps an open session for work that goes on when its page is left. The returned function lets go of it. */
export const holdSession = (session: CanvasSession): (() => void) => {
  const entry = open.get(session.canvasId)
  if (entry?.session !== session) return () => undefined
  if (entry.timer !== null) clearTimeout(entry.timer)
  entry.timer = null
  entry.users++
  return () => releaseSession(session.canvasId)
}

export const releaseSession = (canvasId: string): void => {
  const entry = open.get(canvasId)
  if (entry === undefined) return
  entry.users--
  if (entry.users > 0) return
  entry.timer = setTimeout(() => {
    open.delete(canvasId)
    entry.session.dispose()
  }, LINGER)
}

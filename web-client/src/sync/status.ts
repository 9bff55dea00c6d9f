/**
 * What the status light says, as a pure machine.
 *
 * Owns: counting local changes until the server has acknowledged them, and the words shown for a state. Refuses: clocks
 * and sockets. "Saved" follows from acknowledgements alone ([SYNC-7], [DUR-1]); nothing here happens because time passed.
 *
 * A change is one local transaction. On one socket every sync step 2 and update message has a number, starting at 1;
 * `ack n` says that the first n are durable. A step 2 carries every change kept so far, an update carries one.
 */

export type Role = 'owner' | 'editor' | 'commenter' | 'viewer'
export type Connection = 'connecting' | 'connected' | 'retrying' | 'offline'

export type SyncState = {
  connection: Connection
  /** A first connection has worked once, so a new attempt is a re-connection. */
  hasConnected: boolean
  /** The server's state has arrived on this socket. */
  synced: boolean
  /** The server's sync step 1 has been answered on this socket. */
  answered: boolean
  /** Changes not yet sent on this socket. */
  kept: number
  /** Changes in each message sent on this socket and not acknowledged, oldest first. */
  inFlight: readonly number[]
  sent: number
  acked: number
  role: Role | null
  readOnly: { reason: string; message: string } | null
  closed: { code: number; reason: string } | null
  /** What the server last said before closing; shown when the close frame itself carries no reason. */
  refusal: string
}

export type SyncEvent =
  | { type: 'loaded'; unsaved: number; role: Role | null }
  | { type: 'connecting' }
  | { type: 'connected' }
  | { type: 'lost' }
  | { type: 'synced' }
  | { type: 'changed' }
  | { type: 'sent'; message: 'step2' | 'update' }
  | { type: 'ack'; count: number }
  | { type: 'welcome'; role: Role }
  | { type: 'read_only'; reason: string; message: string }
  | { type: 'writable' }
  | { type: 'refused'; reason: string }
  | { type: 'closed'; code: number; reason: string }
  | { type: 'discarded' }

export const initialSync: SyncState = {
  connection: 'connecting',
  hasConnected: false,
  synced: false,
  answered: false,
  kept: 0,
  inFlight: [],
  sent: 0,
  acked: 0,
  role: null,
  readOnly: null,
  closed: null,
  refusal: '',
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

/** Local changes that are not known to be durable on the server. */
export const unsaved = (state: SyncState): number => state.kept + sum(state.inFlight)

/** True iff everything this socket sent is durable and the server has been given all we hold. */
export const isSaved = (state: SyncState): boolean =>
  state.connection === 'connected' &&
  state.synced &&
  state.answered &&
  state.acked === state.sent &&
  unsaved(state) === 0

const newSocket = { synced: false, answered: false, inFlight: [], sent: 0, acked: 0 } as const

export const reduce = (state: SyncState, event: SyncEvent): SyncState => {
  switch (event.type) {
    case 'loaded':
      return { ...state, kept: state.kept + event.unsaved, role: state.role ?? event.role }
    case 'connecting':
      return {
        ...state,
        closed: null,
        refusal: '',
        connection: state.connection === 'offline' ? 'offline' : 'connecting',
      }
    case 'connected':
      return {
        ...state,
        ...newSocket,
        kept: unsaved(state),
        connection: 'connected',
        hasConnected: true,
        readOnly: null,
      }
    case 'lost':
      // An attempt that never opened means nobody answers; a socket that was open may come back at once.
      return {
        ...state,
        ...newSocket,
        kept: unsaved(state),
        connection: state.connection === 'connected' ? 'retrying' : 'offline',
        // The store's trouble is this connection's news: the next one will be told again.
        readOnly: null,
      }
    case 'synced':
      return { ...state, synced: true }
    case 'changed':
      return { ...state, kept: state.kept + 1 }
    case 'sent': {
      const carried = event.message === 'step2' ? state.kept : Math.min(1, state.kept)
      return {
        ...state,
        kept: state.kept - carried,
        inFlight: [...state.inFlight, carried],
        sent: state.sent + 1,
        answered: state.answered || event.message === 'step2',
      }
    }
    case 'ack': {
      // A server that counts more than we sent is wrong about something: believing it could call lost work saved.
      const acked = Math.min(event.count, state.sent)
      if (acked <= state.acked) return state
      return { ...state, acked, inFlight: state.inFlight.slice(acked - state.acked) }
    }
    case 'welcome':
      return { ...state, role: event.role }
    case 'read_only':
      return { ...state, readOnly: { reason: event.reason, message: event.message } }
    case 'writable':
      return { ...state, readOnly: null }
    case 'refused':
      return { ...state, refusal: event.reason }
    case 'closed':
      return { ...state, closed: { code: event.code, reason: event.reason || state.refusal } }
    case 'discarded':
      return { ...state, kept: 0, inFlight: state.inFlight.map(() => 0) }
  }
}

export const mayEdit = (role: Role | null): boolean => role === 'owner' || role === 'editor'

/** Whether a person may change the canvas now. Being offline is no reason not to; a refusal that stays is. */
export const canEdit = (state: SyncState): boolean =>
  mayEdit(state.role) && state.readOnly === null && (state.closed === null || !FINAL.has(state.closed.code))

/** Closes after which this copy will never be taken by the server as it is. */
const FINAL = new Set([4400, 4401, 4403, 4404, 4409, 4413])

export type StatusKind = 'saved' | 'saving' | 'offline' | 'reconnecting' | 'read-only' | 'closed'
export type StatusView = { kind: StatusKind; label: string; detail: string }

const changes = (n: number): string => (n === 1 ? '1 change kept' : `${n} changes kept`)

const CLOSED: Record<number, { label: string; todo: string }> = {
  4400: {
    label: 'Stopped',
    todo: 'This copy holds something the server cannot read. Reload the page; if that does not help, delete the change here.',
  },
  4401: { label: 'Signed out', todo: 'Open a new login link, then come back here.' },
  4403: { label: 'No access', todo: 'Ask the owner of the canvas to share it with you.' },
  4404: { label: 'Deleted', todo: 'This canvas is not there any more. It can be restored from the list of canvases.' },
  4408: { label: 'Timed out', todo: 'Reload the page to connect again.' },
  4409: { label: 'Access changed', todo: 'Reload the page to continue with your new role.' },
  4413: {
    label: 'Too large',
    todo: 'The server does not take a change this large. Take a copy, then delete the change here to go on.',
  },
  4429: { label: 'Too many', todo: 'Too many people or connections at the moment. Wait a little, then reload.' },
}

/** The server's reason as a sentence with a space after it, or nothing. */
const sentence = (reason: string): string => {
  const text = reason.trim().replace(/[.\s]+$/, '')
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}. `
}

/** The words of the status light. */
export const statusView = (state: SyncState): StatusView => {
  const left = unsaved(state)
  if (state.closed !== null) {
    const known = CLOSED[state.closed.code]
    const why = sentence(state.closed.reason)
    return {
      kind: 'closed',
      label: left > 0 ? `${known?.label ?? 'Closed'} (${changes(left)})` : (known?.label ?? 'Closed'),
      detail: `${why}${known?.todo ?? 'Reload the page to connect again.'}`,
    }
  }
  if (state.readOnly !== null) {
    return {
      kind: 'read-only',
      label: state.readOnly.reason === 'store_unavailable' ? 'Read-only (cannot save now)' : 'Read-only',
      detail: state.readOnly.message,
    }
  }
  if (state.role !== null && !mayEdit(state.role)) {
    return { kind: 'read-only', label: `Read-only (${state.role})`, detail: `You are a ${state.role} of this canvas.` }
  }
  if (state.connection === 'offline') {
    return {
      kind: 'offline',
      label: left > 0 ? `Offline (${changes(left)})` : 'Offline',
      detail: 'The server cannot be reached. Go on working: changes are kept on this device and sent when it is back.',
    }
  }
  if (state.connection !== 'connected' || !state.synced) {
    return {
      kind: 'reconnecting',
      label: state.hasConnected || left > 0 ? 'Reconnecting…' : 'Connecting…',
      detail:
        left > 0 ? `${changes(left)} on this device, sent as soon as the server answers.` : 'Waiting for the server.',
    }
  }
  if (isSaved(state)) return { kind: 'saved', label: 'Saved', detail: 'Every change is stored on the server.' }
  return {
    kind: 'saving',
    label: 'Saving…',
    detail: `${left === 1 ? '1 change is' : `${left} changes are`} not stored on the server yet.`,
  }
}

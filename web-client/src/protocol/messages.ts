/**
 * The messages Jabiru adds to the y-websocket protocol, and how to tell what a sent frame is.
 *
 * Owns: message numbers, reading acks and notices. Pure: no socket, no document.
 */
import * as decoding from 'lib0/decoding'
import type { Role } from '../sync/status'

export const MESSAGE_SYNC = 0
export const MESSAGE_AWARENESS = 1
export const MESSAGE_AUTH = 2
/** One varString of JSON. */
export const MESSAGE_NOTICE = 5
/** One varUint: so many of the step 2 and update messages of this socket are durable. */
export const MESSAGE_ACK = 8

export type Person = { id: string; name: string; color: string }

export type Notice =
  | { type: 'welcome'; role: Role; user: Person; session: string }
  | { type: 'read_only'; reason: string; message: string }
  | { type: 'writable' }
  | { type: 'update_refused'; reason: string; message: string }

/** Which sync message a frame we send is; null for anything that is not acknowledged. */
export const sentMessage = (frame: Uint8Array): 'step2' | 'update' | null => {
  if (frame[0] !== MESSAGE_SYNC) return null
  return frame[1] === 1 ? 'step2' : frame[1] === 2 ? 'update' : null
}

const ROLES: readonly string[] = ['owner', 'editor', 'commenter', 'viewer']
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A notice this client knows, or null: a newer server may send others. */
export const readNotice = (decoder: decoding.Decoder): Notice | null => {
  let value: unknown
  try {
    value = JSON.parse(decoding.readVarString(decoder))
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const notice = value as Record<string, unknown>
  switch (notice.type) {
    case 'welcome': {
      if (!ROLES.includes(text(notice.role))) return null
      const user = (notice.user ?? {}) as Record<string, unknown>
      return {
        type: 'welcome',
        role: notice.role as Role,
        user: { id: text(user.id), name: text(user.name), color: text(user.color) },
        session: text(notice.session),
      }
    }
    case 'read_only':
    case 'update_refused':
      return { type: notice.type, reason: text(notice.reason), message: text(notice.message) }
    case 'writable':
      return { type: 'writable' }
    default:
      return null
  }
}

export const readAck = (decoder: decoding.Decoder): number => decoding.readVarUint(decoder)

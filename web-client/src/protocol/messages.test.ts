// @vitest-environment node
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { expect, it } from 'vitest'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'
import { readNotice, sentMessage } from './messages'

const frame = (write: (encoder: encoding.Encoder) => void): Uint8Array => {
  const encoder = encoding.createEncoder()
  write(encoder)
  return encoding.toUint8Array(encoder)
}
const notice = (text: string) =>
  readNotice(decoding.createDecoder(frame((encoder) => encoding.writeVarString(encoder, text))))

it('counts exactly the frames that are acknowledged', () => {
  const doc = new Y.Doc()
  const sent = (write: (encoder: encoding.Encoder) => void) =>
    sentMessage(
      frame((encoder) => {
        encoding.writeVarUint(encoder, 0)
        write(encoder)
      }),
    )
  expect(sent((encoder) => sync.writeSyncStep1(encoder, doc))).toBeNull()
  expect(sent((encoder) => sync.writeSyncStep2(encoder, doc))).toBe('step2')
  expect(sent((encoder) => sync.writeUpdate(encoder, Y.encodeStateAsUpdate(doc)))).toBe('update')
  expect(sentMessage(new Uint8Array([1, 1, 0]))).toBeNull()
  expect(sentMessage(new Uint8Array())).toBeNull()
})

it('reads the notices it knows and ignores the rest', () => {
  expect(
    notice('{"type":"welcome","role":"editor","user":{"id":"u","name":"Ann","color":"#fff"},"session":"s"}'),
  ).toMatchObject({
    role: 'editor',
    user: { id: 'u', name: 'Ann' },
  })
  expect(notice('{"type":"welcome","role":"emperor"}')).toBeNull()
  expect(notice('{"type":"read_only","reason":"store_unavailable","message":"m"}')).toMatchObject({
    reason: 'store_unavailable',
  })
  expect(notice('{"type":"version_made"}')).toBeNull()
  expect(notice('{')).toBeNull()
  expect(notice('null')).toBeNull()
})

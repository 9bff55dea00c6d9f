/**
 * Clients of the suites: the stock provider as an app would use it, and a bare socket for what no stock client sends.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { until } from './server.mjs'

/**
 * A stock Yjs client: a document and a y-websocket provider, nothing else. `t` ends it with the test.
 * What the provider reports is kept: `statuses`, `closes` (codes), `closed` (a permanent one).
 */
export function stock(t, server, canvas, { token, params = {}, doc = new Y.Doc(), connect = true, maxBackoffTime = 500 } = {}) {
  const provider = new WebsocketProvider(server.sync, canvas, doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
    connect: false,
    maxBackoffTime,
    params: token === undefined ? params : { token, ...params },
  })
  const client = { doc, provider, awareness: provider.awareness, statuses: [], closes: [], closed: null }
  provider.on('status', ({ status }) => client.statuses.push(status))
  provider.on('connection-close', (event) => client.closes.push(event?.code ?? null))
  provider.on('closed', (close) => {
    client.closed = close
  })
  t.after(() => {
    provider.destroy()
    client.awareness.destroy()
    doc.destroy()
  })
  client.synced = () =>
    until(
      () => `the provider is synced; it went through ${client.statuses} with closes ${client.closes}\n${server.log.slice(-2000)}`,
      () => provider.synced,
    )
  if (connect) provider.connect()
  return client
}

/** What a document holds, as plain data. Roots differ between clients until they are asked for, so they are named. */
export const content = (doc) => ({
  text: doc.getText('text').toString(),
  map: doc.getMap('map').toJSON(),
  array: doc.getArray('array').toJSON(),
  blocks: doc.getMap('blocks').toJSON(),
  canvas: doc.getMap('canvas').toJSON(),
})

/** Content with sorted keys as one string: equal iff equal. */
export const fingerprint = (doc) => JSON.stringify(sorted(content(doc)))

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

/** Resolves when all documents hold the same, with nothing pending. */
export const converged = (docs, what = 'every client has the same content') => {
  const waitsFor = ({ store }) => (store.pendingStructs === null ? '' : `waits for ${JSON.stringify([...store.pendingStructs.missing])}`)
  return until(
    () => {
      const prints = docs.map(fingerprint)
      let at = 0
      while (at < prints[0].length && prints.every((print) => print[at] === prints[0][at])) at++
      const from = Math.max(0, at - 100)
      const lines = docs.map((doc, index) => `${doc.clientID} ${waitsFor(doc)}: …${prints[index].slice(from, from + 400)}`)
      return `${what}; they have\n${lines.join('\n')}`
    },
    () => docs.every(({ store }) => store.pendingStructs === null) && new Set(docs.map(fingerprint)).size === 1,
  )
}

/** Message types of the protocol; 5 and 8 come only to clients that asked. */
export const SYNC = 0
export const AWARENESS = 1
export const AUTH = 2
export const NOTICE = 5
export const ACK = 8

/** A frame: type numbers, then one byte array. */
export const frame = (types, body) => {
  const encoder = encoding.createEncoder()
  for (const type of types) encoding.writeVarUint(encoder, type)
  if (body !== undefined) encoding.writeVarUint8Array(encoder, body)
  return encoding.toUint8Array(encoder)
}

export const step1 = (doc) => frame([SYNC, 0], Y.encodeStateVector(doc))
export const step2 = (doc) => frame([SYNC, 1], Y.encodeStateAsUpdate(doc))
export const update = (bytes) => frame([SYNC, 2], bytes)

/** An awareness frame with entries `[client, clock, state]`, whoever they belong to. */
export const awarenessFrame = (entries) => {
  const body = encoding.createEncoder()
  encoding.writeVarUint(body, entries.length)
  for (const [client, clock, state] of entries) {
    encoding.writeVarUint(body, client)
    encoding.writeVarUint(body, clock)
    encoding.writeVarString(body, JSON.stringify(state))
  }
  return frame([AWARENESS], encoding.toUint8Array(body))
}

/** A bare socket that reads every frame and answers nothing by itself. */
export class Raw {
  /** Messages in order: `{type, kind?, body?, n?, json?, reason?, bytes}`. */
  messages = []
  /** `{code, reason}` once the socket is closed. */
  closing = null

  static async open(t, server, canvas, { params = {}, headers = {} } = {}) {
    const raw = new Raw()
    const query = new URLSearchParams(params)
    const socket = new WebSocket(`${server.sync}/${canvas}?${query}`, { headers })
    socket.binaryType = 'nodebuffer'
    raw.socket = socket
    // A socket whose peer is gone while it still sends reports that as an error; the close is what counts.
    socket.on('error', () => {})
    socket.on('message', (data) => raw.messages.push(read(new Uint8Array(data))))
    socket.on('close', (code, reason) => {
      raw.closing = { code, reason: reason.toString() }
    })
    t.after(() => socket.terminate())
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('unexpected-response', (_request, response) => reject(new Error(`upgrade refused: ${response.statusCode}`)))
      socket.once('close', resolve)
    })
    return raw
  }

  send(bytes) {
    this.socket.send(bytes)
  }

  /** Resolves to `{code, reason}` when the server has closed. */
  closed() {
    return until('the server closes the socket', () => this.closing)
  }

  /** Resolves with the first message, already here or to come, for which `match` holds. */
  message(what, match) {
    return until(
      () => `${what}; the socket ${this.closing ? `closed with ${this.closing.code} ${this.closing.reason}` : 'is open'}`,
      () => this.messages.find(match),
    )
  }

  get acks() {
    return this.messages.filter(({ type }) => type === ACK).map(({ n }) => n)
  }
  get notices() {
    return this.messages.filter(({ type }) => type === NOTICE).map(({ json }) => json)
  }

  /** Does what a provider does on opening: sync step 1, waits for the answer, answers the server's question with `doc`. */
  async join(doc = new Y.Doc()) {
    this.send(step1(doc))
    const answer = await this.message('the answer to sync step 1', ({ type, kind }) => type === SYNC && kind === 1)
    Y.applyUpdate(doc, answer.body)
    await this.message('the sync step 1 of the server', ({ type, kind }) => type === SYNC && kind === 0)
    this.send(step2(doc))
    return doc
  }
}

const read = (bytes) => {
  const decoder = decoding.createDecoder(bytes)
  const type = decoding.readVarUint(decoder)
  if (type === SYNC) return { type, kind: decoding.readVarUint(decoder), body: decoding.readVarUint8Array(decoder), bytes }
  if (type === AWARENESS) return { type, body: decoding.readVarUint8Array(decoder), bytes }
  if (type === AUTH) return { type, kind: decoding.readVarUint(decoder), reason: decoding.readVarString(decoder), bytes }
  if (type === NOTICE) return { type, json: JSON.parse(decoding.readVarString(decoder)), bytes }
  if (type === ACK) return { type, n: decoding.readVarUint(decoder), bytes }
  return { type, bytes }
}

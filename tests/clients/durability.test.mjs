/** What survives a restart and a kill, and what the acks promise. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { AWARENESS, content, converged, Raw, stock, step2, SYNC, update } from './client.mjs'
import { Server, until } from './server.mjs'

const start = async (t, options) => {
  const server = await Server.start(options)
  t.after(() => server.remove())
  return server
}

for (const [how, rule, end] of [
  ['a restart (SIGTERM)', 'DUR-9', (server) => server.stop()],
  ['a crash (SIGKILL)', 'DUR-2', (server) => server.kill()],
]) {
  test(`[${rule}] clients come back after ${how} with equal content and what they edited offline`, async (t) => {
    const server = await start(t)
    const canvas = await server.canvas('Restarted')
    const token = await server.token({ canvas, role: 'editor' })
    const clients = [stock(t, server, canvas, { token }), stock(t, server, canvas, { token }), stock(t, server, canvas, { token })]
    await Promise.all(clients.map((client) => client.synced()))
    for (const [index, { doc }] of clients.entries()) doc.getArray('array').push([`before ${index}`])
    await converged(clients.map(({ doc }) => doc))

    const { code } = await end(server)
    if (rule === 'DUR-9') assert.equal(code, 0, `it ends without an error:\n${server.log}`)
    await until('every client knows', () => clients.every(({ provider }) => !provider.wsconnected))
    if (rule === 'DUR-9') assert.deepEqual(clients.map(({ closes }) => closes[0]), [1012, 1012, 1012])
    assert.ok(clients.every(({ closed }) => closed === null), 'no client takes it for permanent')
    for (const [index, { doc }] of clients.entries()) doc.getText('text').insert(0, `offline ${index} 🦤\n`)

    await server.up()
    await Promise.all(clients.map((client) => client.synced()))
    await converged(clients.map(({ doc }) => doc))
    const late = stock(t, server, canvas, { token })
    await late.synced()
    await converged([clients[0].doc, late.doc], 'who joins later gets the same content')
    assert.equal(late.doc.getArray('array').length, 3)
    for (const index of [0, 1, 2]) assert.match(late.doc.getText('text').toString(), new RegExp(`offline ${index} 🦤\n`))

    // Once more with nobody connected: now it has to come from disk.
    for (const { provider } of [...clients, late]) provider.disconnect()
    const whole = Y.encodeStateAsUpdate(late.doc)
    await end(server)
    await server.up()
    const reader = stock(t, server, canvas, { token })
    await reader.synced()
    if (rule === 'DUR-9') {
      await until('everything is there', () => reader.doc.getText('text').length > 0)
      const kept = new Y.Doc()
      Y.applyUpdate(kept, whole)
      await converged([kept, reader.doc])
    } else assert.equal(reader.doc.getArray('array').length, 3, 'what was there before the first kill')
  })
}

test('[DUR-1] what was acked is there after SIGKILL', async (t) => {
  const server = await start(t)
  const canvas = await server.canvas()
  const token = await server.token({ canvas, role: 'editor' })
  const doc = new Y.Doc()
  for (let round = 1; round <= 5; round++) {
    const raw = await Raw.open(t, server, canvas, { params: { token, ack: '1' } })
    await raw.join(doc)
    let sent = 1
    const send = (bytes) => {
      sent++
      raw.send(update(bytes))
    }
    doc.on('update', send)
    for (let n = 0; n < 20; n++) doc.getArray('array').push([`${round}.${n}`])
    doc.off('update', send)
    await until(() => `all ${sent} messages are acked, not only ${raw.acks.at(-1)}`, () => raw.acks.at(-1) === sent)
    await server.kill()
    await server.up()
    const reader = stock(t, server, canvas, { token })
    await reader.synced()
    assert.deepEqual(reader.doc.getArray('array').toJSON(), doc.getArray('array').toJSON())
    reader.provider.destroy()
  }
})

test('[SYNC-7] [SYNC-8] acks count up to what was sent, after a welcome with role and user', async (t) => {
  const server = await start(t)
  const canvas = await server.canvas()
  const token = await server.token({ canvas, role: 'editor', sub: 'ada', name: 'Ada' })
  const raw = await Raw.open(t, server, canvas, { params: { token, ack: '1', notices: '1' } })
  const doc = await raw.join()
  const [welcome] = raw.notices
  assert.equal(raw.messages[0].json, welcome, 'the welcome is the first message')
  assert.equal(welcome.type, 'welcome')
  assert.equal(welcome.role, 'editor')
  assert.equal(welcome.user.id, 'ada')
  assert.equal(welcome.user.name, 'Ada')
  assert.match(welcome.user.color, /^#[0-9a-f]{6}$/)
  assert.ok(welcome.session.length > 0)
  await until('the sync step 2 is acked', () => raw.acks.at(-1) === 1)

  const send = (bytes) => raw.send(update(bytes))
  doc.on('update', send)
  for (let n = 0; n < 100; n++) doc.getText('text').insert(0, '🦤')
  doc.off('update', send)
  await until('all are acked', () => raw.acks.at(-1) === 101)
  assert.deepEqual(raw.acks, [...new Set(raw.acks)].sort((a, b) => a - b), 'they only count up')
  assert.ok(raw.acks.length <= 102)

  // Sent again it changes nothing, and is durable already.
  raw.send(update(Y.encodeStateAsUpdate(doc)))
  await until('a repetition is acked', () => raw.acks.at(-1) === 102)

  const plain = await Raw.open(t, server, canvas, { params: { token } })
  const other = await plain.join()
  other.on('update', (bytes) => plain.send(update(bytes)))
  other.getText('text').insert(0, 'x')
  await raw.message('the edit of the other', ({ type, kind, body }) => type === SYNC && kind === 2 && body.length > 0)
  assert.ok(plain.messages.every(({ type }) => type === SYNC || type === AWARENESS), 'who did not ask gets neither')
})

for (const [missing, change] of [
  ['what it stands beside', (doc, n) => doc.getArray('array').push([n])],
  ['an earlier change of the same client', (doc, n) => doc.getMap('map').set(`${n}`, n)],
]) {
  test(`[DUR-8] an update that lacks ${missing} is asked for, and acked when it is whole`, async (t) => {
    const server = await start(t)
    const canvas = await server.canvas()
    const token = await server.token({ canvas, role: 'editor' })
    const raw = await Raw.open(t, server, canvas, { params: { token, ack: '1' } })
    const doc = await raw.join()
    await until('the sync step 2 is acked', () => raw.acks.at(-1) === 1)
    const updates = []
    doc.on('update', (bytes) => updates.push(bytes))
    change(doc, 1)
    change(doc, 2)
    const questions = () => raw.messages.filter(({ type, kind }) => type === SYNC && kind === 0).length
    const before = questions()
    raw.send(update(updates[1]))
    await until('the server asks', () => questions() > before)
    assert.equal(raw.acks.at(-1), 1)
    const reader = stock(t, server, canvas, { token })
    await reader.synced()
    const { array, map } = content(reader.doc)
    assert.deepEqual([array, map], [[], {}], 'nothing of it is passed on')
    assert.equal(reader.doc.store.pendingStructs, null)
    raw.send(update(updates[0]))
    raw.send(step2(doc))
    await until('all is acked', () => raw.acks.at(-1) === 4)
    await converged([doc, reader.doc])
  })
}

test('[SYNC-6] an idle client hears something before a stock provider gives up', async (t) => {
  const server = await start(t, { args: ['--keepalive-seconds', '0.3'] })
  const canvas = await server.canvas()
  const token = await server.token({ canvas, role: 'viewer' })
  const raw = await Raw.open(t, server, canvas, { params: { token } })
  const doc = await raw.join()
  const inert = () => raw.messages.filter(({ bytes }) => Buffer.from(bytes).equals(Buffer.from([1, 1, 0]))).length
  await until('three keepalives', () => inert() >= 3)
  assert.equal(doc.getText('text').length, 0)
  const client = stock(t, server, canvas, { token })
  await client.synced()
  const last = client.provider.wsLastMessageReceived
  await until('the provider heard something', () => client.provider.wsLastMessageReceived > last)
  assert.deepEqual(client.closes, [])
})

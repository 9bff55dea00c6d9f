/** Who may open what, and what a stock provider is told when it may not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AUTH, content, Raw, stock, update } from './client.mjs'
import { Server, until } from './server.mjs'
import * as Y from 'yjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server.remove())

/** What the stock provider prints: the only way it shows the reason of a refusal. */
const warnings = (t) => {
  const seen = []
  t.mock.method(console, 'warn', (...words) => seen.push(words.join(' ')))
  return seen
}

const OTHER_SECRET = 'another secret of at least thirty-two characters'
const NO_CANVAS = '01900000-0000-7000-8000-000000000000'

const refusals = [
  { name: 'no token', code: 4401, token: () => undefined, reason: /log in|token/ },
  { name: 'an expired token', code: 4401, token: (canvas) => server.token({ canvas, ttl: '0s' }), reason: /expired/ },
  {
    name: 'a forged token',
    code: 4401,
    token: (canvas) => server.token({ canvas, extra: ['--secret', OTHER_SECRET] }),
    reason: /not signed by this server/,
  },
  { name: 'no token at all but words', code: 4401, token: () => 'let me in', reason: /not a valid token/ },
  { name: 'a token for another canvas', code: 4403, token: async () => server.token({ canvas: await server.canvas('Other') }), reason: /another canvas/ },
  { name: 'an unknown canvas', code: 4404, canvas: NO_CANVAS, token: () => server.token(), reason: /no such canvas/ },
  { name: 'something that is no canvas id', code: 4404, canvas: 'my-room', token: () => server.token(), reason: /no such canvas/ },
]

for (const { name, code, token, reason, canvas: named } of refusals) {
  test(`[LIM-3] refused with ${code} and the reason: ${name}`, async (t) => {
    const printed = warnings(t)
    const canvas = named ?? (await server.canvas())
    const client = stock(t, server, canvas, { token: await token(canvas) })
    await until('the provider is closed for good', () => client.closed)
    assert.equal(client.closed.code, code)
    assert.match(client.closed.reason, reason)
    assert.equal(printed.filter((text) => reason.test(text)).length, 1, `the provider shows the reason once: ${printed}`)
    assert.equal(client.provider.shouldConnect, false)
    // Its own timer for the next attempt was set before `closed` was emitted: a later timer fires after it.
    await new Promise((resolve) => setTimeout(resolve, client.provider.maxBackoffTime + 1))
    assert.equal(client.statuses.filter((status) => status === 'connecting').length, 1, 'it does not try again')
    assert.equal(client.doc.getMap('canvas').size, 0, 'and it has been given nothing')
  })
}

test('[LIM-3] a token that ends while the socket is open ends the session with 4401', async (t) => {
  const quick = await Server.start({ args: ['--keepalive-seconds', '0.2'] })
  t.after(() => quick.remove())
  const printed = warnings(t)
  const canvas = await quick.canvas()
  const client = stock(t, quick, canvas, { token: await quick.token({ canvas, ttl: '2s' }) })
  await client.synced()
  await until('the provider is closed for good', () => client.closed)
  assert.equal(client.closed.code, 4401)
  assert.ok(printed.some((text) => /expired/.test(text)))
})

test('[LIM-3] a canvas that is deleted closes its sessions with 4404', async (t) => {
  warnings(t)
  const canvas = await server.canvas()
  const client = stock(t, server, canvas, { token: await server.token({ canvas }) })
  await client.synced()
  assert.equal((await server.call(`/v1/canvases/${canvas}`, { method: 'DELETE' })).status, 204)
  await until('the provider is closed for good', () => client.closed)
  assert.equal(client.closed.code, 4404)
})

test('[LIM-4] a page of another origin may not open a socket', async (t) => {
  const canvas = await server.canvas()
  const params = { token: await server.token({ canvas }) }
  await assert.rejects(Raw.open(t, server, canvas, { params, headers: { Origin: 'https://evil.example' } }), /403/)
  const raw = await Raw.open(t, server, canvas, { params, headers: { Origin: server.origin } })
  await raw.join()
})

for (const role of ['viewer', 'commenter']) {
  test(`[ACC-1] a ${role} sees everything, changes nothing, and is told`, async (t) => {
    const printed = warnings(t)
    const canvas = await server.canvas('To be read')
    const editor = stock(t, server, canvas, { token: await server.token({ canvas, role: 'editor' }) })
    await editor.synced()
    editor.doc.getText('text').insert(0, 'for all to read')
    const reader = stock(t, server, canvas, { token: await server.token({ canvas, role, sub: role }) })
    await reader.synced()
    await until('the text is there', () => reader.doc.getText('text').toString() === 'for all to read')

    reader.doc.getText('text').insert(0, 'scribble ')
    reader.doc.getMap('map').set('mine', true)
    await until('the provider prints that it is read-only', () => printed.some((text) => text.includes(`a ${role} cannot change this canvas`)))
    editor.doc.getText('text').insert(0, 'still ')
    await until('later edits still arrive', () => reader.doc.getText('text').toString().includes('still '))
    assert.equal(editor.doc.getText('text').toString(), 'still for all to read')
    assert.equal(reader.closed, null, 'the connection stays')

    // Coming back, a stock client sends everything it has once more.
    reader.provider.disconnect()
    reader.provider.connect()
    await reader.synced()
    const late = stock(t, server, canvas, { token: await server.token({ canvas, role: 'viewer', sub: 'late' }) })
    await late.synced()
    await until('who comes later has the text', () => late.doc.getText('text').length > 0)
    assert.equal(late.doc.getText('text').toString(), 'still for all to read')
    assert.deepEqual(content(late.doc).map, {})
  })

  test(`[ACC-1] a ${role} with notices reads its role and the refusal, and gets no ack for an edit`, async (t) => {
    const canvas = await server.canvas()
    const token = await server.token({ canvas, role, sub: role })
    const raw = await Raw.open(t, server, canvas, { params: { token, ack: '1', notices: '1' } })
    const doc = await raw.join()
    assert.equal(raw.notices[0].type, 'welcome')
    assert.equal(raw.notices[0].role, role)
    await until('the empty sync step 2 is acked', () => raw.acks.at(-1) === 1)
    doc.on('update', (bytes) => raw.send(update(bytes)))
    doc.getMap('map').set('mine', true)
    await until('the refusal is read', () => raw.notices.some(({ type, reason }) => type === 'update_refused' && reason === 'role'))
    assert.equal(raw.acks.at(-1), 1)
    assert.equal(raw.messages.filter(({ type }) => type === AUTH).length, 0)
  })
}

test('[ACC-1] a viewer cannot change the canvas over HTTP either', async () => {
  const canvas = await server.canvas('Mine')
  const token = await server.token({ canvas, role: 'viewer' })
  const refused = [
    await server.call(`/v1/canvases/${canvas}`, { method: 'PATCH', json: { name: 'Yours' }, token }),
    await server.call(`/v1/canvases/${canvas}`, { method: 'DELETE', token }),
    await server.call('/v1/canvases', { method: 'POST', json: { name: 'New' }, token }),
  ]
  for (const response of refused) {
    assert.equal(response.status, 403)
    assert.match(response.headers.get('content-type'), /^application\/problem\+json/)
  }
  const read = await server.call(`/v1/canvases/${canvas}`, { token })
  assert.equal((await read.json()).name, 'Mine')
})

test('[ACC-4] a token for canvas A opens nothing of canvas B', async (t) => {
  const [a, b] = [await server.canvas('A'), await server.canvas('B')]
  const token = await server.token({ canvas: a, role: 'owner' })
  for (const path of [`/v1/canvases/${b}`, `/v1/canvases/${b}/presence`]) {
    const { status } = await server.call(path, { token })
    assert.ok(status === 403 || status === 404, `${path} answers ${status}`)
  }
  const { status } = await server.call(`/v1/canvases/${b}`, { method: 'PATCH', json: { name: 'Mine now' }, token })
  assert.ok(status === 403 || status === 404)
  const raw = await Raw.open(t, server, b, { params: { token } })
  assert.equal((await raw.closed()).code, 4403)
  assert.deepEqual(raw.messages.map(({ type }) => type), [AUTH], 'nothing but the refusal was sent')
  const own = new Y.Doc()
  const open = await Raw.open(t, server, a, { params: { token } })
  await open.join(own)
  assert.equal(content(own).canvas.name, 'A')
})

/**
 * What no honest client sends. Every frame must close the socket it came on, and nothing else: on the same canvas two
 * stock clients go on editing all the time. `SEED=…` repeats a run.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import * as Y from 'yjs'
import { AUTH, awarenessFrame, content, converged, frame, Raw, stock, SYNC, step1, update } from './client.mjs'
import { seeded } from './random.mjs'
import { DEADLINE, Server, until } from './server.mjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server.remove())

/** Two people who edit together; `goOn` proves that an edit of one still reaches the other, on the same connections. */
const bystanders = async (t) => {
  const canvas = await server.canvas('Under attack')
  const token = await server.token({ canvas, role: 'editor', sub: 'bystander' })
  const [one, other] = [stock(t, server, canvas, { token }), stock(t, server, canvas, { token })]
  await Promise.all([one.synced(), other.synced()])
  let edits = 0
  const goOn = async () => {
    const key = `edit ${++edits}`
    one.doc.getMap('map').set(key, 'by one')
    await until(`${key} arrives at the other`, () => other.doc.getMap('map').get(key) === 'by one')
    other.doc.getMap('map').set(key, 'by the other 🦤')
    await until('and back', () => one.doc.getMap('map').get(key) === 'by the other 🦤')
    assert.deepEqual([one.closes, other.closes], [[], []], `the bystanders keep their connections\n${server.log.slice(-2000)}`)
  }
  const attack = async () => {
    const params = { token: await attacker(canvas) }
    return Raw.open(t, server, canvas, { params })
  }
  await goOn()
  return { canvas, one, other, goOn, attack }
}

const tokens = new Map()
const attacker = (canvas) => {
  if (!tokens.has(canvas)) tokens.set(canvas, server.token({ canvas, role: 'editor', sub: 'mallory' }))
  return tokens.get(canvas)
}

/** Real updates of a document that knows nothing of the canvas: text, maps, arrays, deletions. */
const realUpdates = () => {
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', (bytes) => updates.push(bytes))
  doc.getText('attack').insert(0, 'words and 🦤')
  doc.getText('attack').delete(2, 3)
  doc.getMap('attack map').set('key', { any: ['value', 1, null, true, 2.5] })
  doc.getMap('attack map').set('inner', new Y.Map([['a', new Y.Array()]]))
  doc.getArray('attack array').push([1, 'two', new Y.Text('three')])
  doc.getText('attack').format(0, 3, { bold: true })
  updates.push(Y.encodeStateAsUpdate(doc))
  return updates
}

const named = [
  ['an empty frame', new Uint8Array()],
  ['an unknown message type', frame([77], Uint8Array.of(1))],
  ['an ack, which only the server sends', frame([8, 1])],
  ['a notice, which only the server sends', frame([5], new TextEncoder().encode('{}'))],
  ['an auth refusal, which only the server sends', frame([AUTH, 0], new TextEncoder().encode('go away'))],
  ['an unknown sync message', frame([SYNC, 9], Uint8Array.of(0))],
  ['a sync message without a body', frame([SYNC, 2])],
  ['a length of 2^53', Uint8Array.of(0, 2, 255, 255, 255, 255, 255, 255, 255, 15)],
  ['a length that goes on for ever', new Uint8Array(64).fill(255)],
  ['two messages in one frame', Uint8Array.of(...step1(new Y.Doc()), ...step1(new Y.Doc()))],
  ['a state vector of four thousand million entries', frame([SYNC, 0], Uint8Array.of(255, 255, 255, 255, 15))],
  ['an update of four thousand million clients', update(Uint8Array.of(255, 255, 255, 255, 15, 1, 1, 0))],
  ['an update of four thousand million deletions', update(Uint8Array.of(0, 1, 1, 255, 255, 255, 255, 15))],
  ['an awareness state of 9 KB', awarenessFrame([[5, 1, { text: 'x'.repeat(9000) }]])],
  ['values nested 10,000 deep', update(nested(10_000))],
]

/** An update that sets a map key to arrays in arrays: small, well-formed, and fatal for a recursive reader. */
function nested(depth) {
  const value = [...new Array(depth).fill([117, 1]).flat(), 127]
  // One client (9), one struct at clock 0: ContentAny with parent key "m" and sub key "k", then no deletions.
  return Uint8Array.of(1, 1, 9, 0, 0x28, 1, 1, 109, 1, 107, 1, ...value, 0)
}

for (const [what, bytes] of named) {
  test(`[LIM-2] closed with a reason, others undisturbed: ${what}`, async (t) => {
    const { goOn, attack } = await bystanders(t)
    const raw = await attack()
    raw.send(bytes)
    const { code, reason } = await raw.closed()
    assert.ok(code === 4400 || code === 4413, `${code} ${reason}`)
    assert.ok(reason.length > 0)
    assert.equal(raw.messages.at(-1).type, AUTH, 'the reason is also sent where stock providers look')
    assert.equal(raw.messages.at(-1).reason, reason)
    await goOn()
  })
}

test('[LIM-2] a text frame closes its socket with 4400', async (t) => {
  const { goOn, attack } = await bystanders(t)
  const raw = await attack()
  raw.send('hello')
  assert.equal((await raw.closed()).code, 4400)
  await goOn()
})

test('[LIM-2] an awareness state that is not JSON reaches others as an empty one', async (t) => {
  const { other, goOn, attack } = await bystanders(t)
  const raw = await attack()
  raw.send(frame([1], Uint8Array.of(1, 5, 1, 2, 123, 123)))
  await until('the state arrives', () => other.awareness.getStates().has(5))
  assert.deepEqual(other.awareness.getStates().get(5), { user: { id: 'mallory' } })
  await goOn()
})

/**
 * Sends frames that may or may not be legal by chance, each on its own socket, ended by one that never is. So every
 * socket has to end with 4400 or 4413, whatever the first frame was.
 *
 * With a `scene` the frames are forged changes of what is there. They can name neighbours that no editor could have had
 * (of another text, in the wrong order); what that text reads then depends, in Yjs itself, on the order in which things
 * arrive. So whole contents are compared only without one, and the work of the bystanders always.
 */
const barrage = async (t, frames, scene) => {
  const forged = scene !== undefined
  const { canvas, one, other, goOn, attack } = scene ?? (await bystanders(t))
  let refused = 0
  const AT_ONCE = 10
  for (let from = 0; from < frames.length; from += AT_ONCE) {
    await Promise.all(
      frames.slice(from, from + AT_ONCE).map(async (bytes) => {
        const raw = await attack()
        raw.send(bytes)
        raw.send('the end')
        const { code, reason } = await raw.closed()
        if (!reason.startsWith('a text frame')) refused++
        assert.ok(code === 4400 || code === 4413, `closed with ${code} after ${Buffer.from(bytes).toString('hex')}`)
      }),
    )
    await goOn()
  }
  t.diagnostic(`${frames.length} frames, ${refused} of them refused, the others legal by chance`)
  await converged([one.doc, other.doc])
  const late = stock(t, server, canvas, { token: await attacker(canvas) })
  await late.synced()
  if (!forged) await converged([one.doc, late.doc], 'who joins later gets the same content')
  const edits = () => content(one.doc).map
  await until('who joins later has the edits of the bystanders', () => isDeepStrictEqual(content(late.doc).map, edits()))
  for (const { provider } of [one, other, late]) provider.disconnect()
  await server.stop()
  await server.up()
  const reader = stock(t, server, canvas, { token: await attacker(canvas) })
  await reader.synced()
  if (!forged) await converged([late.doc, reader.doc], 'the journal holds the same content')
  await until('the journal has the edits of the bystanders', () => isDeepStrictEqual(content(reader.doc).map, edits()))
}

test('[LIM-2] random bytes', { timeout: 5 * DEADLINE }, async (t) => {
  const random = seeded(t)
  const frames = Array.from({ length: 300 }, () => {
    const bytes = random.bytes(1 + random.below(200))
    // Left alone, nearly all would stop at the first byte: lead most of them deeper.
    if (!random.once(4)) bytes[0] = random.pick([0, 0, 0, 1, 3])
    if (bytes[0] === 0 && bytes.length > 1) bytes[1] = random.below(3)
    if (bytes[0] === 0 && bytes.length > 3 && !random.once(3)) {
      const body = bytes.length - 3
      if (body < 128) bytes[2] = body
    }
    return bytes
  })
  await barrage(t, frames)
})

test('[LIM-2] truncated frames', { timeout: 5 * DEADLINE }, async (t) => {
  const whole = update(realUpdates().at(-1))
  const cut = Array.from({ length: whole.length }, (_, length) => whole.slice(0, length))
  const inside = Array.from({ length: 60 }, (_, n) => update(realUpdates().at(-1).slice(0, n)))
  await barrage(t, [...cut, ...inside])
})

test('[LIM-2] mutated real updates', { timeout: 5 * DEADLINE }, async (t) => {
  const random = seeded(t)
  const frames = Array.from({ length: 400 }, () => {
    const bytes = random.pick(realUpdates()).slice()
    for (let n = 1 + random.below(3); n > 0; n--) bytes[random.below(bytes.length)] = random.once(3) ? 255 : random.below(256)
    return frame([SYNC, random.once(4) ? 1 : 2], bytes)
  })
  await barrage(t, frames)
})

test('[LIM-2] mutated updates of the canvas itself', { timeout: 5 * DEADLINE }, async (t) => {
  const random = seeded(t)
  const scene = await bystanders(t)
  const { one, other } = scene
  // Something to hit: what the bystanders wrote, and what an editor who read it changes in it.
  one.doc.getText('text').insert(0, 'a text that others wrote 🦤 and 東京')
  one.doc.getArray('array').insert(0, [1, new Y.Map([['deep', new Y.Map([['er', new Y.Text('text')]])]]), 'x'])
  one.doc.getMap('blocks').set('b', new Y.Map([['type', 'narrative'], ['at', [0, 0]], ['size', [6, 4]], ['content', new Y.Map([['text', new Y.Text('hi')]])]]))
  await converged([one.doc, other.doc])
  const frames = []
  for (let n = 0; n < 40; n++) {
    const doc = new Y.Doc()
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(one.doc))
    doc.on('update', (bytes) => {
      for (let copies = 0; copies < 2; copies++) {
        const changed = bytes.slice()
        for (let times = 1 + random.below(2); times > 0; times--) changed[random.below(changed.length)] = random.below(256)
        frames.push(update(changed))
      }
    })
    doc.getText('text').insert(random.below(20), 'words')
    doc.getText('text').delete(random.below(15), 4)
    doc.getText('text').format(1, 7, { bold: true })
    doc.getArray('array').insert(1, ['new', new Y.Array()])
    doc.getArray('array').delete(0, 1)
    doc.getMap('blocks').get('b').set('at', [1, 1])
    doc.getMap('blocks').get('b').get('content').get('text').insert(1, '🦤')
    if (random.once(4)) doc.getMap('blocks').delete('b')
  }
  await barrage(t, frames, scene)
})

test('[LIM-1] an update over the limit is closed with 4413, and a stock client does not send it again', async (t) => {
  const { canvas, goOn } = await bystanders(t)
  const printed = []
  t.mock.method(console, 'warn', (...words) => printed.push(words.join(' ')))
  const client = stock(t, server, canvas, { token: await attacker(canvas) })
  await client.synced()
  client.doc.getText('text').insert(0, 'x'.repeat((1 << 20) + 1))
  await until('the provider is closed for good', () => client.closed)
  assert.equal(client.closed.code, 4413)
  assert.equal(client.provider.shouldConnect, false)
  assert.match(printed.join('\n'), /1048576/, 'the reason names the limit')
  await goOn()
})

test('[LIM-1] frames of 100 MB are closed with 4413 and cost the server next to nothing', { timeout: 5 * DEADLINE }, async (t) => {
  const { goOn, attack } = await bystanders(t)
  const before = server.peakMemory()
  const bytes = Buffer.alloc(100 << 20)
  bytes.set([0, 2])
  for (let n = 0; n < 3; n++) {
    const raw = await attack()
    raw.send(bytes)
    assert.equal((await raw.closed()).code, 4413)
    await goOn()
  }
  const grown = (server.peakMemory() - before) / (1 << 20)
  t.diagnostic(`peak memory grew by ${grown.toFixed(1)} MiB`)
  assert.ok(grown < 64, `peak memory grew by ${grown} MiB`)
})

/** Stock clients edit at random, lose their connections, and end with the same content everywhere. `SEED=…` repeats a run. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as Y from 'yjs'
import { content, converged, fingerprint, stock } from './client.mjs'
import { seeded } from './random.mjs'
import { DEADLINE, Server, until } from './server.mjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server.remove())

const WORDS = ['jabiru', 'Zürich ', '東京', '🦤', '👩‍🔬', '🇨🇭', 'é', ' a longer run of plain words, as people type them ', '\n', 'ﷺ', '𝒳']
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

/** Indices of `text` that do not cut a surrogate pair in half: where an editor can put a caret. */
const carets = (text) => [...text].reduce((all, char) => [...all, all.at(-1) + char.length], [0])

/** A plain value as applications keep them. */
const value = (random) =>
  random.pick([random.below(1e9), -0.25, true, null, '🦤 and text', [1, 'two', { three: 3 }], { x: random.below(100), y: '日' }])

const edits = {
  write(doc, random) {
    const text = doc.getText('text')
    text.insert(random.pick(carets(text.toString())), random.pick(WORDS))
  },
  erase(doc, random) {
    const text = doc.getText('text')
    const places = carets(text.toString())
    const from = random.below(places.length)
    const to = Math.min(places.length - 1, from + random.below(6))
    text.delete(places[from], places[to] - places[from])
  },
  format(doc, random) {
    const text = doc.getText('text')
    const places = carets(text.toString())
    const from = random.below(places.length)
    const to = Math.min(places.length - 1, from + random.below(8))
    text.format(places[from], places[to] - places[from], { bold: random.once(2) ? true : null })
  },
  set(doc, random) {
    doc.getMap('map').set(random.pick(KEYS), value(random))
  },
  unset(doc, random) {
    doc.getMap('map').delete(random.pick(KEYS))
  },
  nest(doc, random) {
    const map = doc.getMap('map')
    const inner = map.get('inner')
    if (inner instanceof Y.Map) inner.set(random.pick(KEYS), value(random))
    else map.set('inner', new Y.Map([['made', random.below(100)]]))
  },
  insert(doc, random) {
    const array = doc.getArray('array')
    const at = random.below(array.length + 1)
    array.insert(at, random.once(5) ? [new Y.Map([['nested', random.below(100)]])] : [value(random), value(random)])
  },
  remove(doc, random) {
    const array = doc.getArray('array')
    if (array.length > 0) array.delete(random.below(array.length), 1)
  },
  /** Blocks as the canvas keeps them: made, moved, typed into and deleted by several people at once. */
  block(doc, random) {
    const blocks = doc.getMap('blocks')
    const id = `block-${random.below(8)}`
    const block = blocks.get(id)
    if (block === undefined) {
      const text = new Y.Text('# New\n')
      const made = new Y.Map([
        ['type', 'narrative'],
        ['at', [random.below(6), random.below(40)]],
        ['size', [6, 4]],
        ['content', new Y.Map([['text', text]])],
      ])
      blocks.set(id, made)
    } else if (random.once(8)) blocks.delete(id)
    else if (random.once(2)) block.set('at', [random.below(6), random.below(40)])
    else {
      const text = block.get('content').get('text')
      text.insert(random.pick(carets(text.toString())), random.pick(WORDS))
    }
  },
}
const kinds = Object.values(edits)

/** One random change, sometimes several in one transaction. */
const change = (doc, random) =>
  doc.transact(() => {
    for (let n = random.once(6) ? 4 : 1; n > 0; n--) random.pick(kinds)(doc, random)
  })

/** Loses the connection as the network does: no close frame, nothing flushed. The provider comes back by itself. */
const lose = ({ provider }) => provider.ws?.terminate()

for (const run of [1, 2, 3]) {
  test(`[SYNC-1] five clients with random edits and disconnects converge, run ${run}`, { timeout: 3 * DEADLINE }, async (t) => {
    const random = seeded(t)
    const canvas = await server.canvas('Random edits')
    const token = await server.token({ canvas, role: 'editor' })
    const clients = Array.from({ length: 5 }, () => stock(t, server, canvas, { token, maxBackoffTime: 200 }))
    await Promise.all(clients.map((client) => client.synced()))

    for (let step = 0; step < 600; step++) {
      const client = random.pick(clients)
      change(client.doc, random)
      if (random.once(25)) lose(random.pick(clients))
      if (random.once(40)) random.pick(clients).provider.disconnect()
      if (random.once(20)) for (const { provider } of clients) provider.connect()
      // Lets sockets be read and written; how much arrives in between is up to the machine, as in life.
      if (random.once(3)) await new Promise((resolve) => setImmediate(resolve))
    }
    for (const { provider } of clients) provider.connect()
    await Promise.all(clients.map((client) => client.synced()))
    await converged(clients.map(({ doc }) => doc))

    const late = stock(t, server, canvas, { token })
    await late.synced()
    await converged([clients[0].doc, late.doc], 'who joins later gets the same content')
    assert.ok(late.doc.getText('text').length > 0 && late.doc.getArray('array').length > 0, 'the run edited something')

    // Formatting is not part of toString(): compare it as well.
    const deltas = new Set([...clients, late].map(({ doc }) => JSON.stringify(doc.getText('text').toDelta())))
    assert.equal(deltas.size, 1, 'formatting converges')
  })
}

test('[SYNC-1] text with emoji keeps every caret where it was put', async (t) => {
  const canvas = await server.canvas('Emoji')
  const token = await server.token({ canvas, role: 'editor' })
  const [one, other] = [stock(t, server, canvas, { token }), stock(t, server, canvas, { token })]
  await Promise.all([one.synced(), other.synced()])
  one.doc.getText('text').insert(0, '🦤🦤 the family 👩‍👩‍👧‍👦 in 東京 🇨🇭!')
  await converged([one.doc, other.doc])
  const text = one.doc.getText('text').toString()
  other.doc.getText('text').insert(text.indexOf('👩'), '<')
  one.doc.getText('text').insert(text.indexOf(' in'), '>')
  await converged([one.doc, other.doc])
  const late = stock(t, server, canvas, { token })
  await late.synced()
  await until('the late client has the text', () => late.doc.getText('text').length > 0)
  assert.equal(late.doc.getText('text').toString(), '🦤🦤 the family <👩‍👩‍👧‍👦> in 東京 🇨🇭!')
})

test('[SYNC-1] an emoji cut in half by one client leaves all clients with the same text', async (t) => {
  const canvas = await server.canvas('Half an emoji')
  const token = await server.token({ canvas, role: 'editor' })
  const [one, other] = [stock(t, server, canvas, { token }), stock(t, server, canvas, { token })]
  await Promise.all([one.synced(), other.synced()])
  one.doc.getText('text').insert(0, 'a🦤b🦤c')
  await converged([one.doc, other.doc])
  // Careless programs do this: index 2 is between the halves of the first emoji, 5 takes half of the second.
  one.doc.getText('text').insert(2, 'X')
  await converged([one.doc, other.doc])
  other.doc.getText('text').delete(6, 1)
  await converged([one.doc, other.doc])
  one.doc.getText('text').insert(one.doc.getText('text').length, ' end')
  await converged([one.doc, other.doc])
  const late = stock(t, server, canvas, { token })
  await late.synced()
  await converged([one.doc, other.doc, late.doc], 'who joins later gets the same content')
})

test('[SYNC-1] what was edited before the first connection arrives, and both sides merge', async (t) => {
  const canvas = await server.canvas('Edited before')
  const token = await server.token({ canvas, role: 'editor' })
  const one = stock(t, server, canvas, { token, connect: false })
  const other = stock(t, server, canvas, { token, connect: false })
  one.doc.getArray('array').push(['from one'])
  other.doc.getArray('array').push(['from the other'])
  one.provider.connect()
  other.provider.connect()
  await until('both have both', () => [one, other].every(({ doc }) => doc.getArray('array').length === 2))
  assert.equal(fingerprint(one.doc), fingerprint(other.doc))
})

test('[SYNC-1] two canvases do not leak into each other', async (t) => {
  const [first, second] = [await server.canvas('First'), await server.canvas('Second')]
  const token = await server.token({ role: 'editor' })
  const a = stock(t, server, first, { token })
  const b = stock(t, server, second, { token })
  // The same client id on both: nothing may be keyed by it alone.
  const twin = new Y.Doc()
  twin.clientID = a.doc.clientID
  const c = stock(t, server, second, { token, doc: twin })
  await Promise.all([a.synced(), b.synced(), c.synced()])
  a.awareness.setLocalState({ where: 'first' })
  c.awareness.setLocalState({ where: 'second' })
  a.doc.getMap('map').set('canvas', 'first')
  b.doc.getMap('map').set('canvas', 'second')
  await until('the second canvas has its own', () => c.doc.getMap('map').get('canvas') === 'second')
  await until('presence of the second canvas', () => b.awareness.getStates().get(twin.clientID)?.where === 'second')
  const reader = stock(t, server, first, { token })
  await reader.synced()
  await until('the first canvas has its own', () => reader.doc.getMap('map').get('canvas') === 'first')
  await until('presence of the first canvas', () => reader.awareness.getStates().get(a.doc.clientID)?.where === 'first')
  assert.equal(content(a.doc).canvas.name, 'First')
  assert.equal(content(b.doc).canvas.name, 'Second')
  assert.equal(a.doc.getMap('map').get('canvas'), 'first')
  assert.equal(reader.awareness.getStates().size, 2, 'a and the reader itself, nobody of the other canvas')
})

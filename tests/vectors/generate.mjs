// Makes wire.json: frames written by the real yjs, y-protocols and lib0, each with what it means. Rust and
// TypeScript tests read it; it changes only when the protocol does.
//
//   npm --prefix web-client ci && node tests/vectors/generate.mjs
//
// Random and time have no part in it: client ids are given, so the output is the same every time.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(new URL('../../web-client/package.json', import.meta.url))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
// The CommonJS builds of all of them, so that there is one Yjs.
const { default: Y } = await load('yjs')
const { default: sync } = await load('y-protocols/sync')
const { default: awarenessProtocol } = await load('y-protocols/awareness')
const { default: auth } = await load('y-protocols/auth')
const { default: encoding } = await load('lib0/encoding')

const SYNC = 0, AWARENESS = 1, AUTH = 2, QUERY_AWARENESS = 3, NOTICE = 5, ACK = 8

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const frame = (write) => {
  const encoder = encoding.createEncoder()
  write(encoder)
  return hex(encoding.toUint8Array(encoder))
}
const doc = (clientID, edit) => {
  const made = new Y.Doc()
  made.clientID = clientID
  if (edit) made.transact(() => edit(made))
  return made
}
const apply = (target, ...sources) => {
  for (const source of sources) Y.applyUpdate(target, Y.encodeStateAsUpdate(source))
  return target
}

const vectors = []
const both = ['client', 'server']
const add = (name, from, hexFrame, meaning) => vectors.push({ name, from, frame: hexFrame, meaning })
const update = (name, made, meaning = {}) => {
  const bytes = Y.encodeStateAsUpdate(made)
  add(name, both, frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, bytes)
  }), { type: 'update', update: hex(bytes), json: made.toJSON(), ...meaning })
}

// --- documents -------------------------------------------------------------------------------------------

const text = doc(1, (d) => d.getText('text').insert(0, 'Hello, wörld'))
const emoji = doc(0xffffffff, (d) => {
  const t = d.getText('text')
  t.insert(0, 'a👩‍👩‍👧‍👦b🦤c')
  t.insert(1, '🐦')
  t.delete(t.length - 1, 1)
})
const formatted = doc(7, (d) => {
  const t = d.getText('text')
  t.insert(0, 'plain bold')
  t.format(6, 4, { bold: true, note: { author: 'Ann', tags: ['a', 'b'] } })
  t.insertEmbed(0, { image: 'dodo.png', size: [1, 2] })
})
const map = doc(42, (d) => {
  const m = d.getMap('map')
  m.set('string', 'x')
  m.set('integer', 12)
  m.set('negative', -70000)
  m.set('large', 2 ** 52)
  m.set('float', 0.1)
  m.set('half', 1.5)
  m.set('yes', true)
  m.set('no', false)
  m.set('nothing', null)
  m.set('undefined', undefined)
  m.set('bytes', new Uint8Array([0, 1, 254, 255]))
  m.set('list', [1, [2, [3, { four: 4 }]], 'five'])
  m.set('object', { a: { b: { c: [] } }, d: {} })
  m.set('string', 'y')
  m.delete('yes')
})
const bigint = doc(43, (d) => d.getMap('map').set('big', 2n ** 60n))
const array = doc(44, (d) => {
  const a = d.getArray('array')
  a.insert(0, [1, 'two', { three: 3 }, [4]])
  a.insert(2, [new Y.Map([['inside', 'a map']]), new Y.Text('a text')])
  a.delete(0, 1)
})
const xml = doc(45, (d) => {
  const fragment = d.getXmlFragment('xml')
  const paragraph = new Y.XmlElement('paragraph')
  paragraph.setAttribute('align', 'left')
  paragraph.insert(0, [new Y.XmlText('some text'), new Y.XmlElement('br')])
  fragment.insert(0, [paragraph])
})
const nested = doc(46, (d) => {
  let inner = d.getMap('map')
  for (let i = 0; i < 12; i++) inner = inner.set(`level ${i}`, new Y.Map())
  inner.set('bottom', new Y.Text('deep'))
})
const canvas = doc(47, (d) => {
  const chart = d.getMap('blocks').set('block_1', new Y.Map())
  chart.set('type', 'chart')
  chart.set('at', [0, 0])
  chart.set('size', [6, 4])
  const content = chart.set('content', new Y.Map())
  content.set('title', 'Sales by region')
  content.set('style', new Y.Map([['colors', ['#1f77b4', '#ff7f0e']]]))
  const narrative = d.getMap('blocks').set('block_2', new Y.Map())
  narrative.set('type', 'narrative')
  narrative.set('content', new Y.Map()).set('text', new Y.Text('## Ünsights 🦤'))
})

update('text', text, { items: 1, deletes: 0, root_keys: 0, types: 0 })
update('text with emoji and a deletion', emoji)
update('formatted text with an embed', formatted)
update('map with every kind of value', map)
update('map with a bigint', bigint, { json: null })
update('array with nested types', array, { types: 2 })
update('xml', xml, { types: 3 })
update('nested maps', nested, { types: 13 })
update('a canvas with two blocks', canvas, { root_keys: 2, types: 6 })
update('an empty update', doc(48), { items: 0, deletes: 0 })

{
  const left = apply(doc(50), text)
  left.getText('text').insert(5, ' there')
  const right = apply(doc(51), text)
  right.getText('text').delete(0, 5)
  update('three clients, edited at the same time', apply(doc(52), left, right))
}
{
  const gone = doc(53, (d) => d.getMap('blocks').set('block_1', new Y.Map([['content', new Y.Map([['a', 1]])]])))
  gone.getMap('blocks').delete('block_1')
  update('a block that was deleted, with collected items', gone)
}
{
  // Two edits without the one between them: what mergeUpdates makes of them has a gap.
  const updates = []
  const d = doc(54)
  d.on('update', (u) => updates.push(u))
  for (const word of ['one ', 'two ', 'three ']) d.getText('text').insert(0, word)
  const bytes = Y.mergeUpdates([updates[0], updates[2]])
  add('an update with a gap', both, frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, bytes)
  }), { type: 'update', update: hex(bytes), items: 3, json: null })
}
{
  const d = doc(Number.MAX_SAFE_INTEGER, (made) => made.getText('text').insert(0, 'x'))
  update('the largest client id', d, { client: Number.MAX_SAFE_INTEGER })
}

// --- sync ------------------------------------------------------------------------------------------------

for (const [name, made] of [['an empty document', doc(60)], ['a document of three clients', apply(doc(61), text, map, emoji)]]) {
  add(`sync step 1 of ${name}`, both, frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeSyncStep1(e, made)
  }), { type: 'sync_step1', state_vector: hex(Y.encodeStateVector(made)) })
}
add('sync step 2 of a canvas', both, frame((e) => {
  encoding.writeVarUint(e, SYNC)
  sync.writeSyncStep2(e, canvas)
}), { type: 'sync_step2', update: hex(Y.encodeStateAsUpdate(canvas)), json: canvas.toJSON() })

// --- awareness -------------------------------------------------------------------------------------------

const awareness = (name, states, clients = [...states.keys()]) => {
  const on = new awarenessProtocol.Awareness(doc(70))
  clearInterval(on._checkInterval)
  on.states.clear()
  const entries = []
  for (const client of clients) {
    const [clock, state] = states.get(client)
    on.meta.set(client, { clock, lastUpdated: 0 })
    if (state !== null) on.states.set(client, state)
    entries.push({ client, clock, state: state === null ? null : JSON.stringify(state) })
  }
  add(name, both, frame((e) => {
    encoding.writeVarUint(e, AWARENESS)
    encoding.writeVarUint8Array(e, awarenessProtocol.encodeAwarenessUpdate(on, clients))
  }), { type: 'awareness', entries })
}
awareness('awareness of one client', new Map([[1, [0, {}]]]))
awareness('awareness of several clients, one gone', new Map([
  [1, [3, { user: { id: 'u1', name: 'Änn 🦤', color: '#f00' }, pointer: { block: 'block_1', fx: 0.5, fy: 0.25 } }]],
  [0xffffffff, [4000000000, null]],
  [Number.MAX_SAFE_INTEGER, [1, { selection: ['block_1'], drag: null, text: 'a " [ { \\ quote' }]],
]))
awareness('keepalive: awareness of nobody', new Map())
add('query awareness', both, frame((e) => encoding.writeVarUint(e, QUERY_AWARENESS)), { type: 'query_awareness' })

// --- from the server only --------------------------------------------------------------------------------

add('auth refusal', ['server'], frame((e) => {
  encoding.writeVarUint(e, AUTH)
  auth.writePermissionDenied(e, 'This link has expired. Ask Änn for a new one.')
}), { type: 'refusal', reason: 'This link has expired. Ask Änn for a new one.' })
for (const n of [0, 1, 127, 128, 300, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
  add(`ack of ${n}`, ['server'], frame((e) => {
    encoding.writeVarUint(e, ACK)
    encoding.writeVarUint(e, n)
  }), { type: 'ack', n })
}
const notice = JSON.stringify({ type: 'read_only', reason: 'store_unavailable', message: 'Saving is paused 🦤' })
add('notice', ['server'], frame((e) => {
  encoding.writeVarUint(e, NOTICE)
  encoding.writeVarString(e, notice)
}), { type: 'notice', json_text: notice })

// --- what must be refused --------------------------------------------------------------------------------

const refused = []
const refuse = (name, hexFrame) => refused.push({ name, frame: hexFrame })
{
  const d = doc(80)
  d.getMap('map').set('sub', new Y.Doc({ guid: 'sub' }))
  refuse('a sub-document', frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, Y.encodeStateAsUpdate(d))
  }))
}
{
  const d = doc(81, (made) => made.getXmlFragment('xml').insert(0, [new Y.XmlHook('hook')]))
  refuse('an XML hook', frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, Y.encodeStateAsUpdate(d))
  }))
}
{
  let value = 1
  for (let i = 0; i < 65; i++) value = [value]
  refuse('a value nested 65 deep', frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, Y.encodeStateAsUpdate(doc(82, (d) => d.getMap('map').set('deep', value))))
  }))
}
{
  const d = doc(83, (made) => {
    let inner = made.getMap('map')
    for (let i = 0; i < 65; i++) inner = inner.set('k', new Y.Map())
  })
  refuse('maps nested 65 deep', frame((e) => {
    encoding.writeVarUint(e, SYNC)
    sync.writeUpdate(e, Y.encodeStateAsUpdate(d))
  }))
}
refuse('an update in the v2 encoding', frame((e) => {
  encoding.writeVarUint(e, SYNC)
  sync.writeUpdate(e, Y.encodeStateAsUpdateV2(text))
}))
refuse('an auth refusal from a client', vectors.find((v) => v.name === 'auth refusal').frame)
refuse('an ack from a client', vectors.find((v) => v.name === 'ack of 1').frame)
refuse('two messages in one frame', '0101000101'.concat('00'))

writeFileSync(new URL('wire.json', import.meta.url), `${JSON.stringify({
  about: 'Made by generate.mjs from yjs, y-protocols and lib0. Frames are hex; `from` says who may send one.',
  versions: Object.fromEntries(['yjs', 'y-protocols', 'lib0'].map((name) =>
    [name, JSON.parse(readFileSync(new URL(`../../web-client/node_modules/${name}/package.json`, import.meta.url))).version])),
  vectors,
  refused,
}, (_, value) => (typeof value === 'bigint' ? Number(value) : value), 1)}\n`)

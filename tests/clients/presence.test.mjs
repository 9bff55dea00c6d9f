/** Presence through stock clients: who is seen, who goes, and whose name stands on it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { AWARENESS, awarenessFrame, Raw, stock } from './client.mjs'
import { Server, until } from './server.mjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server.remove())

/** A client of its own person on a canvas. */
const person = async (t, canvas, name, role = 'editor') => {
  const client = stock(t, server, canvas, { token: await server.token({ canvas, role, sub: name, name }) })
  await client.synced()
  return client
}
const seen = (viewer, subject) => viewer.awareness.getStates().get(subject.doc.clientID)

test('[AW-1] every client sees the states of all, and the newest of each', async (t) => {
  const canvas = await server.canvas()
  const people = [await person(t, canvas, 'ada'), await person(t, canvas, 'ben'), await person(t, canvas, 'cleo')]
  for (const [index, { awareness }] of people.entries()) awareness.setLocalState({ pointer: { block: null, fx: index, fy: 0 } })
  await until('all see all', () =>
    people.every((viewer) => people.every((subject, index) => seen(viewer, subject)?.pointer?.fx === index)),
  )
  people[0].awareness.setLocalStateField('pointer', { block: 'b', fx: 0.5, fy: 0.5 })
  await until('the others see the change', () => people.slice(1).every((viewer) => seen(viewer, people[0]).pointer.block === 'b'))
  const late = await person(t, canvas, 'dora')
  await until('who comes later sees everybody', () => people.every((subject) => seen(late, subject) !== undefined))
})

test('[AW-1] a burst of states costs others at most 30 frames a second and ends at the newest', async (t) => {
  const canvas = await server.canvas()
  const mover = await person(t, canvas, 'ada')
  const watcher = await Raw.open(t, server, canvas, { params: { token: await server.token({ canvas, role: 'viewer' }) } })
  await watcher.join()
  const states = new awarenessProtocol.Awareness(new Y.Doc())
  t.after(() => states.destroy())
  let applied = 0
  const newest = () => {
    for (; applied < watcher.messages.length; applied++) {
      const message = watcher.messages[applied]
      if (message.type === AWARENESS) awarenessProtocol.applyAwarenessUpdate(states, message.body, null)
    }
    return states.getStates().get(mover.doc.clientID)
  }
  const start = Date.now()
  const BURST = 500
  for (let n = 1; n <= BURST; n++) {
    mover.awareness.setLocalState({ n })
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the newest state arrives', () => newest()?.n === BURST)
  const seconds = (Date.now() - start) / 1000
  const frames = watcher.messages.filter(({ type }) => type === AWARENESS).length
  assert.ok(frames <= 30 * seconds + 3, `${frames} frames in ${seconds} s`)
})

test('[AW-3] leaving and losing the socket remove the state for everybody', async (t) => {
  const canvas = await server.canvas()
  const [stays, leaves, drops] = [await person(t, canvas, 'ada'), await person(t, canvas, 'ben'), await person(t, canvas, 'cleo')]
  for (const { awareness } of [stays, leaves, drops]) awareness.setLocalState({ here: true })
  await until('all are here', () => seen(stays, leaves) && seen(stays, drops))
  leaves.provider.disconnect()
  await until('who left is gone', () => !seen(stays, leaves))
  assert.ok(seen(stays, drops), 'and nobody else')
  drops.provider.shouldConnect = false
  drops.provider.ws.terminate()
  await until('who lost the socket is gone', () => !seen(stays, drops))
  leaves.provider.connect()
  await until('who comes back is seen again', () => seen(stays, leaves)?.here)
})

test('[AW-3] a state that is not renewed is removed', async (t) => {
  const short = await Server.start({ args: ['--presence-timeout-seconds', '1'] })
  t.after(() => short.remove())
  const canvas = await short.canvas()
  const token = await short.token({ canvas, role: 'editor' })
  const watcher = stock(t, short, canvas, { token })
  await watcher.synced()
  const silent = await Raw.open(t, short, canvas, { params: { token } })
  await silent.join()
  silent.send(awarenessFrame([[4242, 1, { user: { name: 'Silent' } }]]))
  await until('the silent client is seen', () => watcher.awareness.getStates().has(4242))
  await until('the silent client is gone', () => !watcher.awareness.getStates().has(4242))
  assert.equal(silent.closing, null, 'its connection stays')
})

test('[AW-2] user.id is stamped by the server from the token', async (t) => {
  const canvas = await server.canvas()
  const [honest, liar] = [await person(t, canvas, 'ada'), await person(t, canvas, 'mallory')]
  liar.awareness.setLocalState({ user: { id: 'ada', name: 'Ada', color: '#123456' } })
  await until('the liar is seen', () => seen(honest, liar))
  assert.equal(seen(honest, liar).user.id, 'mallory')
  liar.awareness.setLocalState({ user: 'not an object', pointer: null })
  await until('the second state is seen', () => 'pointer' in seen(honest, liar))
  assert.equal(seen(honest, liar).user?.id, 'mallory')
})

test('[AW-2] the state of another client cannot be overwritten or removed', async (t) => {
  const canvas = await server.canvas()
  const [victim, watcher] = [await person(t, canvas, 'ada'), await person(t, canvas, 'ben')]
  victim.awareness.setLocalState({ user: { name: 'Ada' }, n: 1 })
  await until('the victim is seen', () => seen(watcher, victim)?.n === 1)
  const attacker = await Raw.open(t, server, canvas, { params: { token: await server.token({ canvas, role: 'editor', sub: 'mallory' }) } })
  await attacker.join()
  const victimId = victim.doc.clientID
  attacker.send(awarenessFrame([[victimId, 2 ** 31, { user: { name: 'Not Ada' }, n: 666 }], [777, 1, { mark: 1 }]]))
  await until('the attacker itself is seen', () => watcher.awareness.getStates().get(777)?.mark === 1)
  assert.equal(seen(watcher, victim).n, 1)
  attacker.send(awarenessFrame([[victimId, 2 ** 31, null], [777, 2, { mark: 2 }]]))
  await until('the attacker is seen again', () => watcher.awareness.getStates().get(777)?.mark === 2)
  assert.equal(seen(watcher, victim).n, 1)
  victim.awareness.setLocalState({ user: { name: 'Ada' }, n: 2 })
  await until('the victim goes on', () => seen(watcher, victim)?.n === 2)
})

test('[AW-5] a viewer has presence', async (t) => {
  const canvas = await server.canvas()
  const [editor, viewer] = [await person(t, canvas, 'ada'), await person(t, canvas, 'vera', 'viewer')]
  viewer.awareness.setLocalState({ pointer: { block: null, fx: 0.1, fy: 0.2 } })
  editor.awareness.setLocalState({ pointer: null })
  await until('both see each other', () => seen(editor, viewer)?.pointer?.fx === 0.1 && seen(viewer, editor))
})

test('[AW-4] who is here can be asked over HTTP', async (t) => {
  const canvas = await server.canvas()
  const ada = await person(t, canvas, 'ada')
  ada.awareness.setLocalState({ user: { name: 'ada' }, selection: ['b1'], cursor: null })
  const items = async () => (await (await server.call(`/v1/canvases/${canvas}/presence`)).json()).items
  await until('ada is listed', async () => (await items()).some(({ user_id }) => user_id === 'ada'))
  ada.provider.disconnect()
  await until('ada is not listed any more', async () => (await items()).length === 0)
})

/**
 * `@y/websocket-server` that stores its documents, put together as its page and that of y-leveldb say: `setPersistence` with a LevelDB.
 * `servers.mjs` copies this file to where both are installed. HOST and PORT as for the published command; the argument is the
 * database's folder.
 */
import { createServer } from 'node:http'
import { setPersistence, setupWSConnection } from '@y/websocket-server/utils'
import WebSocket from 'ws'
import { LeveldbPersistence } from 'y-leveldb'
import * as Y from 'yjs'

const database = new LeveldbPersistence(process.argv[2])
setPersistence({
  provider: database,
  bindState: async (name, doc) => {
    const stored = await database.getYDoc(name)
    // Nothing waits between these: an edit that came in between would be stored by nobody.
    void database.storeUpdate(name, Y.encodeStateAsUpdate(doc))
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(stored))
    doc.on('update', (update) => void database.storeUpdate(name, update))
  },
  writeState: () => Promise.resolve(),
})

const sockets = new WebSocket.Server({ noServer: true })
sockets.on('connection', setupWSConnection)
const server = createServer((_request, response) => response.end('okay'))
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request))
})
server.listen(Number(process.env.PORT), process.env.HOST)

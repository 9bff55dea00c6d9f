/**
 * The curves: what grows, over which sizes, what is measured at each, and how fast each figure may grow.
 *
 * A curve gets `start(flags)`, which starts a fresh {@link Server}; at each size `measure` returns figures by name,
 * perhaps `x`, the size as it came out, and perhaps `notes`. `most` of a figure is the exponent that it has when the cost of everything
 * together grows in proportion: 0 where it is for one of something, 1 where it is for all of them, 2 where everybody sees everybody.
 */
/**
 * A running server; see `server.mjs`.
 * @typedef {import('./server.mjs').Server} Server
 */

const million = 1e6

/** Updates a second of the writer in a room that grows. */
const WRITES = 20
/** Moves a second of each client where all move: the largest room then still fits on two cores beside its generator. */
const MOVES = 0.5
/** Updates a second over all rooms, where there are many. */
const SPREAD = 100
/** People in a room, where connections grow. */
const PEOPLE = 10
/** Seconds in which a silent connection hears once from the server: measured whole, or how many joined when decides; or not at all. */
const KEEPALIVE = 15
const NO_KEEPALIVE = ['--keepalive-seconds', '3600']
/** Of a document: an edit of this many characters makes so many bytes, and one block holds so many. */
const CHARACTERS = 200
const EDIT_BYTES = 181
const BLOCK_BYTES = 50_000
/** One update of those that write it: well below what one may have, and large enough that writing does not take minutes. */
const UPDATE_BYTES = 33_000
/** Documents of up to this size are opened three times instead of once. */
const SMALL_BYTES = 5e6
/** A room with nobody in it is to be closed soon, or stay until others come at once. */
const SOON = ['--room-idle-seconds', '1']
const LATER = ['--room-idle-seconds', '3']
/** No folding while an update is measured: what a fold costs is a figure of its own. */
const UNFOLDED = ['--compact-entries', '1000000', '--compact-bytes', '1000000000']

const seconds = (quick, full) => ['--seconds', String(quick ? 1 : full), '--warmup', String(quick ? 0.3 : 1)]
const micros = (server, count) => (server.cpu_seconds / count) * million

/** What makes a report's figures doubtful. */
const doubts = ({ connections, traffic, generator_cpu_cores: generator }) => [
  ...(connections.failed + connections.lost > 0 ? [`${connections.failed + connections.lost} of ${connections.wanted} connections failed`] : []),
  ...(traffic?.missing > 0 ? [`${traffic.missing} of ${traffic.expected} deliveries did not come`] : []),
  ...(generator > 0.9 ? ['the generator was at its own limit: latency is its own, and less came than could'] : []),
]

/** By name, which is also that of the plot. */
export const CURVES = {
  clients: {
    title: `Clients in one room, one of them writes ${WRITES} updates a second`,
    size: 'clients',
    sizes: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
    quick: [1, 10, 100],
    connections: (size) => size,
    figures: {
      update: { title: 'CPU of one update, shown to all, µs', most: 1 },
      delivery: { title: 'CPU of one delivery, µs', most: 0 },
      p99: { title: 'Latency p99, ms', most: 1 },
    },
    measure: async ({ size, quick, start }) => {
      const server = await start()
      const room = ['--rooms', '1', '--clients', String(size), '--writers', '1', '--rate', String(WRITES)]
      const report = await server.load(['fanout', ...room, ...seconds(quick, 5)])
      const { traffic, server: used, seconds: window } = report
      return {
        update: micros(used, traffic.sent_per_second * window),
        delivery: size > 1 ? micros(used, traffic.delivered_per_second * window) : undefined,
        p99: traffic.latency_ms?.p99,
        notes: doubts(report),
      }
    },
  },
  presence: {
    title: `Clients in one room, each moves its cursor ${MOVES} times a second`,
    size: 'clients',
    sizes: [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
    quick: [2, 20, 100],
    connections: (size) => size,
    figures: {
      room: { title: 'CPU of the room, ms a second', most: 2 },
      state: { title: 'CPU of one state shown to one client, µs', most: 0 },
      p99: { title: 'Age of a cursor p99, ms', most: 1 },
      shown: { title: 'Of all states shown, %', plotted: false },
    },
    measure: async ({ size, quick, start }) => {
      const server = await start()
      const room = ['--rooms', '1', '--clients', String(size), '--rate', String(MOVES)]
      const report = await server.load(['presence', ...room, ...seconds(quick, 4)])
      const { traffic, server: used, seconds: window } = report
      return {
        room: used.cpu_cores * 1000,
        state: micros(used, traffic.delivered_per_second * window),
        p99: traffic.latency_ms?.p99,
        shown: (traffic.delivered / (traffic.sent * (size - 1))) * 100,
        notes: doubts(report),
      }
    },
  },
  rooms: {
    title: 'Rooms with one connection each',
    size: 'rooms',
    sizes: [1, 10, 100, 1000, 5000, 20_000],
    quick: [1, 10, 100],
    connections: (size) => size,
    figures: {
      rss: { title: 'RSS of a room with its connection, KB', most: 0 },
      open: { title: 'CPU of opening and joining one, ms', most: 0 },
      idle: { title: 'CPU while nothing happens, ms a second', most: 0 },
      update: { title: `CPU of one update, ${SPREAD} a second over all rooms, µs`, most: 0 },
    },
    measure: async ({ size, quick, start }) => {
      // What a connection costs is the last curve's.
      const server = await start(NO_KEEPALIVE)
      const rooms = ['--rooms', String(size), '--clients', '1']
      const idle = await server.load(['idle', ...rooms, '--keep', server.file('rooms'), ...seconds(quick, 5)])
      const writers = ['--rooms-file', server.file('rooms'), '--clients', '1', '--writers', '1', '--rate', String(SPREAD / size)]
      const written = await server.load(['fanout', ...writers, ...seconds(quick, 5)], { made: true })
      return {
        rss: idle.server.rss_per_connection / 1000,
        open: (idle.server.cpu_seconds_before / size) * 1000,
        idle: idle.server.cpu_cores * 1000,
        update: micros(written.server, written.traffic.sent_per_second * written.seconds),
        notes: [...doubts(idle), ...doubts(written)],
      }
    },
  },
  documents: {
    title: 'One document',
    size: 'bytes of the document',
    sizes: [10e3, 100e3, 1e6, 5e6, 20e6, 50e6],
    quick: [10e3, 1e6],
    connections: () => 2,
    figures: {
      unloaded: { title: 'Opening after it was unloaded, ms', most: 1 },
      restarted: { title: 'Opening after a restart, ms', most: 1 },
      warm: { title: 'Joining while it is open, ms', most: 1 },
      rss: { title: 'RSS for each byte of it, bytes', most: 0 },
      update: { title: 'CPU of one small update in it, µs', most: 0 },
      fold: { title: 'CPU of folding its journal, ms', most: 1 },
    },
    measure: async ({ size, quick, start }) => {
      const ops = Math.round(size / EDIT_BYTES)
      const document = ['--ops', ops, '--blocks', Math.ceil(size / BLOCK_BYTES), '--updates', Math.ceil(size / UPDATE_BYTES), '--chars', CHARACTERS]
      const count = size <= SMALL_BYTES ? 3 : 1
      const server = await start(SOON)
      const { filled } = await server.load(['fill', '--rooms', String(count), '--keep', server.file('rooms'), ...document.map(String)])
      const whole = ['--filled', '--expect-bytes', String(Math.floor(filled.bytes / 2))]
      const open = async (rooms) => {
        const report = await server.load(['cold-open', '--rooms-file', rooms, ...whole], { made: true })
        if (report.connections.failed > 0) throw new Error(`the document could not be opened: ${Object.keys(report.errors)[0]}`)
        return { ms: report.connections.synced_ms.p50, rss: report.server.rss_end - report.server.rss_before }
      }
      await server.closed()
      const unloaded = await open(server.file('rooms'))
      await server.restart([...LATER, ...UNFOLDED])
      const restarted = await open(server.file('rooms'))
      const warm = await open(server.first('rooms', 5))
      const one = ['--rooms-file', server.first('rooms', 1), '--clients', '2', '--writers', '1', '--rate', '50']
      const written = await server.load(['fanout', ...one, ...seconds(quick, 5)], { made: true })
      // What was written makes a fold worth while when the room is unloaded, which is all that happens now.
      const folded = await server.closed()
      return {
        x: filled.bytes,
        unloaded: unloaded.ms,
        restarted: restarted.ms,
        warm: warm.ms,
        rss: restarted.rss / count / filled.bytes,
        update: micros(written.server, written.traffic.sent_per_second * written.seconds),
        fold: folded * 1000,
        notes: doubts(written),
      }
    },
  },
  connections: {
    title: `Connections, ${PEOPLE} in each room`,
    size: 'connections',
    sizes: [100, 1000, 5000, 20_000],
    quick: [100, 200],
    connections: (size) => size,
    figures: {
      rss: { title: 'RSS of a connection with presence and a tenth of a room, KB', most: 0 },
      idle: { title: 'CPU while all only renew their presence, ms a second', most: 1 },
      delivery: { title: `CPU of one delivery, ${SPREAD} updates a second in all, µs`, most: 0 },
    },
    measure: async ({ size, quick, start }) => {
      const server = await start()
      const rooms = Math.floor(size / PEOPLE)
      const crowd = ['--clients', String(PEOPLE)]
      const held = ['--presence', '--keep', server.file('rooms'), '--rooms', String(rooms)]
      const idle = await server.load(['idle', ...crowd, ...held, ...seconds(quick, KEEPALIVE)])
      await server.restart(NO_KEEPALIVE)
      const writers = ['--rooms-file', server.file('rooms'), '--writers', '1', '--rate', String(SPREAD / rooms)]
      const written = await server.load(['fanout', ...crowd, ...writers, ...seconds(quick, 5)], { made: true })
      return {
        x: rooms * PEOPLE,
        rss: idle.server.rss_per_connection / 1000,
        idle: idle.server.cpu_cores * 1000,
        delivery: micros(written.server, written.traffic.delivered_per_second * written.seconds),
        notes: [...doubts(idle), ...doubts(written)],
      }
    },
  },
}

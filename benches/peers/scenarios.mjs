/**
 * What is run against each server, and the rows of the table that come of it.
 *
 * A scenario gets `load(args, options)`, which runs the generator against the running server and resolves to its report, and returns
 * figures by name, and perhaps a note on them. Sizes are the table's; `quick` ones show that everything works and nothing else.
 */

/** @typedef {{ quick: boolean, server: import('./servers.mjs').Running, load: (args: string[], options?: object) => Promise<any> }} Run */

const seconds = (quick, full, short = 2) => ['--seconds', String(quick ? short : full), '--warmup', String(quick ? 0.5 : 3)]
const million = 1e6
/** The limits keep no document. */
const WITH_DOCUMENTS = ['Jabiru', 'y-sweet', 'y-websocket-server']
/** What everybody in a room of `clients` moving at 30 Hz should see of the others, moves a second, as a part of which `traffic` is. */
const shown = (clients, traffic) => (traffic.delivered_per_second / (clients * (clients - 1) * 30)) * 100

/** By name: `options` of the server's start, and what is done. `only`: servers for which it makes sense. */
export const SCENARIOS = {
  fanout: {
    run: async ({ quick, load }) => {
      const { traffic, server, durable_ms } = await load(['fanout', '--rooms', '10', '--clients', '50', '--writers', '5', '--rate', '10', ...seconds(quick, 10)])
      return {
        per_cpu_second: server.deliveries_per_cpu_second,
        cpu_per_million: server.cpu_seconds_per_million_deliveries,
        kernel: server.system_share * 100,
        p50: traffic.latency_ms.p50,
        p99: traffic.latency_ms.p99,
        durable_p99: durable_ms?.p99,
        missing: traffic.missing,
      }
    },
  },
  saturate: {
    run: async ({ quick, load }) => {
      const { saturation, server } = await load(['saturate', '--rooms', '20', '--clients', '50', '--writers', '5', ...seconds(quick, 3, 1)])
      if (saturation.best === null) throw new Error(`no rate held: ${saturation.stopped}`)
      const note = saturation.is_generator_bound ? 'the generator was at its own limit; the server may do more' : undefined
      return { most: saturation.best, cpu_per_million: server.cpu_seconds_per_million_deliveries, note }
    },
  },
  presence: {
    run: async ({ quick, load }) => {
      const { traffic, server } = await load(['presence', '--rooms', '1', '--clients', '100', '--rate', '30', ...seconds(quick, 10)])
      return { cpu_ms: server.cpu_ms_per_client_second, p99: traffic.latency_ms?.p99, shown: shown(100, traffic) }
    },
  },
  'presence-500': {
    only: ['limit-33', 'Jabiru'],
    run: async ({ quick, load }) => {
      const { traffic, server } = await load(['presence', '--rooms', '1', '--clients', '500', '--rate', '30', ...seconds(quick, 5)])
      return { cores: server.cpu_cores, p99: traffic.latency_ms?.p99, shown: shown(500, traffic) }
    },
  },
  idle: {
    run: async ({ quick, load, again }) => {
      const [rooms, clients] = quick ? [50, 10] : [500, 10]
      const args = ['idle', '--seconds', '3', '--warmup', '1']
      const full = await load([...args, '--rooms', String(rooms), '--clients', String(clients)])
      await again()
      const sparse = await load([...args, '--rooms', String(rooms * clients), '--clients', '1'])
      // The same number of connections, ten times the rooms: what is more is the rooms'.
      const total = ({ server }) => server.rss_end - server.rss_before
      const room = Math.max(0, (total(sparse) - total(full)) / (rooms * clients - rooms))
      const more = (total(full) - rooms * room) / (rooms * clients)
      return { connection: full.server.rss_per_connection / 1000, more: more / 1000, room: room / 1000 }
    },
  },
  storm: {
    run: async ({ load }) => {
      const { connections } = await load(['storm', '--rooms', '10', '--clients', '100'])
      if (connections.failed > 0) throw new Error(`${connections.failed} of ${connections.wanted} could not come back`)
      return { all: connections.all_synced_ms / 1000 }
    },
  },
  'cold-open': {
    options: (server) => ({ flags: server.unloading, stores: true }),
    run: async ({ quick, load, server }) => {
      const size = quick ? ['--ops', '10000', '--updates', '150'] : []
      const rooms = ['--rooms-file', server.file('rooms')]
      const { filled } = await load(['fill', '--rooms', '3', '--keep', server.file('rooms'), ...size])
      await new Promise((resolve) => setTimeout(resolve, server.server.unload * 1000))
      const expected = WITH_DOCUMENTS.includes(server.server.name) ? ['--expect-bytes', String(Math.floor(filled.bytes / 2))] : []
      const open = async () => (await load(['cold-open', '--filled', ...rooms, ...expected], { made: true })).connections
      const unloaded = await open()
      if (unloaded.failed > 0) throw new Error('the document could not be opened again')
      await server.stop()
      await server.up()
      const restarted = await open()
      return { unloaded: unloaded.synced_ms.p50, restarted: restarted.synced_ms?.p50, filled: filled.updates_per_second }
    },
  },
  'big-join': {
    only: WITH_DOCUMENTS,
    run: async ({ quick, load }) => {
      const size = quick ? ['--clients', '10', '--ops', '20000'] : []
      const { connections, server, filled, bytes_in } = await load(['big-join', '--rooms', '1', ...size])
      if (connections.failed > 0) throw new Error(`${connections.failed} of ${connections.wanted} never got it`)
      if (bytes_in < 0.9 * connections.synced * filled.bytes) throw new Error('the document did not come whole')
      return { p99: connections.synced_ms.p99 / 1000, peak: server.rss_peak / million }
    },
  },
  slow: {
    run: async ({ quick, load }) => {
      const { traffic, server } = await load(['slow', '--rooms', '2', '--clients', '50', '--writers', '5', ...seconds(quick, 10)])
      return { p99: traffic.latency_ms?.p99, peak: (server.rss_peak - server.rss_before) / million }
    },
  },
  intake: {
    run: async ({ quick, load }) => {
      const { intake, durable_ms } = await load(['intake', '--rooms', quick ? '50' : '200', ...seconds(quick, 10)])
      return { rate: intake.taken_per_second, durable_p99: durable_ms?.p99 }
    },
  },
}

/**
 * The table: what it says, of which scenario and figure, how many digits behind the point, whether more or less is better, and which
 * server is the physical limit of it.
 */
export const ROWS = [
  ['fan-out 10 docs × 50 clients, 5 writers at 10/s: deliveries per server CPU second', 'fanout.per_cpu_second', 0, 'more'],
  ['the same: server CPU seconds per million deliveries', 'fanout.cpu_per_million', 2, 'less'],
  ['the same: latency p50, ms', 'fanout.p50', 2, 'less'],
  ['the same: latency p99, ms', 'fanout.p99', 2, 'less'],
  ['the same: share of the server\'s CPU time inside the kernel, %', 'fanout.kernel', 0],
  ['the same: share of it in the kernel\'s network stack (by `perf`), %', 'profile.network', 0],
  ['the same: durable after, p99, ms', 'fanout.durable_p99', 2],
  ['saturation 20 docs × 50 clients, 5 writers: most deliveries/s with p99 < 100 ms', 'saturate.most', 0, 'more'],
  ['the same: server CPU seconds per million deliveries', 'saturate.cpu_per_million', 2, 'less'],
  ['presence, 100 clients in one doc at 30 Hz: server CPU ms per client-second', 'presence.cpu_ms', 2, 'less', 'limit-33'],
  ['the same: age of a cursor p99, ms', 'presence.p99', 1, 'less', 'limit-33'],
  ['the same: of all moves shown to the others, %', 'presence.shown', 0],
  ['presence, 500 clients in one doc at 30 Hz: server cores', 'presence-500.cores', 2, 'less', 'limit-33'],
  ['the same: of all moves shown to the others, %', 'presence-500.shown', 0],
  ['the same: age of a cursor p99, ms', 'presence-500.p99', 1, 'less', 'limit-33'],
  ['idle, 5,000 connections over 500 docs: RSS per connection, KB', 'idle.connection', 1, 'less'],
  ['idle: RSS of one connection more in a room, KB', 'idle.more', 1, 'less'],
  ['idle: RSS of one room more, KB', 'idle.room', 1, 'less'],
  ['storm, 1,000 clients come back to 10 docs: all synced, s', 'storm.all', 2, 'less'],
  ['open a document of 100,000 edits on 500 blocks after it was unloaded, ms', 'cold-open.unloaded', 1, 'less'],
  ['the same after a restart, ms', 'cold-open.restarted', 1, 'less'],
  ['taking that document in from one writer, 1,500 updates: updates/s', 'cold-open.filled', 0, 'more'],
  ['150 clients open one 20 MB document at once: p99, s', 'big-join.p99', 2, 'less'],
  ['the same: peak RSS, MB', 'big-join.peak', 0, 'less'],
  ['20 % of the clients stop reading: latency p99 of the others, ms', 'slow.p99', 1, 'less'],
  ['the same: RSS more at its peak, MB', 'slow.peak', 1, 'less'],
  ['intake, 200 writers: updates/s taken', 'intake.rate', 0, 'more'],
  ['the same: durable after, p99, ms', 'intake.durable_p99', 2],
].map(([title, figure, digits, better, limit = 'limit']) => ({ title, figure, digits, better, limit }))

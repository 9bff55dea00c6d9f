/**
 * Jabiru beside other y-websocket servers and the physical limit, one after the other on this machine.
 *
 * Question: who delivers more, sooner, for less, and what is left to win? Unit: see the table's rows, which say their own; medians of the
 * rounds. Data set: what `benches/load` makes while it runs.
 *
 * ```text
 * make bench-peers                              everything: about 40 minutes; writes the table of docs/performance.md
 * make bench-peers ARGS='--rounds 5'
 * node benches/peers/main.mjs --quick           everything, so short that it only shows that it works; writes nothing
 * node benches/peers/main.mjs --only fanout,storm --servers limit,Jabiru --rounds 1
 * ```
 *
 * # What is real and what is not
 * - Servers run as their pages say, each in its turn with loopback to itself, in a fresh folder: Jabiru with its journal and fsync on,
 *   y-sweet with its file store, y-websocket-server in memory and, where a document must outlive its room, with LevelDB.
 * - Rounds are interleaved (A B C A B C), so that what else the machine does hits everybody. Every scenario starts a fresh server.
 * - Generator and server share the machine. Ratios carry over to another one, figures do not.
 * - What a server cannot do is a dash with the reason under the table.
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { generate } from './generator.mjs'
import { circumstances, fillIn, median } from './page.mjs'
import { ROWS, SCENARIOS } from './scenarios.mjs'
import { build, install, Running, servers } from './servers.mjs'

/** Longest run of the generator, milliseconds. */
const PATIENCE = 15 * 60_000
/** Seconds that a server is profiled, and samples a second. */
const PROFILE = { seconds: 4, frequency: 499 }

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    servers: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const quick = flags.quick
const rounds = quick ? 1 : Number(flags.rounds)
const chosen = (list, all, what) => {
  const names = list === undefined ? all : list.split(',')
  for (const name of names) if (!all.includes(name)) throw new Error(`--${what}: there is no ${name}; there are ${all.join(', ')}`)
  return names
}
if (!(Number.isInteger(rounds) && rounds >= 1)) throw new Error('--rounds: a whole number, at least 1')

const say = (text) => process.stderr.write(`peers: ${text}\n`)
const execute = promisify(execFile)

/** Figures of a scenario against a server, or what went wrong. */
const measure = async (program, server, scenario) => {
  let running
  try {
    const options = scenario.options?.(server) ?? {}
    running = await Running.start(server, options)
    const again = async () => {
      await running.remove()
      running = await Running.start(server, options)
    }
    const { note, ...figures } = await scenario.run({
      quick,
      get server() {
        return running
      },
      load: (...args) => generate([program], running, PATIENCE)(...args),
      again,
    })
    return { figures, note }
  } catch (error) {
    return { reason: String(error.message).split('\n')[0] }
  } finally {
    await running?.remove()
  }
}

/** Share of a server's CPU time spent in and below the kernel's functions that write to and read from sockets, percent; needs `perf`. */
const profile = async (program, server) => {
  let running
  try {
    running = await Running.start(server)
    const file = running.file('profile')
    const load = generate([program], running, PATIENCE)(['fanout', '--warmup', '1', '--seconds', String(PROFILE.seconds + 2)])
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const record = ['record', '--quiet', '-g', '-F', String(PROFILE.frequency), '-p', String(running.pid), '-o', file]
    await execute('perf', [...record, '--', 'sleep', String(PROFILE.seconds)])
    await load
    const report = ['report', '-i', file, '--children', '--no-demangle', '--sort', 'symbol', '-g', 'none', '--stdio', '--percent-limit', '0.5']
    const { stdout } = await execute('perf', report, { maxBuffer: 1 << 26 })
    const calls = /\[k\] (?:sock_write_iter|sock_read_iter|__sys_(?:sendto|sendmsg|recvfrom|recvmsg))\s/
    const lines = stdout.split('\n').filter((line) => calls.test(line))
    return { figures: { network: lines.reduce((sum, line) => sum + Number.parseFloat(line), 0) } }
  } catch (error) {
    return { reason: String(error.message).split('\n')[0] }
  } finally {
    await running?.remove()
  }
}

const number = (value, digits) => value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** The table, and the notes under it. */
const table = (columns, results) => {
  const value = (row, name) => {
    const [scenario, figure] = row.figure.split('.')
    const found = (results[scenario]?.[name] ?? []).flatMap(({ figures }) => figures?.[figure] ?? [])
    return found.length === 0 ? undefined : median(found)
  }
  const peers = columns.filter(({ name }) => !name.startsWith('limit') && name !== 'Jabiru').map(({ name }) => name)
  const ratio = (a, b) => (a === undefined || b === undefined || b === 0 ? '' : `${number(a / b, 2)} ×`)
  const lines = ROWS.map((row) => {
    const cells = columns.map(({ name }) => value(row, name)).map((found) => (found === undefined ? '–' : number(found, row.digits)))
    const ours = value(row, 'Jabiru')
    const theirs = peers.map((name) => value(row, name)).filter((found) => found !== undefined)
    const best = theirs.length === 0 ? undefined : Math[row.better === 'more' ? 'max' : 'min'](...theirs)
    const ratios = row.better === undefined ? ['', ''] : [ratio(ours, value(row, row.limit)), ratio(ours, best)]
    return cells.every((cell) => cell === '–') ? [] : [`| ${[row.title, ...cells, ...ratios].join(' | ')} |`]
  })
  const heads = ['', ...columns.map(({ name, version }) => (/^\d/.test(version) ? `${name} ${version}` : name)), 'Jabiru ÷ limit', 'Jabiru ÷ best peer']
  const notes = Object.entries(results).flatMap(([scenario, byServer]) =>
    Object.entries(byServer).flatMap(([name, runs]) => {
      const told = (kind) => {
        const found = runs.flatMap((run) => run[kind] ?? [])
        return [...new Set(found)].map((text) => `${found.filter((one) => one === text).length} of ${runs.length} runs: ${text}`)
      }
      return [...told('reason'), ...told('note')].map((text) => `- ${scenario}, ${name}: ${text}`)
    }),
  )
  return [
    ...(quick ? ['A quick run with smaller sizes: it shows that everything works, and its figures say nothing.', ''] : []),
    circumstances(rounds),
    '',
    `| ${heads.join(' | ')} |`,
    `|${' --- |'.repeat(heads.length)}`,
    ...lines.flat(),
    ...(notes.length > 0 ? ['', 'What is missing or doubtful, and why:', '', ...notes] : []),
  ].join('\n')
}

const programs = await build()
const missing = await install(say)
const all = servers(programs)
const picked = chosen(flags.servers, all.map(({ name }) => name), 'servers')
const columns = all.filter(({ name }) => picked.includes(name))
const scenarios = chosen(flags.only, Object.keys(SCENARIOS), 'only')
const results = {}
const keep = (scenario, name, result) => ((results[scenario] ??= {})[name] ??= []).push(result)
for (let round = 1; round <= rounds; round++) {
  for (const name of scenarios) {
    const scenario = SCENARIOS[name]
    for (const server of columns) {
      if (scenario.only !== undefined && !scenario.only.includes(server.name)) continue
      const began = Date.now()
      const result = missing[server.name] === undefined ? await measure(programs.load, server, scenario) : { reason: missing[server.name] }
      keep(name, server.name, result)
      const told = result.reason ?? Object.entries(result.figures).flatMap(([key, found]) => (typeof found === 'number' ? [`${key} ${number(found, 2)}`] : [])).join(', ')
      say(`round ${round} of ${rounds}, ${name}, ${server.name}: ${told} (${Math.round((Date.now() - began) / 1000)} s)`)
    }
  }
}
if (scenarios.includes('fanout')) {
  for (const server of columns.filter(({ name }) => missing[name] === undefined)) keep('profile', server.name, await profile(programs.load, server))
}
const made = table(columns, results)
console.log(made)
if (!quick && flags.only === undefined && flags.servers === undefined) {
  fillIn('bench-peers', made)
  say('docs/performance.md has the table')
}

/**
 * The servers that are compared: where they come from, how each is started, and how it wants to be spoken to.
 *
 * Owns installing, processes and folders. Every server has loopback to itself while it runs, keeps what it stores in a fresh folder,
 * and writes its log there. Ends only what it started.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../../tests/clients/server.mjs'

const run = promisify(execFile)
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))

const CACHE = join(process.env.JABIRU_TEST_CACHE ?? process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'jabiru-bench')
/** What a peer is, exactly. The last four are what the first needs: its own package names ranges that no longer fit each other. */
const PACKAGES = { '@y/websocket-server': '0.1.5', 'y-sweet': '0.9.1', 'y-leveldb': '0.2.0', yjs: '14.0.0-16', '@y/protocols': '1.0.6-1', lib0: '0.2.120' }
const Y_SWEET = PACKAGES['y-sweet']
/** How long a server may take to answer after it was started, or to end, milliseconds. */
const DEADLINE = 30_000

/** The data of servers lies in the build's folder: a journal on a file system in memory would measure nothing. */
const TARGET = path('../../target/')
const running = new Set()
const folders = new Set()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

const cargo = (...args) => run(process.env.CARGO ?? 'cargo', args, { cwd: path('../..'), maxBuffer: 1 << 28 })

/** Builds generator, limit and server; resolves to their paths. JABIRU_BIN: a server that is built already. */
export async function build() {
  const { stdout } = await cargo('bench', '--locked', '--no-run', '--bench', 'load', '--bench', 'limit', '--message-format', 'json')
  const built = stdout.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
  const executable = (name) => built.find(({ target, executable }) => target?.name === name && executable)?.executable
  // Last: the benches' build leaves a server behind that has the benches' own settings of its libraries.
  if (process.env.JABIRU_BIN === undefined) await cargo('build', '--locked', '--release')
  return { load: executable('load'), limit: executable('limit'), jabiru: process.env.JABIRU_BIN ?? join(TARGET, 'release/jabiru') }
}

/** Installs the peers into the cache, once. Resolves to what went wrong with each, by name. */
export async function install(say) {
  const failed = {}
  mkdirSync(CACHE, { recursive: true })
  const wanted = JSON.stringify({ private: true, dependencies: PACKAGES })
  const manifest = join(CACHE, 'package.json')
  if (!existsSync(join(CACHE, 'node_modules/yjs')) || readFileSync(manifest, 'utf8') !== wanted) {
    say(`installing the peers into ${CACHE}`)
    writeFileSync(manifest, wanted)
    // Without scripts: y-sweet's fetches its binary from a release page, which is tried below and may fail by itself.
    const args = ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', '--ignore-scripts']
    await run('npm', args, { cwd: CACHE }).catch((error) => {
      rmSync(manifest)
      failed['y-websocket-server'] = `npm could not install it: ${lastLine(error.stderr)}`
    })
  }
  copyFileSync(path('y-websocket-leveldb.mjs'), join(CACHE, 'y-websocket-leveldb.mjs'))
  if (!existsSync(ySweet())) {
    say(`fetching y-sweet ${Y_SWEET}`)
    const fetched = await run(process.execPath, ['src/install.js'], { cwd: join(CACHE, 'node_modules/y-sweet') }).catch(() => null)
    if (fetched === null || !existsSync(ySweet())) {
      say('its release page cannot be reached; building it from its crate, which takes minutes')
      const args = ['install', 'y-sweet', '--version', Y_SWEET, '--locked', '--root', join(CACHE, `y-sweet-${Y_SWEET}`)]
      await cargo(...args).catch((error) => {
        failed['y-sweet'] = `neither its binary nor its crate can be had: ${lastLine(error.stderr)}`
      })
    }
  }
  return failed
}

const ySweet = () => {
  const built = join(CACHE, `y-sweet-${Y_SWEET}/bin/y-sweet`)
  return existsSync(built) ? built : join(CACHE, 'node_modules/y-sweet/bin/y-sweet')
}
const lastLine = (text) => String(text ?? '').trim().split('\n').at(-1)

/**
 * The servers, in the order of the table. `start` gives program, arguments and environment; `load` what the generator needs to speak to
 * it. `unload`: seconds after which it has forgotten a document nobody has open. `stores`: the variant for scenarios that need a document
 * to outlive its room.
 */
export function servers({ limit, jabiru }) {
  const relay = (name, ...flags) => ({
    name,
    version: 'benches/limit.rs',
    start: ({ port }) => ({ program: limit, args: ['--listen', `127.0.0.1:${port}`, ...flags] }),
    load: ({ port }) => ({ args: ['--url', `ws://127.0.0.1:${port}`] }),
    unload: 0,
  })
  return [
    relay('limit'),
    relay('limit-33', '--tick', '33'),
    {
      name: 'Jabiru',
      version: 'this checkout',
      // The one limit of the server that a load test meets: how much one person may do in a minute.
      start: ({ port, folder, flags = [] }) => ({
        program: jabiru,
        args: [
          ...['serve', '--listen', `127.0.0.1:${port}`, '--data-dir', folder, '--no-samples', '--log', 'warn'],
          ...['--max-creates-per-minute', '1000000', '--max-joins-per-minute', '1000000', ...flags],
        ],
      }),
      load: async ({ port, folder }) => {
        const token = ['token', '--canvas', '*', '--role', 'owner', '--ttl', '12h', '--data-dir', folder]
        const JABIRU_TOKEN = (await run(jabiru, token, { env: environment() })).stdout.trim()
        return { args: ['--url', `ws://127.0.0.1:${port}/v1/sync`, '--acks'], create: ['--create'], env: { JABIRU_TOKEN } }
      },
      unload: 3,
      unloading: ['--room-idle-seconds', '1'],
    },
    {
      name: 'y-sweet',
      version: Y_SWEET,
      start: ({ port, folder, flags = [] }) => ({
        program: ySweet(),
        args: ['serve', '--host', '127.0.0.1', '--port', String(port), '--prod', ...flags, folder],
        env: { Y_SWEET_LOG: 'error' },
      }),
      load: ({ port }) => ({ args: ['--url', `ws://127.0.0.1:${port}/d/{room}/ws/{room}`] }),
      unload: 6,
      unloading: ['--checkpoint-freq-seconds', '1'],
    },
    {
      name: 'y-websocket-server',
      version: PACKAGES['@y/websocket-server'],
      // As published it keeps everything in memory for ever; to store, it is given y-leveldb, which its own page names.
      start: ({ port, folder, stores }) => ({
        program: process.execPath,
        args: stores ? [join(CACHE, 'y-websocket-leveldb.mjs'), folder] : [join(CACHE, 'node_modules/@y/websocket-server/src/server.js')],
        env: { HOST: '127.0.0.1', PORT: String(port) },
      }),
      load: ({ port }) => ({ args: ['--url', `ws://127.0.0.1:${port}`] }),
      unload: 3,
    },
  ]
}

/** A running server. */
export class Running {
  #child
  #exited
  #log

  /** Starts one on a fresh folder. `options`: `flags` for it, `stores`. */
  static async start(server, options = {}) {
    mkdirSync(TARGET, { recursive: true })
    const folder = mkdtempSync(join(TARGET, 'peers-'))
    folders.add(folder)
    const running = new Running(server, { ...options, folder, port: await freePort() })
    mkdirSync(join(folder, 'data'))
    try {
      await running.up()
    } catch (error) {
      await running.remove()
      throw error
    }
    return running
  }

  constructor(server, { folder, ...options }) {
    this.server = server
    this.folder = folder
    this.options = { ...options, folder: join(folder, 'data') }
    this.#log = join(folder, 'log')
  }

  get pid() {
    return this.#child.pid
  }

  /** A file of the run, which goes with it. */
  file(name) {
    return join(this.folder, name)
  }

  /** What the server said last. */
  lastWords() {
    return lastLine(readFileSync(this.#log, 'utf8')).slice(0, 200)
  }

  /** Starts the process, again after a stop, on the same port and folder. Resolves when it accepts connections. */
  async up() {
    const { program, args, env = {} } = this.server.start(this.options)
    const log = openSync(this.#log, 'a')
    const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...environment(), ...env } })
    closeSync(log)
    this.#child = child
    running.add(child)
    let ended = false
    const end = () => {
      ended = true
      running.delete(child)
    }
    // An error is a program that could not be run at all.
    this.#exited = once(child, 'exit').then(end, end)
    for (const deadline = Date.now() + DEADLINE; !(await accepts(this.options.port)); ) {
      if (ended || Date.now() > deadline) throw new Error(`it does not start: ${this.lastWords()}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    this.load = await this.server.load(this.options)
  }

  /** Ends the process in the way it is meant to end, and with force if it does not. */
  async stop() {
    const force = setTimeout(() => this.#child.kill('SIGKILL'), DEADLINE)
    // y-sweet writes what it holds on an interrupt only.
    this.#child.kill(this.server.name === 'y-sweet' ? 'SIGINT' : 'SIGTERM')
    await this.#exited
    clearTimeout(force)
  }

  /** Ends the process and deletes the folder. */
  async remove() {
    this.#child.kill('SIGKILL')
    await this.#exited
    rmSync(this.folder, { recursive: true, force: true })
    folders.delete(this.folder)
  }
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** The environment of this process without settings of servers somebody runs here. */
export const environment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(JABIRU|Y_SWEET)_/.test(name)))

/**
 * The real server binary as the tests use it: started, stopped, killed and started again on one port and one folder.
 *
 * Owns processes, folders, tokens and the few HTTP calls the suites need. Knows nothing of Yjs. `JABIRU_BIN` names
 * another binary.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const BINARY = process.env.JABIRU_BIN ?? fileURLToPath(new URL('../../target/debug/jabiru', import.meta.url))

/** How long anything may take before a test fails. Generous: the machine may be busy with a build. Milliseconds. */
export const DEADLINE = 60_000

const run = promisify(execFile)
const running = new Set()
const folders = new Set()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/**
 * Resolves with the first truthy answer of `condition`, asked again and again; rejects naming `what` at the deadline.
 * It is the one place in the suites that lets time pass.
 */
export async function until(what, condition, deadline = DEADLINE) {
  const end = Date.now() + deadline
  for (;;) {
    const answer = await condition()
    if (answer) return answer
    if (Date.now() > end) throw new Error(`still waiting after ${deadline} ms: ${typeof what === 'function' ? what() : what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/**
 * A free port below the range the kernel hands out to outgoing connections: a client that keeps trying to reach a
 * stopped server on a port of that range can connect to itself, and the server then cannot have its port back.
 */
export async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    const probe = createServer()
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

export class Server {
  #child = null
  #exited = null
  log = ''

  /** Starts a server on a fresh folder. `args` are further flags of `jabiru serve`. */
  static async start({ args = [], samples = false } = {}) {
    if (!existsSync(BINARY)) throw new Error(`there is no server at ${BINARY}; build it with \`cargo build\` or set JABIRU_BIN`)
    const server = new Server()
    server.dataDir = mkdtempSync(join(tmpdir(), 'jabiru-test-'))
    folders.add(server.dataDir)
    server.port = await freePort()
    server.args = samples ? args : ['--no-samples', ...args]
    await server.up()
    return server
  }

  get address() {
    return `127.0.0.1:${this.port}`
  }
  get origin() {
    return `http://${this.address}`
  }
  /** What a provider is given as its server URL. */
  get sync() {
    return `ws://${this.address}/v1/sync`
  }
  get pid() {
    return this.#child?.pid
  }

  /** Starts the process, again after a stop or a kill, on the same port and folder. Resolves when it answers. */
  async up() {
    const args = ['serve', '--listen', this.address, '--data-dir', this.dataDir, ...this.args]
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() })
    this.#child = child
    running.add(child)
    this.#exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child)
      return { code, signal }
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.log += text
    })
    const lines = createInterface({ input: child.stdout })
    const started = new Promise((resolve) => {
      lines.on('line', (line) => {
        const login = line.match(/^Log in once with: (\S+)/)
        if (login) resolve(login[1])
      })
    })
    const login = await Promise.race([started, this.#exited])
    if (typeof login !== 'string') throw new Error(`the server ended at start (${JSON.stringify(login)}):\n${this.log}`)
    this.loginUrl = login
  }

  /** SIGTERM, and waits for the end. Resolves to `{code, signal}`. */
  stop() {
    return this.#end('SIGTERM')
  }

  /** SIGKILL. */
  kill() {
    return this.#end('SIGKILL')
  }

  #end(signal) {
    this.#child?.kill(signal)
    return this.#exited
  }

  /** Ends the process and deletes the folder. */
  async remove() {
    await this.kill()
    rmSync(this.dataDir, { recursive: true, force: true })
    folders.delete(this.dataDir)
  }

  /** A token printed by the binary. `extra` are further flags, for instance another `--secret`. */
  async token({ canvas = '*', role = 'owner', ttl = '1h', sub = 'tester', name = 'Tester', extra = [] } = {}) {
    const args = ['token', '--canvas', canvas, '--role', role, '--ttl', ttl, '--sub', sub, '--name', name]
    const { stdout } = await run(BINARY, [...args, '--data-dir', this.dataDir, ...extra], { env: environment() })
    return stdout.trim()
  }

  /** A fresh one-time login link of the owner. */
  async login() {
    const args = ['login-url', '--data-dir', this.dataDir, '--listen', this.address, '--public-url', this.origin]
    return (await run(BINARY, args, { env: environment() })).stdout.trim()
  }

  /** Takes the canvases of an export while the server is stopped. Resolves to what the command says. */
  async import(file) {
    return (await run(BINARY, ['import', '--in', file, '--data-dir', this.dataDir], { env: environment() })).stdout
  }

  /** An HTTP call as the owner, or with another token. Resolves to the response. */
  async call(path, { method = 'GET', json, token } = {}) {
    this.ownerToken ??= await this.token()
    const headers = { Authorization: `Bearer ${token ?? this.ownerToken}` }
    if (json !== undefined) headers['Content-Type'] = 'application/json'
    return fetch(`${this.origin}${path}`, { method, headers, body: json === undefined ? undefined : JSON.stringify(json) })
  }

  /** Makes a canvas and resolves to its id. */
  async canvas(name = 'A canvas', canvas = undefined) {
    const response = await this.call('/v1/canvases', { method: 'POST', json: { name, canvas } })
    if (response.status !== 201) throw new Error(`no canvas: ${response.status} ${await response.text()}`)
    return (await response.json()).id
  }

  /** Bytes of memory the server has needed at most so far. */
  peakMemory() {
    return Number(readFileSync(`/proc/${this.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+) kB/)[1]) * 1024
  }
}

/** The environment of this process without settings of a server somebody runs here. */
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('JABIRU_')))

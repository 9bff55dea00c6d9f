/**
 * Jabiru as the curves need it: with as many open files as the machine lets it have, a generator beside it, and a look at what it uses.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from '../peers/generator.mjs'
import { Running } from '../peers/servers.mjs'

/** Files that one process should be able to open: a socket each, and room for the rest. */
const FILES = 65_536
/** Raises that limit as far as it goes, and becomes the program that follows. */
const RAISED = ['/bin/sh', '-c', `ulimit -n ${FILES} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"`]
/** Files of a process that are no connections of a crowd, and ports that others use. */
const OTHERS = 300
/** Longest run of the generator, milliseconds. */
const PATIENCE = 4 * 60_000
/** Longest wait for a server to become quiet, and to close its rooms, milliseconds. */
const QUIET = 30_000
/** Quiet is using less than this, seconds of CPU, between two looks so far apart, milliseconds. */
const LOOK = { cpu: 0.005, apart: 250 }
/** The largest sizes are Jabiru's own limits; a crowd that comes back before all of it is gone is more for a moment. */
const LIMITS = ['--max-sessions', '50000', '--max-rooms', '50000', '--max-room-sessions', '5000']

/** How many connections there can be between two processes of this machine, and what bounds them. */
export const mostConnections = () => {
  const files = Number(execFileSync(RAISED[0], [...RAISED.slice(1), '/bin/sh', '-c', 'ulimit -n'], { encoding: 'utf8' }))
  const [from, to] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
  const ports = to - from + 1
  const told = (count) => count.toLocaleString('en-US')
  return files < ports
    ? { most: files - OTHERS, why: `this machine lets a process open ${told(files)} files` }
    : { most: ports - OTHERS, why: `this machine has ${told(ports)} ports for outgoing connections` }
}

/** The threads of a process and the nanoseconds of CPU that each has run. */
const threads = (pid) => {
  const found = new Map()
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      found.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    } catch {
      // It ended meanwhile.
    }
  }
  return found
}

/** Seconds of CPU between two such moments. Threads that ended between had nothing to do for long, or they would not have. */
const between = (from, to) => [...to].reduce((sum, [thread, nanos]) => sum + Math.max(0, nanos - (from.get(thread) ?? 0)), 0) / 1e9

/** A running server; see `curves.mjs` for what a curve may ask of it. */
export class Server {
  #running
  #generate

  static async start(programs, server, flags = []) {
    const start = (options) => {
      const { program, args, env } = server.start(options)
      return { program: RAISED[0], args: [...RAISED.slice(1), program, ...args], env }
    }
    const running = await Running.start({ ...server, start }, { flags: [...LIMITS, ...flags] })
    return new Server(running, generate([...RAISED, programs.load], running, PATIENCE))
  }

  constructor(running, generator) {
    this.#running = running
    this.#generate = generator
  }

  /** Runs the generator against it. */
  load(...args) {
    return this.#generate(...args)
  }

  /** A file of the run, which goes with it. */
  file(name) {
    return this.#running.file(name)
  }

  /** A file that names the first room of the run's file `from`, so many times. */
  first(from, times) {
    const [room] = readFileSync(this.file(from), 'utf8').split('\n')
    writeFileSync(this.file(`first-${times}`), Array(times).fill(room).join('\n'))
    return this.file(`first-${times}`)
  }

  /** Ends it as it is meant to end, and starts it again with other flags. */
  async restart(flags) {
    await this.#running.stop()
    this.#running.options.flags = [...LIMITS, ...flags]
    await this.#running.up()
  }

  /** Waits until it does nothing. */
  async #settled() {
    const { pid } = this.#running
    let before = threads(pid)
    for (const deadline = Date.now() + QUIET; Date.now() < deadline; ) {
      await sleep(LOOK.apart)
      const now = threads(pid)
      if (between(before, now) < LOOK.cpu) return now
      before = now
    }
    throw new Error(`the server did not become quiet within ${QUIET / 1000} s`)
  }

  /** Waits until no room is open and nothing is done any more; resolves to the seconds of CPU that took. */
  async closed() {
    const before = await this.#settled()
    for (const deadline = Date.now() + QUIET; Date.now() < deadline; await sleep(2 * LOOK.apart)) {
      const metrics = await (await fetch(`http://127.0.0.1:${this.#running.options.port}/metrics`)).text()
      if (/^jabiru_rooms 0$/m.test(metrics)) {
        return between(before, await this.#settled())
      }
    }
    throw new Error(`the rooms were not closed within ${QUIET / 1000} s`)
  }

  remove() {
    return this.#running.remove()
  }
}

/**
 * Runs the load generator, `benches/load`, against a running server.
 *
 * Owns its arguments that are the same for every run, and its end. What is asked of it is the caller's.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { environment } from './servers.mjs'

/**
 * The generator against a running server: a function of its arguments that resolves to its report, or rejects with what it said last.
 * `command`: program and its first arguments. `patience`: the longest run, milliseconds. `made`: the rooms are there already.
 */
export const generate = (command, server, patience) => async (args, { made = false } = {}) => {
  const { args: where, create = [], env = {} } = server.load
  // Rooms that nobody deletes afterwards: the server is about to go.
  const rooms = made ? [] : [...create, ...(args.includes('--keep') ? [] : ['--keep', server.file('kept')])]
  const [program, ...first] = command
  const all = [...first, ...args, ...where, ...rooms, '--server-pid', String(server.pid), '--json']
  const child = spawn(program, all, { env: { ...environment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const impatience = setTimeout(() => child.kill('SIGKILL'), patience)
  let [report, words] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => (report += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (words = text))
  const [code, signal] = await once(child, 'close')
  clearTimeout(impatience)
  if (signal !== null) throw new Error(`the generator did not end within ${patience / 60_000} minutes`)
  if (code !== 0) throw new Error(words.trim().split('\n').at(-1).replace(/^load: /, ''))
  return JSON.parse(report)
}

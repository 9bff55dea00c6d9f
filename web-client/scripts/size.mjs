/**
 * Fails when a part of the build is larger than its budget (gzip KB). The shell is what a canvas needs before its first
 * block is drawn: the entry and the canvas page with everything they import at once. What all blocks with data share
 * counts once, for itself. Run after `npm run build`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET = { shell: 160, data: 25, chart: 215, text: 135, table: 35, other: 50 }
const dist = new URL('../dist/', import.meta.url)
const assets = new URL('assets/', dist)
const names = readdirSync(assets)
const source = new Map(names.map((name) => [name, readFileSync(new URL(name, assets))]))
const gzip = (bytes) => gzipSync(bytes, { level: 9 }).length / 1024

/** A script with all it imports statically. */
const closure = (name, seen = new Set()) => {
  if (seen.has(name) || !source.has(name)) return seen
  seen.add(name)
  const code = source.get(name).toString('utf8')
  for (const [, file] of code.matchAll(/(?:from|import)\s*["']\.\/([\w.$-]+\.js)["']/g)) closure(file, seen)
  return seen
}
const named = (prefix) => names.find((name) => name.startsWith(`${prefix}-`) && name.endsWith('.js'))

const html = readFileSync(new URL('index.html', dist), 'utf8')
const entry = /src="\/assets\/([^"]+\.js)"/.exec(html)?.[1]
const page = named('CanvasPage')
if (entry === undefined || page === undefined) throw new Error('the build has no entry or no CanvasPage: was it built?')

const shell = new Set([...closure(entry), ...closure(page)])
for (const name of names) if (/^(index|CanvasPage)-.*\.css$/.test(name)) shell.add(name)
const total = (files) => [...files].reduce((sum, name) => sum + gzip(source.get(name)), 0)
/** What charts, tables and metrics all need: the rows, their cache and their filters. */
const shared = ['ChartBlock', 'TableBlock', 'MetricBlock'].map((prefix) => closure(named(prefix)))
const data = new Set([...shared[0]].filter((file) => !shell.has(file) && shared.every((files) => files.has(file))))
for (const file of closure(named('queries'))) if (!shell.has(file)) data.add(file)
const lazy = (prefix) => {
  const name = named(prefix)
  if (name === undefined) return 0
  return total([...closure(name)].filter((file) => !shell.has(file) && !data.has(file)))
}

const rows = [
  ['shell', total(shell), BUDGET.shell],
  ['data', total(data), BUDGET.data],
  ['chart', lazy('ChartBlock'), BUDGET.chart],
  ['text', lazy('NarrativeBlock'), BUDGET.text],
  ['table', lazy('TableBlock'), BUDGET.table],
]
const big = /^(data|ChartBlock|NarrativeBlock|TableBlock)-/
for (const name of names) {
  if (name.endsWith('.js') && !shell.has(name) && !big.test(name))
    rows.push([name, gzip(source.get(name)), BUDGET.other])
}

let over = 0
for (const [what, size, budget] of rows) {
  const fits = size <= budget
  if (!fits) over++
  console.log(`${fits ? 'ok  ' : 'OVER'} ${what.padEnd(32)} ${size.toFixed(1).padStart(7)} of ${budget} KB gzip`)
}
if (over > 0) process.exit(1)

/**
 * What things cost as they grow: clients in a room, rooms, documents, connections.
 *
 * Question: does anything grow faster than in proportion, and where do the curves bend? Unit: see the figures' titles; medians of the
 * rounds. Data set: what `benches/load` makes while it runs.
 *
 * ```text
 * make bench-curves                              everything: about 25 minutes; writes docs/performance.md and docs/performance/*.svg
 * make bench-curves ARGS='--rounds 5'
 * node benches/curves/main.mjs --quick           few and small sizes, once: it shows that everything works, and writes nothing
 * node benches/curves/main.mjs --only documents --rounds 1 --out target/curves
 * ```
 *
 * # What is real and what is not
 * - Jabiru runs with its journal and fsync on, in a fresh folder for every point. Only the limits that the largest sizes would meet, and
 *   those on what one person does in a minute, are raised.
 * - Rounds are interleaved: all sizes of all curves, then all again, so that what else the machine does hits every size.
 * - Generator and server share the machine and its cores. Slopes carry over to another machine, figures do not.
 * - CPU time is the kernel's count of the server's threads, so the generator's part is not in it; latency has it.
 *
 * `JABIRU_BIN`: a server that is built already.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { circumstances, fillIn, median } from '../peers/page.mjs'
import { build, servers } from '../peers/servers.mjs'
import { CURVES } from './curves.mjs'
import { exponent, steps } from './fit.mjs'
import { plot } from './plot.mjs'
import { mostConnections, Server } from './server.mjs'

const PLOTS = fileURLToPath(new URL('../../docs/performance/', import.meta.url))
/** A step is faster than in proportion when it is this much more than it may be, and more in every round: below that rounds differ as much. */
const STEEP = 1.15
/** A figure whose rounds differ by more than this says so. */
const UNSTEADY = 1.25

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})
const { quick } = flags
const rounds = quick ? 1 : Number(flags.rounds)
if (!(Number.isInteger(rounds) && rounds >= 1)) throw new Error('--rounds: a whole number, at least 1')
const names = flags.only?.split(',') ?? Object.keys(CURVES)
for (const name of names) if (CURVES[name] === undefined) throw new Error(`--only: there is no ${name}; there are ${Object.keys(CURVES).join(', ')}`)

const began = Date.now()
const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`
const say = (text) => process.stderr.write(`curves: ${clock(Date.now() - began)} ${text}\n`)
const short = (value) => value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
const slope = (value) => (value === undefined ? '–' : (Math.abs(value) < 0.005 ? 0 : value).toFixed(2).replace('-', '−'))

/** The sizes of a curve, and what is to be said where the machine bounds them. */
const sizesOf = (curve, bound) => {
  const sizes = (quick ? curve.quick : curve.sizes).map((wanted) => ({ wanted, size: curve.connections(wanted) > bound.most ? bound.most : wanted }))
  const notes = sizes.flatMap(({ wanted, size }) => (size < wanted ? [`${short(size)} instead of ${short(wanted)} ${curve.size}: ${bound.why}`] : []))
  return { sizes: sizes.map(({ size }) => size), notes }
}

/** Figures of a curve at a size, or what went wrong. */
const measure = async (start, curve, size) => {
  const started = []
  try {
    const { x = size, notes, ...figures } = await curve.measure({
      size,
      quick,
      start: async (...args) => {
        const server = await start(...args)
        started.push(server)
        return server
      },
    })
    return { x, figures, notes }
  } catch (error) {
    return { x: size, figures: {}, notes: [String(error.message).split('\n')[0]] }
  } finally {
    for (const server of started) await server.remove()
  }
}

/** Points of a figure: a median for each size, with the least and the greatest of its rounds. */
const pointsOf = (runs, sizes, figure) =>
  sizes.flatMap((size) => {
    const found = runs.filter((run) => run.size === size && Number.isFinite(run.figures[figure]))
    if (found.length === 0) return []
    const values = found.map(({ figures }) => figures[figure])
    return [{ size, x: median(found.map(({ x }) => x)), y: median(values), least: Math.min(...values), greatest: Math.max(...values) }]
  })

/** Tables, notes and the plot of a curve. */
const show = (name, curve, runs, { sizes, notes }) => {
  const figures = Object.entries(curve.figures).map(([key, figure]) => ({ ...figure, points: pointsOf(runs, sizes, key) }))
  const rows = sizes.map((size) => {
    const x = median(runs.filter((run) => run.size === size).map((run) => run.x))
    const cells = figures.map(({ points, most }) => {
      const point = points.find((one) => one.size === size)
      if (point === undefined) return '–'
      const before = most === undefined ? undefined : steps(points).find(({ to }) => to === point)
      const value = `${point.greatest > UNSTEADY * point.least ? '≈ ' : ''}${short(point.y)}`
      return before === undefined ? value : `${value} (${slope(before.exponent)})`
    })
    return [short(x), ...cells]
  })
  const told = (of) => figures.map((figure) => (figure.most === undefined ? '' : of(figure)))
  const line = (cells) => `| ${cells.join(' | ')} |`
  const steep = figures.flatMap(({ title, most, points }) =>
    steps(points).flatMap(({ from, to, exponent: found }) => {
      const may = (to.x / from.x) ** most
      const is = most !== undefined && to.y > STEEP * may * from.y && to.least > may * from.greatest
      return is ? [`${title}: ${short(from.y)} → ${short(to.y)} from ${short(from.x)} to ${short(to.x)}, exponent ${slope(found)}`] : []
    }),
  )
  const doubts = runs.flatMap(({ size, notes: said }) => said.map((text) => `${short(size)}: ${text}`))
  const counted = [...new Set(doubts)].map((text) => `${text} (${doubts.filter((one) => one === text).length} of ${rounds} rounds)`)
  const list = (head, items) => (items.length === 0 ? [] : ['', head, '', ...items.map((text) => `- ${text}`)])
  const text = [
    `### ${curve.title}`,
    '',
    `![${curve.title}: each figure over the size, both axes logarithmic](performance/${name}.svg)`,
    '',
    line([curve.size, ...figures.map(({ title }) => title)]),
    `|${' --- |'.repeat(figures.length + 1)}`,
    ...rows.map(line),
    line(['**exponent**', ...told(({ points }) => `**${slope(exponent(points))}**`)]),
    line(['in proportion is', ...told(({ most }) => String(most))]),
    ...list('Steps that are faster than in proportion:', steep),
    ...list('Missing or doubtful:', [...notes, ...counted]),
  ].join('\n')
  const panels = figures.filter(({ plotted = true }) => plotted).map((figure) => ({ ...figure, size: curve.size }))
  return { text, svg: plot(curve.title, panels) }
}

const programs = await build()
const jabiru = servers(programs).find(({ name }) => name === 'Jabiru')
const bound = mostConnections()
const plans = Object.fromEntries(names.map((name) => [name, sizesOf(CURVES[name], bound)]))
const results = Object.fromEntries(names.map((name) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  for (const name of names) {
    for (const size of plans[name].sizes) {
      const from = Date.now()
      const run = await measure((more) => Server.start(programs, jabiru, more), CURVES[name], size)
      results[name].push({ size, ...run })
      const told = [...Object.entries(run.figures).flatMap(([key, value]) => (Number.isFinite(value) ? [`${key} ${short(value)}`] : [])), ...run.notes]
      say(`round ${round} of ${rounds}, ${name}, ${short(size)}: ${told.join(', ')} (${((Date.now() - from) / 1000).toFixed(1)} s)`)
    }
  }
}
const shown = names.map((name) => ({ name, ...show(name, CURVES[name], results[name], plans[name]) }))
const made = [
  ...(quick ? ['A quick run: it shows that everything works, and its figures say nothing.'] : [circumstances(rounds)]),
  ...shown.map(({ text }) => text),
].join('\n\n')
console.log(made)
const isWhole = !quick && flags.only === undefined
const plots = flags.out ?? (isWhole ? PLOTS : undefined)
if (plots !== undefined) {
  mkdirSync(plots, { recursive: true })
  for (const { name, svg } of shown) writeFileSync(join(plots, `${name}.svg`), svg)
  if (flags.out === undefined) fillIn('bench-curves', made)
  else writeFileSync(join(plots, 'curves.md'), `${made}\n`)
  say(`written: ${flags.out ?? 'docs/performance.md and docs/performance/'}`)
}

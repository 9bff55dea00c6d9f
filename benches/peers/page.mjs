/**
 * docs/performance.md: the parts of it that benches write, each between marks of its own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))

/** Puts `text` between the marks of bench `name`. */
export const fillIn = (name, text) => {
  const marks = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const page = readFileSync(PAGE, 'utf8')
  const [begin, end] = marks.map((mark) => page.indexOf(mark))
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has no ${marks.join(' … ')}`)
  writeFileSync(PAGE, `${page.slice(0, begin + marks[0].length)}\n${text}\n${page.slice(end)}`)
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How and where figures were taken, as a sentence. */
export const circumstances = (rounds) => {
  const memory = Math.round(totalmem() / 2 ** 30)
  const day = new Date().toISOString().slice(0, 10)
  const machine = `${availableParallelism()} cores, ${memory} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}, ${day}`
  return `Medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'}, ${machine}.`
}

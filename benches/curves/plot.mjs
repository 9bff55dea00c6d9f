/**
 * Figures over a size as an SVG: a panel for each, both axes logarithmic, every point with its value, and a dashed line that grows as fast
 * as the figure may. On a background of its own, so that it reads on light and dark pages.
 */
import { exponent, usable } from './fit.mjs'

const COLUMNS = 2
const PANEL = { width: 440, height: 270 }
/** Of the paper inside a panel. */
const PAPER = { left: 52, right: 22, top: 44, bottom: 40 }
/** Fewest decades of the upright axis: what is flat should look flat. */
const DECADES = 2
/** A label needs this much room, pixels. */
const LABEL = { width: 34, height: 11 }
const COLOURS = { page: '#f8fafc', paper: '#ffffff', grid: '#e2e8f0', text: '#334155', faint: '#64748b', line: '#0369a1' }

const plain = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
const place = (value) => value.toFixed(1)
const short = (value) => value.toLocaleString('en-US', { maximumSignificantDigits: 3 })
const compact = (value) => value.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 2 })

/** Powers of ten from `from` to `to`. */
const decades = (from, to) => {
  const first = Math.ceil(Math.log10(from) - 1e-9)
  const count = Math.floor(Math.log10(to) + 1e-9) - first + 1
  return Array.from({ length: Math.max(0, count) }, (_, index) => 10 ** (first + index))
}

/** Ends of an axis around `values`, with `room` as a factor at either end and at least `least` decades. */
const ends = (values, room, least) => {
  const [from, to] = [Math.min(...values) / room, Math.max(...values) * room]
  const lacks = Math.max(0, least - Math.log10(to / from)) / 2
  return [from / 10 ** lacks, to * 10 ** lacks]
}

/** Maps from `[from, to]` to pixels `[low, high]`, logarithmically. */
const axis = ([from, to], [low, high]) => (value) => low + (Math.log(value / from) / Math.log(to / from)) * (high - low)

/** One panel, drawn at the origin. `most`: the exponent of the dashed line. */
const panel = ({ title, size, most, points: all }, id) => {
  const points = usable(all)
  const [left, right, top, bottom] = [PAPER.left, PANEL.width - PAPER.right, PAPER.top, PANEL.height - PAPER.bottom]
  const head = `<text x="${left}" y="20" class="title">${plain(title)}</text>`
  if (points.length === 0) return `${head}<text x="${left}" y="${top + 20}" class="faint">no figures</text>`
  const ranges = [ends(points.map(({ x }) => x), 1.3, 1), ends(points.map(({ y }) => y), 1.8, DECADES)]
  const across = axis(ranges[0], [left, right])
  const up = axis(ranges[1], [bottom, top])
  const grid = [
    ...decades(...ranges[0]).map((value) => {
      const x = place(across(value))
      return `<path d="M${x} ${top}V${bottom}" class="grid"/><text x="${x}" y="${bottom + 14}" class="faint" text-anchor="middle">${compact(value)}</text>`
    }),
    ...decades(...ranges[1]).map((value) => {
      const y = up(value)
      return `<path d="M${left} ${place(y)}H${right}" class="grid"/><text x="${left - 6}" y="${place(y + 3.5)}" class="faint" text-anchor="end">${compact(value)}</text>`
    }),
  ]
  // Through the middle of the points, as an average of logarithms.
  const middle = Math.exp(points.reduce((sum, { x, y }) => sum + Math.log(y / x ** most), 0) / points.length)
  const guide = ranges[0].map((x) => `${place(across(x))} ${place(up(middle * x ** most))}`).join('L')
  const line = points.map(({ x, y }) => `${place(across(x))} ${place(up(y))}`).join('L')
  const marks = labelled(points.map(({ x, y }) => ({ x: across(x), y: up(y), text: short(y) })))
  const found = exponent(points)
  const told = found === undefined ? '' : `exponent ${found.toFixed(2).replace('-', '−')}; dashed: in proportion, ${most}`
  return [
    head,
    `<text x="${left}" y="35" class="faint">${told}</text>`,
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="${COLOURS.paper}"/>`,
    `<clipPath id="paper-${id}"><rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/></clipPath>`,
    ...grid,
    `<path d="M${guide}" class="guide" clip-path="url(#paper-${id})"/>`,
    `<path d="M${line}" class="line"/>`,
    ...marks,
    `<text x="${(left + right) / 2}" y="${bottom + 31}" class="faint" text-anchor="middle">${plain(size)}</text>`,
  ].join('\n')
}

/** Dots with their values: above, below where there is no room above, and no value where there is none at all. */
const labelled = (dots) => {
  const taken = []
  const overlaps = (a, b) => Math.abs(a.x - b.x) < LABEL.width && Math.abs(a.y - b.y) < LABEL.height
  return dots.map(({ x, y, text }) => {
    const free = [y - 7, y + 15].find((at) => !taken.some((other) => overlaps({ x, y: at }, other)))
    if (free !== undefined) taken.push({ x, y: free })
    const label = free === undefined ? '' : `<text x="${place(x)}" y="${place(free)}" text-anchor="middle">${text}</text>`
    return `<circle cx="${place(x)}" cy="${place(y)}" r="3"/>${label}`
  })
}

/** `panels`: `title`, `size` (what lies across), `most` and `points` each. */
export const plot = (title, panels) => {
  const [columns, rows] = [Math.min(COLUMNS, panels.length), Math.ceil(panels.length / COLUMNS)]
  const [width, height] = [columns * PANEL.width, rows * PANEL.height + 34]
  const drawn = panels.map((each, index) => {
    const [x, y] = [(index % COLUMNS) * PANEL.width, Math.floor(index / COLUMNS) * PANEL.height + 34]
    return `<g transform="translate(${x} ${y})">\n${panel(each, index)}\n</g>`
  })
  const style = [
    `text{font:10px ui-sans-serif,system-ui,sans-serif;fill:${COLOURS.text}}`,
    `.head{font-size:14px;font-weight:600}.title{font-size:12px;font-weight:600}.faint{fill:${COLOURS.faint}}`,
    `.grid{stroke:${COLOURS.grid}}.guide{stroke:${COLOURS.faint};stroke-dasharray:4 4;fill:none}`,
    `.line{stroke:${COLOURS.line};stroke-width:1.8;fill:none}circle{fill:${COLOURS.line}}`,
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${plain(title)}</title>`,
    `<style>${style.join('')}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${COLOURS.page}"/>`,
    `<text x="${PAPER.left}" y="26" class="head">${plain(title)}</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

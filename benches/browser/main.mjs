/**
 * The page under load: dragging among 90 blocks while twenty people move their pointers, and opening a canvas of 500 blocks.
 *
 * Question: does the page stay smooth, and how soon is there something to read? Unit: milliseconds between animation
 * frames while a block is dragged (p50, p95), milliseconds in long tasks (over 50 ms each, W3C Long Tasks), milliseconds
 * from the first element of the canvas page to a first screen whose every block is drawn. Data set: made here, seeded.
 *
 * ```text
 * node benches/browser/main.mjs            the real server (target/release/jabiru, or JABIRU_BIN) and Chromium on loopback
 * node benches/browser/main.mjs --check    the same, and fails above the budgets below
 * node benches/browser/main.mjs --only=drag --rounds=5      or --only=open
 * ```
 *
 * # What is real and what is not
 * - Server, page, sockets and the peers' sync are real; the peers have no screen. Everything shares one machine with a browser that
 *   draws in software, so the figures are an upper bound for any machine with a graphics card.
 * - The pointer is driven by the browser's input pipeline, a move for every frame; the drag crosses the canvas, so blocks make room.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

process.env.JABIRU_BIN ??= fileURLToPath(new URL('../../target/release/jabiru', import.meta.url))
const require = createRequire(new URL('../../tests/package.json', import.meta.url))
const { chromium } = require('@playwright/test')
const Y = require('yjs')
const { WebsocketProvider } = require('y-websocket')
const { WebSocket } = require('ws')
const { Server, until } = await import('../../tests/clients/server.mjs')

/** What the page must keep to on a machine with two cores and software rendering. Milliseconds. */
const BUDGET = { frameP95: 30, longTasks: 200, firstScreen: 1000 }
const PEERS = 20
/** Pointer moves a second of each peer, and how long the block is dragged. */
const RATE = 20
const DRAG_SECONDS = 3

const check = process.argv.includes('--check')
const only = process.argv.find((one) => one.startsWith('--only='))?.slice(7)
const rounds = Number(process.argv.find((one) => one.startsWith('--rounds='))?.slice(9) ?? 3)

/** xorshift: the same data in every run. */
let seed = 20_261_122
const random = () => {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) / 2 ** 32
}

const csv = () => {
  const regions = ['North', 'South', 'East', 'West']
  const lines = ['day,region,product,units,revenue']
  for (let row = 0; row < 2_000; row++) {
    const day = new Date(Date.UTC(2025, 0, 1 + (row % 360))).toISOString().slice(0, 10)
    const units = Math.round(random() * 90 + 5)
    lines.push(`${day},${regions[row % 4]},Product ${1 + Math.floor(random() * 12)},${units},${(units * (3 + random() * 9)).toFixed(2)}`)
  }
  return lines.join('\n')
}

const source = (dataset) => ({ type: 'dataset', dataset_id: dataset, parameters: {} })
const chart = (dataset, index) => ({
  chart_type: ['bar', 'line', 'area', 'pie'][index % 4],
  title: `Chart ${index + 1}`,
  data_source: source(dataset),
  config: index % 4 === 3 ? { x_axis: 'region', y_axis: 'revenue', aggregation: 'sum' } : { x_axis: index % 4 === 0 ? 'product' : 'day', y_axis: 'revenue', color: index % 3 === 0 ? 'region' : '', aggregation: 'sum' },
  style: { theme: 'auto', colors: [] },
})
const narrative = (index) => ({
  text: `## Note ${index + 1}\n\nRevenue moved with **units**, and the *west* led.\n\n- first point\n- second point with \`code\`\n- [a link](https://example.org)\n\n${'A sentence that makes the text long enough to wrap and to scroll. '.repeat(4)}`,
  data_bindings: [],
})
const table = (dataset, index) => ({
  title: `Table ${index + 1}`,
  data_source: source(dataset),
  columns: ['day', 'region', 'product', 'units', 'revenue'].map((field) => ({ field, header: field, type: field === 'revenue' || field === 'units' ? 'number' : 'string' })),
  pagination: { enabled: false, pageSize: 20 },
  sorting: { enabled: true },
  filtering: { enabled: true },
})

/** `count` blocks, three to a row: a chart, a narrative, a table. */
const canvasOf = (dataset, count) => ({
  blocks: Array.from({ length: count }, (_, index) => ({
    id: `block${index}`,
    type: ['chart', 'narrative', 'table'][index % 3],
    position: { x: (index % 3) * 4, y: Math.floor(index / 3) * 5, w: 4, h: 5 },
    content: [chart, (_dataset, at) => narrative(at), table][index % 3](dataset, Math.floor(index / 3)),
  })),
})

/** A person without a screen: in the room, pointer moving over the blocks that are in view. */
const peer = async (server, canvas, index) => {
  const token = await server.token({ role: 'editor', sub: `peer${index}`, name: `Peer ${index + 1}` })
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(server.sync, canvas, doc, { params: { token }, WebSocketPolyfill: WebSocket, disableBc: true })
  await until('a peer is in sync', () => provider.synced)
  const color = `hsl(${index * 36} 70% 50%)`
  provider.awareness.setLocalState({ user: { id: `peer${index}`, name: `Peer ${index + 1}`, color }, pointer: null, selection: [], drag: null })
  let step = index * 40
  const timer = setInterval(() => {
    step++
    provider.awareness.setLocalStateField('pointer', {
      block: `block${(index + Math.floor(step / 60)) % 9}`,
      fx: 0.5 + 0.45 * Math.sin(step / 9),
      fy: 0.5 + 0.45 * Math.cos(step / 7),
    })
  }, 1000 / RATE)
  return () => {
    clearInterval(timer)
    provider.destroy()
    doc.destroy()
  }
}

const percentile = (values, part) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]
const median = (values) => percentile(values, 0.5)

/** Counts frames and long tasks from here on. */
const startMeter = (page) =>
  page.evaluate(() => {
    const meter = { frames: [], long: [], running: true }
    window.meter = meter
    meter.observer = new PerformanceObserver((list) => meter.long.push(...list.getEntries().map(({ duration }) => duration)))
    meter.observer.observe({ type: 'longtask' })
    let last = performance.now()
    const frame = (now) => {
      meter.frames.push(now - last)
      last = now
      if (meter.running) requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
const stopMeter = (page) =>
  page.evaluate(() => {
    const { meter } = window
    meter.running = false
    for (const entry of meter.observer.takeRecords()) meter.long.push(entry.duration)
    meter.observer.disconnect()
    return { frames: meter.frames.slice(1), long: meter.long }
  })

/** Every block in view is drawn: mounted, and nothing in it is still a skeleton. */
const drawn = () => {
  // In reading order: what comes after the first one below the window need not be measured, which would cost more than it tells.
  const inView = []
  for (const element of document.querySelectorAll('[data-block-id]')) {
    const box = element.getBoundingClientRect()
    if (box.top >= innerHeight) break
    if (box.bottom > 0 && box.width > 0) inView.push(element)
  }
  return (
    inView.length >= 9 &&
    inView.every((element) => {
      const body = element.querySelector('.frame-body')
      if (body === null || body.childElementCount === 0 || element.querySelector('.blk-skeleton') !== null) return false
      if (element.dataset.blockType === 'chart') return element.querySelector('canvas') !== null
      return element.dataset.blockType === 'table' ? element.querySelector('tbody tr') !== null : element.querySelector('.cm-line') !== null
    })
  )
}

const dragAmongPeers = async (browser, server, canvas) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  await page.goto(await server.login())
  await page.goto(`${server.origin}/c/${canvas}`)
  await page.waitForFunction(drawn)
  const grip = await page.locator('[data-block-id="block0"]').hover().then(() => page.locator('[data-block-id="block0"]').getByTestId('drag-handle').boundingBox())
  const [x, y] = [grip.x + grip.width / 2, grip.y + grip.height / 2]
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x + 20, y + 20)
  await startMeter(page)
  const end = Date.now() + DRAG_SECONDS * 1000
  for (let step = 0; Date.now() < end; step++) {
    await page.mouse.move(x + 300 + 300 * Math.sin(step / 30), y + 220 + 220 * Math.sin(step / 23))
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve())))
  }
  const { frames, long } = await stopMeter(page)
  await page.keyboard.press('Escape')
  await page.mouse.up()
  await context.close()
  return { p50: median(frames), p95: percentile(frames, 0.95), long: long.reduce((sum, one) => sum + one, 0), frames: frames.length }
}

const openLarge = async (browser, server, canvas) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  // As on every visit but the first: the service worker has the files of this build.
  await page.goto(await server.login())
  await page.getByTestId('new-canvas').waitFor()
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  await page.addInitScript(`
    window.opened = { shell: 0, drawn: 0 }
    const drawn = ${drawn}
    const { port1, port2 } = new MessageChannel()
    const frame = () => requestAnimationFrame(() => port2.postMessage(0))
    // After the frame's own layout and paint: asking for boxes before would make the page lay out twice.
    port1.onmessage = () => {
      if (opened.shell === 0 && document.querySelector('[data-testid="canvas"]') !== null) opened.shell = performance.now()
      if (opened.shell !== 0 && drawn()) opened.drawn = performance.now()
      else frame()
    }
    frame()
  `)
  await page.goto(`${server.origin}/c/${canvas}`)
  await page.waitForFunction(() => window.opened.drawn > 0)
  const { shell, drawn: at } = await page.evaluate(() => window.opened)
  await context.close()
  return { shell, screen: at - shell }
}

const server = await Server.start()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const leave = []
let over = 0
const row = (what, value, budget) => {
  if (budget !== undefined && value > budget) over++
  console.log(`${what.padEnd(58)} ${value.toFixed(1).padStart(8)} ms${budget === undefined ? '' : `   budget ${budget}${value > budget ? '   OVER' : ''}`}`)
}
try {
  const headers = { Authorization: `Bearer ${await server.token()}`, 'Content-Type': 'text/csv' }
  const dataset = (await (await fetch(`${server.origin}/v1/datasets?name=Sales`, { method: 'POST', headers, body: csv() })).json()).id
  const busy = await server.canvas('Ninety blocks', canvasOf(dataset, 90))
  const large = await server.canvas('Five hundred blocks', canvasOf(dataset, 500))

  for (let index = 0; only !== 'open' && index < PEERS; index++) leave.push(await peer(server, busy, index))
  const drags = []
  for (let round = 0; only !== 'open' && round < rounds; round++) drags.push(await dragAmongPeers(browser, server, busy))
  for (const one of leave.splice(0)) one()
  const opens = []
  for (let round = 0; only !== 'drag' && round < rounds; round++) opens.push(await openLarge(browser, server, large))

  console.log(`medians of ${rounds} runs; 90 blocks and ${PEERS} peers at ${RATE} moves/s, ${DRAG_SECONDS} s of dragging`)
  if (drags.length > 0) {
    row('drag: between frames, p50', median(drags.map(({ p50 }) => p50)))
    row('drag: between frames, p95', median(drags.map(({ p95 }) => p95)), BUDGET.frameP95)
    row('drag: in long tasks, all together', median(drags.map(({ long }) => long)), BUDGET.longTasks)
  }
  if (opens.length > 0) {
    row('500 blocks: page to shell', median(opens.map(({ shell }) => shell)))
    row('500 blocks: shell to a first screen that is drawn', median(opens.map(({ screen }) => screen)), BUDGET.firstScreen)
  }
} finally {
  for (const one of leave) one()
  await browser.close()
  await server.remove()
}
if (check && over > 0) process.exit(1)

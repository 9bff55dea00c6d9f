/**
 * Every page and state as a picture: light and dark, three widths. `make screenshots` writes them to `target/screenshots`,
 * with an `index.html` that shows them side by side. `node e2e/screenshots.mjs home palette` draws only those.
 *
 * Owns the list of what there is to see: whoever adds a page or a state adds a scene. Nothing is compared; people look.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { Server } from '../clients/server.mjs'
import config from './playwright.config.mjs'

const OUT = new URL('../../target/screenshots/', import.meta.url)
const WIDTHS = { desktop: [1440, 900], tablet: [900, 1100], phone: [390, 844] }
const THEMES = ['light', 'dark']
const WIDE = ['desktop']

/** Nothing moves or loads any more: two frames with the same text and no skeleton in view. */
const settled = (page) =>
  page.waitForFunction(() => {
    const busy = [...document.querySelectorAll('.blk-skeleton, [aria-busy="true"], .home-skeleton')].some((element) => {
      const box = element.getBoundingClientRect()
      return box.bottom > 0 && box.top < innerHeight && box.width > 0
    })
    const text = document.body.innerText
    const same = window.lastText === text
    window.lastText = text
    return !busy && same
  }, null, { polling: 400 })

const sample = (name) => async (page, { canvases, server }) => {
  await page.goto(`${server.origin}/c/${canvases[name]}`)
  await page.getByTestId('grid').waitFor()
  await settled(page)
}
const jobs = sample('Eight years of American jobs')

/** With a block of this type selected and its settings open. */
const selected = (type, name) => async (page, world) => {
  await sample(name)(page, world)
  const block = page.locator(`[data-block-type="${type}"]`).first()
  await block.scrollIntoViewIfNeeded()
  await block.hover()
  await block.getByTestId('block-menu').waitFor()
  await block.focus()
  if (!(await page.getByTestId('inspector').isVisible())) await page.keyboard.press('Control+\\')
  await page.getByTestId('inspector').waitFor()
}

/** Each: what to do until the picture can be taken. `widths` where not all three make sense; `full`: the whole page. */
const SCENES = {
  home: { run: (page, { server }) => page.goto(server.origin) },
  'home-nothing-found': {
    run: async (page, { server }) => {
      await page.goto(server.origin)
      await page.getByTestId('home-search').fill('zzzz')
    },
  },
  'canvas-jobs': { run: jobs },
  'canvas-life': { run: sample('Fifty years of longer lives') },
  'canvas-climate': { run: sample('Carbon dioxide and temperature') },
  'canvas-weather': { run: sample('Seattle weather') },
  'canvas-penguins': { run: sample('Palmer penguins') },
  'canvas-sales': { run: sample('Q4 Sales Analysis') },
  'canvas-empty': {
    run: async (page, { server }) => {
      await page.goto(`${server.origin}/c/${await server.canvas('Untitled canvas')}`)
      await page.getByTestId('starters').waitFor()
    },
  },
  'inspector-chart': { run: selected('chart', 'Eight years of American jobs') },
  'inspector-metric': { run: selected('metric', 'Eight years of American jobs') },
  'inspector-table': { run: selected('table', 'Eight years of American jobs') },
  'inspector-narrative': { run: selected('narrative', 'Eight years of American jobs') },
  palette: {
    run: async (page, world) => {
      await jobs(page, world)
      await page.keyboard.press('Control+k')
      await page.getByRole('dialog').waitFor()
    },
  },
  shortcuts: {
    widths: WIDE,
    run: async (page, world) => {
      await jobs(page, world)
      await page.keyboard.press('Shift+?')
      await page.getByRole('dialog').waitFor()
    },
  },
  'add-menu': {
    run: async (page, world) => {
      await jobs(page, world)
      await page.getByTestId('add-menu').click()
      await page.getByTestId('add-chart').waitFor()
    },
  },
  present: {
    run: async (page, world) => {
      await jobs(page, world)
      await page.keyboard.press('p')
    },
  },
  kiosk: { run: async (page, { canvases, server }) => page.goto(`${server.origin}/c/${canvases['Seattle weather']}?kiosk`) },
  'no-such-canvas': { run: (page, { server }) => page.goto(`${server.origin}/c/01900000-0000-7000-8000-000000000000`) },
  'signed-out': { signedOut: true, run: (page, { server }) => page.goto(server.origin) },
}

const wanted = process.argv.slice(2).filter((one) => !one.startsWith('-'))
const unknown = wanted.filter((name) => !(name in SCENES))
if (unknown.length > 0) throw new Error(`no such scene: ${unknown.join(', ')}; there are ${Object.keys(SCENES).join(', ')}`)
const scenes = Object.entries(SCENES).filter(([name]) => wanted.length === 0 || wanted.includes(name))
if (wanted.length === 0) rmSync(OUT, { recursive: true, force: true })
mkdirSync(OUT, { recursive: true })

const server = await Server.start({ samples: true })
const browser = await chromium.launch(config.use.launchOptions)
const failed = []
try {
  const { items } = await (await server.call('/v1/canvases?limit=50')).json()
  const world = { server, canvases: Object.fromEntries(items.map(({ name, id }) => [name, id])) }
  const stored = await browser.newContext()
  const login = await stored.newPage()
  await login.goto(server.loginUrl)
  await login.getByTestId('new-canvas').waitFor()
  const storageState = await stored.storageState()
  for (const [name, { run, widths = Object.keys(WIDTHS), signedOut = false }] of scenes) {
    for (const width of widths) {
      for (const theme of THEMES) {
        const [w, h] = WIDTHS[width]
        const context = await browser.newContext({
          viewport: { width: w, height: h },
          colorScheme: theme,
          reducedMotion: 'reduce',
          hasTouch: width === 'phone',
          ...(signedOut ? {} : { storageState }),
        })
        const page = await context.newPage()
        page.setDefaultTimeout(20_000)
        const file = `${name}-${width}-${theme}.png`
        try {
          await run(page, world)
          await settled(page)
          await page.screenshot({ path: fileURLToPath(new URL(file, OUT)) })
          console.log(file)
        } catch (error) {
          failed.push(file)
          console.error(`${file}: ${String(error).split('\n')[0]}`)
        }
        await context.close()
      }
    }
  }
} finally {
  await browser.close()
  await server.remove()
}
const pictures = scenes.map(([name, { widths = Object.keys(WIDTHS) }]) => {
  const cells = widths.flatMap((width) => THEMES.map((theme) => `<img loading="lazy" src="${name}-${width}-${theme}.png" alt="${name}, ${width}, ${theme}">`))
  return `<h2>${name}</h2><div>${cells.join('')}</div>`
})
writeFileSync(
  new URL('index.html', OUT),
  `<!doctype html><meta charset="utf-8"><title>Screenshots</title><style>body{font:14px system-ui;background:#888}div{display:flex;gap:12px;align-items:start;overflow-x:auto}img{height:520px;background:#fff}</style>${pictures.join('')}`,
)
if (failed.length > 0) process.exit(1)

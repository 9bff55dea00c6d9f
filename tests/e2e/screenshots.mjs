/**
 * Every page and state as a picture: light and dark, three widths. `make screenshots` writes them to `target/screenshots`,
 * with an `index.html` that shows them side by side. `node e2e/screenshots.mjs home palette` draws only those. Pages come
 * at three widths; the many states of `states.mjs` on the widest. Nothing is compared; people look.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { Server } from '../clients/server.mjs'
import config from './playwright.config.mjs'
import { CANVAS, everything, HOME, press, themed } from './states.mjs'

const OUT = new URL('../../target/screenshots/', import.meta.url)
const WIDTHS = { desktop: [1440, 900], tablet: [900, 1100], phone: [390, 844] }
const THEMES = ['light', 'dark']

/** Nothing moves or loads any more: two looks with the same text, and no skeleton or missing picture in view. */
const settled = (page) =>
  page.waitForFunction(() => {
    const missing = [...document.querySelectorAll('.blk-skeleton, [aria-busy="true"], .home-skeleton, .thumb:not(:has(*))')]
    const busy = missing.some((element) => {
      const box = element.getBoundingClientRect()
      return box.bottom > 0 && box.top < innerHeight && box.width > 0
    })
    const text = document.body.innerText
    const same = window.lastText === text
    window.lastText = text
    return !busy && same
  }, null, { polling: 500 })

const sample = (name) => async (page, { canvases, server }) => {
  await page.goto(`${server.origin}/c/${canvases[name]}`)
  await page.getByTestId('grid').waitFor()
}
const jobs = sample('Eight years of American jobs')

/** Pages, each at three widths. */
const PAGES = {
  home: { run: (page, { server }) => page.goto(server.origin) },
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
  settings: {
    run: async (page, world) => {
      await jobs(page, world)
      await page.locator('[data-block-type="chart"]').first().focus()
      await page.keyboard.press('Control+\\')
      await page.getByTestId('inspector').waitFor()
    },
  },
  palette: {
    run: async (page, world) => {
      await jobs(page, world)
      await page.keyboard.press('Control+k')
      await page.getByTestId('palette').waitFor()
    },
  },
  present: {
    run: async (page, world) => {
      await jobs(page, world)
      await page.keyboard.press('p')
      await page.getByTestId('presenting').waitFor()
    },
  },
  kiosk: { run: async (page, { canvases, server }) => page.goto(`${server.origin}/c/${canvases['Seattle weather']}?kiosk`) },
  print: {
    widths: ['desktop'],
    run: async (page, world) => {
      await jobs(page, world)
      await page.emulateMedia({ media: 'print' })
    },
  },
  // Last of those with a canvas: by now there is something to count.
  usage: {
    run: async (page, { server }) => {
      await page.goto(`${server.origin}/usage`)
      await page.getByTestId('usage').waitFor()
    },
  },
  'canvas-usage': {
    run: async (page, world) => {
      await jobs(page, world)
      await page.getByTestId('view-menu').or(page.getByTestId('phone-menu')).click()
      await page.getByTestId('canvas-usage').click()
      await page.getByTestId('usage').waitFor()
    },
  },
  'no-such-canvas': { run: (page, { server }) => page.goto(`${server.origin}/c/01900000-0000-7000-8000-000000000000`) },
  'signed-out': { signedOut: true, run: (page, { server }) => page.goto(server.origin) },
}

/** The states the accessibility tests look at, one after the other on the widest window. */
const walk = (states, start) => async (page, world, shoot) => {
  await start(page, world)
  for (const [name, enter, leave = press('Escape')] of states) {
    await enter(page)
    await settled(page)
    await shoot(name.replace(/[^a-z]+/g, '-'))
    await leave(page)
  }
}
const WALKS = {
  home: walk(HOME, (page, { server }) => page.goto(server.origin)),
  canvas: walk(CANVAS, async (page, { server }) => {
    await page.goto(`${server.origin}/c/${await everything(server)}`)
    await page.getByTestId('grid').waitFor()
  }),
}

const wanted = process.argv.slice(2)
const names = [...Object.keys(PAGES), 'home-states', 'canvas-states']
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${names.join(', ')}`)
const asked = (name) => wanted.length === 0 || wanted.includes(name)
if (wanted.length === 0) rmSync(OUT, { recursive: true, force: true })
mkdirSync(OUT, { recursive: true })

const server = await Server.start({ samples: true })
const browser = await chromium.launch(config.use.launchOptions)
const failed = []
try {
  const { items } = await (await server.call('/v1/canvases?limit=50')).json()
  const world = { server, canvases: Object.fromEntries(items.map(({ name, id }) => [name, id])) }
  const first = await browser.newContext()
  const login = await first.newPage()
  await login.goto(server.loginUrl)
  await login.getByTestId('new-canvas').waitFor()
  const storageState = await first.storageState()

  /** One page in a browser of its own; what it cannot do is said, and the others go on. */
  const visit = async (name, width, theme, signedOut, run) => {
    const [w, h] = WIDTHS[width]
    const context = await browser.newContext({
      viewport: { width: w, height: h },
      hasTouch: width === 'phone',
      ...(signedOut ? {} : { storageState }),
    })
    const page = await context.newPage()
    await themed(page, theme)
    const shoot = async (state) => {
      const file = `${state}-${width}-${theme}.png`
      await page.screenshot({ path: fileURLToPath(new URL(file, OUT)) })
      console.log(file)
    }
    try {
      await run(page, world, shoot)
    } catch (error) {
      failed.push(`${name}-${width}-${theme}`)
      console.error(`${name}, ${width}, ${theme}: ${String(error).split('\n')[0]}`)
    }
    await context.close()
  }
  for (const theme of THEMES) {
    for (const [name, { run, widths = Object.keys(WIDTHS), signedOut = false }] of Object.entries(PAGES)) {
      if (!asked(name)) continue
      for (const width of widths) {
        await visit(name, width, theme, signedOut, async (page, all, shoot) => {
          await run(page, all)
          await settled(page)
          await shoot(name)
        })
      }
    }
    for (const [name, run] of Object.entries(WALKS)) {
      if (asked(`${name}-states`)) {
        await visit(`${name}-states`, 'desktop', theme, false, (page, all, shoot) => run(page, all, (state) => shoot(`${name}-state-${state}`)))
      }
    }
  }
} finally {
  await browser.close()
  await server.remove()
}
const files = readdirSync(OUT).filter((file) => file.endsWith('.png'))
const groups = new Map()
for (const file of files) {
  const name = file.replace(/-(desktop|tablet|phone)-(light|dark)\.png$/, '')
  groups.set(name, [...(groups.get(name) ?? []), file])
}
const sections = [...groups].map(([name, all]) => `<h2>${name}</h2><div>${all.map((file) => `<img loading="lazy" src="${file}" alt="${file}">`).join('')}</div>`)
writeFileSync(
  new URL('index.html', OUT),
  `<!doctype html><meta charset="utf-8"><title>Screenshots</title><style>body{font:14px system-ui;background:#888}div{display:flex;gap:12px;align-items:start;overflow-x:auto}img{height:520px;background:#fff}</style>${sections.join('')}`,
)
if (failed.length > 0) process.exit(1)

/**
 * Without a mouse, and for those who do not see the screen: axe finds nothing on any page, dialog and state in either
 * theme, colours of one's own system are respected, and twice the size needs no scrolling sideways.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { block, expect, FOUR_NOTES, open, place, position, saved, status, test } from './people.mjs'
import { CANVAS, everything, HOME, press, select, themed } from './states.mjs'

const require = createRequire(import.meta.url)
/** The axe of `@axe-core/playwright`, without its own page for each look: there are a hundred looks here. */
const AXE = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8')

/** The rules that failed, each with the elements it failed on. */
const violations = async (page) => {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { resultTypes: ['violations'] })
    return found.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)])
  })
}

const look = async (page, name) => {
  // Colours on their way from one theme to the other are no colours anybody reads.
  // One that ends can begin another, in what inherits from it.
  await page.evaluate(async () => {
    for (let turn = 0; turn < 6; turn++) {
      for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish()
      await new Promise(requestAnimationFrame)
    }
  })
  expect.soft(await violations(page), name).toEqual([])
}

const walk = async (page, states) => {
  for (const [name, enter, leave = press('Escape')] of states) {
    await test.step(name, async () => {
      await enter(page)
      await look(page, name)
      await leave(page)
    })
  }
}

for (const theme of ['light', 'dark']) {
  test.describe(theme, () => {
    test.use({ samples: true })

    test(`axe finds nothing on any page, dialog and state in the ${theme} theme`, async ({ people, server }) => {
      const [canvas, gone] = [await everything(server), await server.canvas('Thrown away')]
      await server.call(`/v1/canvases/${canvas}/favourite`, { method: 'PUT' })
      await server.call(`/v1/canvases/${gone}`, { method: 'DELETE' })
      const page = await people.person()
      await themed(page, theme)
      await page.goto(server.origin)
      await expect(page.getByTestId('signed-out')).toBeVisible()
      await look(page, 'signed out')
      await page.goto(server.loginUrl)
      await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThan(4)
      await expect(page.getByTestId('thumbnail').first()).toBeVisible()
      await walk(page, HOME)
      await page.getByRole('link', { name: 'Everything', exact: true }).click()
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      const ben = await people.guest({ name: 'Ben Okri', canvas, role: 'viewer' })
      await themed(ben, theme)
      await expect(block(ben, 'chart').locator('canvas').first()).toBeVisible()
      await block(ben, 'metric').focus()
      await expect(page.getByTestId('avatar')).toHaveCount(2)
      await look(ben, 'as a viewer')
      await walk(page, CANVAS)
      await ben.context().close()

      await page.goto(`${server.origin}/c/${canvas}?kiosk`)
      await expect(page.getByTestId('kiosk')).toBeAttached()
      await expect(page.locator('[data-block-id="chart"] canvas').first()).toBeVisible()
      await look(page, 'kiosk')
      await page.goto(`${server.origin}/c/01900000-0000-7000-8000-000000000000`)
      await expect(page.getByRole('heading', { name: 'There is no such canvas' })).toBeVisible()
      await look(page, 'no such canvas')

      await page.goto(server.origin)
      await page.getByTestId('new-canvas').click()
      await expect(page.getByTestId('starter-sample')).toBeVisible()
      await look(page, 'an empty canvas')
      // What is not saved yet is asked for before it is deleted from the device.
      await saved(page)
      await server.stop()
      await expect(status(page)).not.toHaveAttribute('data-status', 'saved')
      await page.keyboard.press('1')
      await expect(page.getByTestId('block')).toHaveCount(1)
      await look(page, 'offline')
      await page.getByRole('link', { name: 'All canvases' }).click()
      await expect(page.getByRole('heading', { name: 'Canvases' })).toBeVisible()
      await page.getByRole('button', { name: /Signed in as/ }).press('Enter')
      await page.getByRole('menuitem', { name: 'Sign out' }).press('Enter')
      await expect(page.getByRole('dialog')).toBeVisible()
      await look(page, 'sign out, with changes that are not saved')
      await server.up()
    })
  })
}

test.describe('a phone', () => {
  test.use({ samples: true })

  test('axe finds nothing at the width of a phone, its sheet and its menu', async ({ browser, server }) => {
    const canvas = await everything(server)
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    const page = await context.newPage()
    await page.goto(server.loginUrl)
    await expect(page.getByTestId('thumbnail').first()).toBeVisible()
    const both = async (name) => {
      for (const theme of ['light', 'dark']) {
        await themed(page, theme)
        await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
        await look(page, `${name}, ${theme}`)
      }
    }
    await both('home')
    await page.goto(`${server.origin}/c/${canvas}`)
    await expect(status(page)).toHaveAttribute('data-status', 'saved')
    await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
    await both('canvas')
    await block(page, 'narrative').scrollIntoViewIfNeeded()
    await expect(page.locator('.md-chip').first()).toBeVisible()
    await both('a text')
    await page.getByTestId('phone-menu').tap()
    await expect(page.getByTestId('view-present')).toBeVisible()
    await both('the menu')
    await page.keyboard.press('Escape')
    await block(page, 'chart').scrollIntoViewIfNeeded()
    await block(page, 'chart').getByTestId('block-settings').tap()
    await expect(page.getByTestId('panel-close')).toBeVisible()
    await expect(page.getByTestId('chart-type-bar')).toBeVisible()
    await both('settings as a sheet')
    await context.close()
  })
})

test('in the colours of the system what is selected, pressed and focused is still to be seen', async ({ people, server }) => {
  const canvas = await everything(server)
  const page = await people.owner()
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
  await open(page, server, canvas)
  await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
  /** A line around it: a border or an outline that has a width and a style. Colours of a shadow or a ground are gone. */
  const lined = (locator) =>
    locator.evaluate((element) => {
      const style = getComputedStyle(element)
      const border = style.borderTopStyle !== 'none' && Number.parseFloat(style.borderTopWidth) > 0
      return border || (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0)
    })
  const outlined = (locator) =>
    locator.evaluate((element) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0
    })
  await page.keyboard.press('Tab')
  await block(page, 'metric').focus()
  await page.keyboard.press('Control+\\')
  expect.soft(await lined(block(page, 'chart')), 'a block has an edge').toBe(true)
  expect.soft(await outlined(block(page, 'metric')), 'a selected block stands out').toBe(true)
  await page.getByTestId('view-menu').focus()
  expect.soft(await outlined(page.getByTestId('view-menu')), 'the focus of a button').toBe(true)
  await page.getByTestId('view-menu').press('Enter')
  await expect(page.getByTestId('view-kiosk')).toBeVisible()
  expect.soft(await lined(page.locator('.ui-menu')), 'a menu has an edge').toBe(true)
  const [item, other] = [page.locator('.ui-menu-item[data-highlighted]'), page.locator('.ui-menu-item:not([data-highlighted])').first()]
  const paint = (locator) => locator.evaluate((element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).outlineStyle].join())
  await expect(item).toHaveCount(1)
  expect.soft(await paint(item), 'the entry that Enter takes').not.toBe(await paint(other))
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await expect(page.getByTestId('palette').getByRole('option').first()).toBeVisible()
  const options = page.getByTestId('palette').getByRole('option')
  expect.soft(await paint(options.first()), 'the command that Enter runs').not.toBe(await paint(options.nth(1)))
  await page.keyboard.press('Escape')
  const pressed = page.locator('.insp-types [aria-pressed="true"], .insp-types [aria-checked="true"]')
  await select(page, 'chart')
  await expect(pressed).toHaveCount(1)
  const unpressed = page.locator('.insp-types button:is([aria-pressed="false"], [aria-checked="false"])').first()
  const edge = (locator) => locator.evaluate((element) => [getComputedStyle(element).borderTopColor, getComputedStyle(element).backgroundColor, getComputedStyle(element).outlineStyle].join())
  expect.soft(await edge(pressed), 'the chosen type of chart').not.toBe(await edge(unpressed))
  await look(page, 'forced colours')
})

test.describe('at twice the size', () => {
  // What a window of 1440 x 900 has to give at 200 %.
  test.use({ samples: true, viewport: { width: 720, height: 450 } })

  test('no page scrolls sideways, and no control is out of reach', async ({ people, server }) => {
    const canvas = await everything(server)
    const page = await people.owner()
    page.setDefaultTimeout(20_000)
    const fits = async (name) => {
      const { wide, out } = await page.evaluate(() => {
        const shown = [...document.querySelectorAll('button, a, input, select, [role="menuitem"], [role="option"]')].filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest('.visually-hidden, .tbl-scroll, .cm-editor, .grid'))
        return {
          wide: document.documentElement.scrollWidth,
          out: shown.map((one) => [one.getAttribute('aria-label') || one.textContent || one.outerHTML, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && (box.left < -1 || box.right > innerWidth + 1)).map(([label]) => label),
        }
      })
      expect.soft({ wide, out }, name).toEqual({ wide: 720, out: [] })
    }
    await expect(page.getByTestId('thumbnail').first()).toBeVisible()
    await fits('home')
    await open(page, server, canvas)
    await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
    await fits('canvas')
    const states = CANVAS.filter(([name]) => ['palette', 'shortcuts', 'status', 'filter'].includes(name))
    for (const [name, enter, leave = press('Escape')] of states) {
      await enter(page)
      await fits(name)
      await leave(page)
    }
    await page.getByTestId('phone-menu').press('Enter')
    await expect(page.getByTestId('view-present')).toBeVisible()
    await fits('the menu')
    await page.getByTestId('theme-system').scrollIntoViewIfNeeded()
    await expect(page.getByTestId('theme-system')).toBeInViewport()
    await page.keyboard.press('Escape')
    await block(page, 'chart').focus()
    await page.keyboard.press('Control+\\')
    await fits('settings')
    await page.getByTestId('inspector').getByTestId('dataset-select').press('Enter')
    await expect(page.getByTestId('dataset-preview')).toBeVisible()
    await fits('datasets')
    // The last of a tall dialog can be reached.
    await page.getByTestId('dataset-use').scrollIntoViewIfNeeded()
    await expect(page.getByTestId('dataset-use')).toBeInViewport()
  })
})
test('Alt and arrows move a block, Alt, Shift and arrows resize it, and each is said', async ({ people, server }) => {
  const canvas = await server.canvas('By keyboard', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  const said = ada.getByTestId('announcement')
  await block(ada, 'c').focus()
  await ada.keyboard.press('Alt+Shift+ArrowLeft')
  await expect(said).toHaveText('Note C is now 5 columns wide, 4 rows high.')
  await ada.keyboard.press('Alt+ArrowRight')
  await expect(said).toHaveText('Note C moved to column 2, row 5.')
  await expect(block(ada, 'c')).toBeFocused()
  await saved(ada)
  expect(await position(server, canvas, 'c')).toEqual({ x: 1, y: 4, w: 5, h: 4 })
  await expect.poll(async () => JSON.stringify(await place(ben, 'c'))).toBe(JSON.stringify(await place(ada, 'c')))

  await ada.keyboard.press('Alt+ArrowUp')
  await expect(said).toHaveText(/Note C moved to column 2, row [1-4]\./)
  await ada.keyboard.press('Control+z')
  await expect.poll(() => position(server, canvas, 'c')).toEqual({ x: 1, y: 4, w: 5, h: 4 })
  await ada.keyboard.press('Control+d')
  await expect(said).toHaveText('Duplicated the block.')
  await ada.keyboard.press('Delete')
  await expect(said).toHaveText('Deleted the block.')
  await expect(ada.getByTestId('block')).toHaveCount(4)
})

test('from the link to a written note without a mouse', async ({ people, server }) => {
  const canvas = await server.canvas('Keys only', FOUR_NOTES)
  const page = await people.owner()
  await expect(page.getByTestId('home-row')).toHaveCount(1)
  await page.getByRole('link', { name: 'Keys only' }).focus()
  await page.keyboard.press('Enter')
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  // Tab leads to the blocks in reading order, Enter goes in, Escape comes out.
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate(() => document.activeElement?.getAttribute('data-block-id'))) === 'a') break
  }
  await expect(block(page, 'a')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(block(page, 'a').locator('.cm-content')).toBeFocused()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' written with keys')
  await expect(block(page, 'a')).toContainText('Note A written with keys')
  await page.keyboard.press('Escape')
  await expect(block(page, 'a')).toBeFocused()
  await saved(page)
  const json = await (await server.call(`/v1/canvases/${canvas}`)).json()
  expect(json.blocks.find(({ id }) => id === 'a').content.text).toBe('Note A written with keys')
})

/** How a canvas is shown: one block alone, presented, in a kiosk, on a tablet, on a phone, on paper. */
import { block, canvasJson, expect, FOUR_NOTES, open, saved, status, test } from './people.mjs'

const heading = (id, y, text) => ({ id, type: 'heading', position: { x: 0, y, w: 12, h: 1 }, content: { text, level: 1, line: true } })
const note = (id, x, y, w = 6, h = 5) => ({ id, type: 'narrative', position: { x, y, w, h }, content: { text: `Note ${id}` } })
/** Two sections of two notes each. */
const SECTIONS = {
  blocks: [heading('h1', 0, 'First part'), note('a', 0, 1), note('b', 6, 1), heading('h2', 6, 'Second part'), note('c', 0, 7), note('d', 6, 7)],
}
const visible = (page, id) =>
  block(page, id).evaluate((frame) => {
    const box = frame.getBoundingClientRect()
    return box.top >= 0 && box.bottom <= innerHeight
  })

test('F shows the selected block alone and live, Escape brings everything and the focus back', async ({ people, server }) => {
  const canvas = await server.canvas('Solo', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await block(ada, 'c').focus()
  await ada.keyboard.press('f')
  await expect.poll(async () => (await block(ada, 'c').boundingBox()).height).toBe(900)
  await expect(block(ada, 'a')).toBeHidden()
  await expect(ada.getByTestId('canvas-title')).toHaveCount(0)
  await block(ben, 'c').locator('.cm-content').click()
  await ben.keyboard.press('Control+End')
  await ben.keyboard.type(' live')
  await expect(block(ada, 'c')).toContainText('Note C live')
  await ada.keyboard.press('Escape')
  await expect(block(ada, 'a')).toBeVisible()
  await expect(block(ada, 'c')).toBeFocused()
  await expect(ada.getByTestId('canvas-title')).toBeVisible()
})

test('a block that fills the window and is deleted by another gives the canvas back', async ({ people, server }) => {
  const canvas = await server.canvas('Solo deleted', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await block(ada, 'c').focus()
  await ada.keyboard.press('f')
  await expect(block(ada, 'a')).toBeHidden()
  await block(ben, 'c').focus()
  await ben.keyboard.press('Delete')
  await expect(block(ada, 'a')).toBeVisible()
  await expect(ada.getByTestId('canvas-title')).toBeVisible()
})

test('P presents section by section; nothing can be changed by keys, and it stays live', async ({ people, server }) => {
  const canvas = await server.canvas('Talk', SECTIONS)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await block(ada, 'a').focus()
  await ada.keyboard.press('p')
  await expect(ada.getByTestId('presenting')).toBeVisible()
  await expect(ada.getByTestId('page')).toHaveText('1 / 2')
  await expect(ada.getByTestId('canvas-title')).toHaveCount(0)
  await expect.poll(() => visible(ada, 'a')).toBe(true)
  expect(await visible(ada, 'd')).toBe(false)

  await ada.keyboard.press('PageDown')
  await expect(ada.getByTestId('page')).toHaveText('2 / 2')
  await expect(ada.getByTestId('announcement')).toHaveText('Page 2 of 2: Second part.')
  await expect.poll(() => visible(ada, 'd')).toBe(true)
  await ada.keyboard.press('ArrowRight')
  await expect(ada.getByTestId('page')).toHaveText('2 / 2')
  await ada.keyboard.press('ArrowLeft')
  await expect(ada.getByTestId('page')).toHaveText('1 / 2')

  // Accidents: deleting, moving, undoing, typing into a text.
  await block(ada, 'a').click()
  for (const key of ['Delete', 'Backspace', 'x', 'Control+d', 'Control+z', 'Alt+ArrowRight', '/']) await ada.keyboard.press(key)
  await block(ben, 'b').locator('.cm-content').click()
  await ben.keyboard.press('Control+End')
  await ben.keyboard.type(' live')
  await expect(block(ada, 'b')).toContainText('Note b live')
  await saved(ben)
  const { blocks } = await canvasJson(server, canvas)
  expect(blocks.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'd', 'h1', 'h2'])
  expect(blocks.find(({ id }) => id === 'a').content.text).toBe('Note a')
  expect(blocks.find(({ id }) => id === 'a').position).toEqual({ x: 0, y: 1, w: 6, h: 5 })

  await ada.keyboard.press('Escape')
  await expect(ada.getByTestId('presenting')).toHaveCount(0)
  await expect(ada.getByTestId('canvas-title')).toBeVisible()
})

test('?kiosk has no bars and changes nothing; Escape leaves it and cleans the address', async ({ people, server }) => {
  const canvas = await server.canvas('Wall', FOUR_NOTES)
  const page = await people.owner()
  await page.goto(`${server.origin}/c/${canvas}?kiosk`)
  await expect(block(page, 'a')).toBeVisible()
  await expect(page.getByTestId('canvas-title')).toHaveCount(0)
  await expect(page.getByTestId('drag-handle')).toHaveCount(0)
  await expect(page.getByTestId('block-menu')).toHaveCount(0)
  await expect(page.getByRole('heading', { level: 1, name: 'Wall' })).toBeAttached()
  await block(page, 'a').focus()
  await page.keyboard.press('Delete')
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('canvas-title')).toBeVisible()
  await expect(page.getByTestId('block')).toHaveCount(4)
  expect(page.url()).toBe(`${server.origin}/c/${canvas}`)
})

test('all of it is in the View menu and by keyboard', async ({ people, server }) => {
  const canvas = await server.canvas('Menu', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  await page.getByTestId('view-menu').focus()
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('view-kiosk')).toBeVisible()
  await page.getByTestId('theme-dark').press('Enter')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.getByTestId('view-menu').press('Enter')
  await expect(page.getByTestId('theme-dark')).toHaveAttribute('aria-checked', 'true')
  await page.getByTestId('view-present').press('Enter')
  await expect(page.getByTestId('presenting')).toBeVisible()
})

test('the status says in words what is where', async ({ people, server }) => {
  const canvas = await server.canvas('Where', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  await status(page).press('Enter')
  const details = page.getByTestId('status-details')
  await expect(details).toContainText('Has every change you made here.')
  await page.keyboard.press('Escape')
  await expect(details).toBeHidden()
  await server.stop()
  await expect(status(page)).toHaveAttribute('data-status', /offline|reconnecting/)
  await expect(page.getByTestId('status-news')).toContainText(/cannot be reached|Waiting|Reconnecting/)
  await block(page, 'a').locator('.cm-content').click()
  await page.keyboard.type('x')
  await status(page).click()
  await expect(details).toContainText('1 change has not arrived.')
  await expect(details).toContainText('You may close the page.')
  await server.up()
  await expect(details).toContainText('Has every change you made here. Last saved at')
  await expect(page.getByTestId('status-news')).toContainText('Connected again')
})

for (const [name, width, height] of [['a tablet', 820, 1100], ['a phone', 390, 844]]) {
  test.describe(name, () => {
    test.use({ samples: true })

    test(`${name}: nothing is cut off, controls are large enough and reachable, settings are a sheet`, async ({ browser, server }) => {
      const context = await browser.newContext({ viewport: { width, height }, hasTouch: true, isMobile: width < 768 })
      const page = await context.newPage()
      await page.goto(server.loginUrl)
      await page.getByRole('link', { name: /Q4 Sales/ }).first().tap()
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      await expect(page.locator('[data-block-type="chart"] canvas').first()).toBeVisible()
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      const small = await page.locator('header.bar :is(button, a):visible, .frame-tools button:visible').evaluateAll((controls) =>
        controls
          .map((control) => [control.getAttribute('aria-label') ?? control.textContent, control.getBoundingClientRect()])
          .filter(([, box]) => box.height < 34 || box.width < 34 || box.right > innerWidth || box.left < 0)
          .map(([label, box]) => `${label}: ${Math.round(box.width)} x ${Math.round(box.height)}`),
      )
      expect(small).toEqual([])

      await page.locator('[data-block-type="chart"]').first().getByTestId('block-settings').tap()
      const sheet = page.getByTestId('inspector')
      await expect(sheet).toBeVisible()
      const box = await sheet.boundingBox()
      expect(Math.round(box.x + box.width)).toBe(width)
      if (width < 768) expect(box.height).toBeLessThanOrEqual(height * 0.65)
      await page.getByTestId('panel-close').tap()
      await expect(sheet).toHaveCount(0)
      await page.getByTestId(width < 768 ? 'phone-menu' : 'view-menu').tap()
      await expect(page.getByTestId('view-present')).toBeVisible()
      await context.close()
    })
  })
}

test.describe('on paper', () => {
  test.use({ samples: true })

  test('it is light, without bars, and no block crosses the end of a page', async ({ people, server }) => {
    const page = await people.person()
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.goto(server.loginUrl)
    await page.getByRole('link', { name: /Q4 Sales/ }).first().click()
    await expect(page.locator('[data-block-type="chart"] canvas').first()).toBeVisible()
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'light')
    const look = await page.evaluate(() => {
      const style = (selector) => getComputedStyle(document.querySelector(selector))
      return {
        page: style('body').backgroundColor,
        block: style('.frame').backgroundColor,
        text: style('.frame').color,
        position: style('.frame').position,
        breaks: style('.frame').breakInside,
        handles: style('.frame-bar').display,
      }
    })
    expect(look).toEqual({
      page: 'rgb(255, 255, 255)',
      block: 'rgb(255, 255, 255)',
      text: 'rgb(21, 24, 30)',
      position: 'relative',
      breaks: 'avoid',
      handles: 'none',
    })
    await expect(status(page)).toBeHidden()
    await page.emulateMedia({ media: 'screen', colorScheme: 'dark' })
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  })
})

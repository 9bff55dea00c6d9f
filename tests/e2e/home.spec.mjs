/** The home page: pictures of the real canvases, finding one, favourites, what was deleted, copies, and the first steps. */
import AxeBuilder from '@axe-core/playwright'
import { expect, open, status, test } from './people.mjs'

const row = (page, name) => page.getByTestId('home-row').filter({ has: page.getByRole('link', { name, exact: true }) })
const names = (page) => page.locator('.home-name').allTextContents()

/** How many marks of each colour of the charts a picture has. */
const marks = (picture) =>
  picture.evaluate((svg) => {
    const pieces = [...svg.querySelectorAll('path')].filter((path) => /--chart-/.test(path.getAttribute('style') ?? ''))
    return pieces.reduce((sum, path) => sum + (path.getAttribute('d').match(/M/g) ?? []).length, 0)
  })

test.describe('with samples', () => {
  test.use({ samples: true })

  test('each card shows its canvas as it is', async ({ people }) => {
    const page = await people.owner()
    await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThan(3)
    const count = await page.getByTestId('home-row').count()
    await expect(page.getByTestId('thumbnail')).toHaveCount(count)
    // Eighty years or so of bars, and a line; not a picture that stands for any canvas.
    const climate = row(page, 'Carbon dioxide and temperature').getByTestId('thumbnail')
    expect(await marks(climate)).toBeGreaterThan(30)
    await expect(climate.locator('text').filter({ hasText: 'CO₂' })).not.toHaveCount(0)
    const pictures = await page.getByTestId('thumbnail').evaluateAll((all) => all.map((svg) => svg.innerHTML))
    expect(new Set(pictures).size).toBe(count)
  })

  test('a copy of a sample is made in two presses', async ({ people }) => {
    const page = await people.owner()
    await page.getByTestId('new-more').click()
    await page.getByTestId('new-from-canvas').click()
    await page.getByTestId('pick-canvas').filter({ hasText: 'Palmer penguins' }).click()
    await expect(status(page)).toHaveAttribute('data-status', 'saved')
    await expect(page.getByTestId('canvas-title')).toHaveValue('Palmer penguins (copy)')
    await expect(page.locator('[data-block-type="chart"] canvas').first()).toBeVisible()
  })

  for (const theme of ['light', 'dark']) {
    test(`no axe violations on home, its menus and an empty canvas in the ${theme} theme`, async ({ people, server }) => {
      const page = await people.person()
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      await page.goto(server.loginUrl)
      await expect(page.getByTestId('thumbnail').first()).toBeVisible()
      const violations = async () =>
        (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => [
          id,
          nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`),
        ])
      expect.soft(await violations()).toEqual([])
      await page.getByTestId('new-more').click()
      await page.getByTestId('new-from-canvas').click()
      await expect(page.getByTestId('pick-canvas').first()).toBeVisible()
      expect.soft(await violations()).toEqual([])
      await page.keyboard.press('Escape')
      await page.getByTestId('new-canvas').click()
      await expect(page.getByTestId('starter-sample')).toBeVisible()
      await page.getByTestId('checklist-small').click()
      expect.soft(await violations()).toEqual([])
    })
  }
})

test('the search finds by name, is reached by / and led out of by arrows', async ({ people, server }) => {
  for (const name of ['Spring plan', 'Autumn plan', 'Budget']) await server.canvas(name)
  const page = await people.owner()
  await expect(page.getByTestId('home-row')).toHaveCount(3)
  await page.keyboard.press('/')
  await expect(page.getByTestId('home-search')).toBeFocused()
  await page.keyboard.type('PLAN')
  await expect(page.getByTestId('home-row')).toHaveCount(2)
  await page.keyboard.press('ArrowDown')
  await expect(page.locator('.home-name').first()).toBeFocused()
  await page.keyboard.press('ArrowRight')
  await expect(page.locator('.home-name').nth(1)).toBeFocused()
  await page.keyboard.press('ArrowUp')
  await expect(page.getByTestId('home-search')).toBeFocused()
  await page.keyboard.type(' that nobody made')
  await expect(page.getByTestId('home-none')).toContainText('Nothing found for “PLAN that nobody made”')
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('home-row')).toHaveCount(3)
})

test('favourites are one’s own; recent ones come by when they were opened', async ({ people, server }) => {
  const ids = {}
  for (const name of ['One', 'Two', 'Three']) ids[name] = await server.canvas(name)
  const page = await people.owner()
  await row(page, 'Two').hover()
  await row(page, 'Two').getByTestId('favourite').click()
  await expect(row(page, 'Two').getByTestId('favourite')).toHaveAttribute('aria-pressed', 'true')
  await page.getByTestId('view-favourites').click()
  await expect.poll(() => names(page)).toEqual(['Two'])
  await page.reload()
  await expect.poll(() => names(page)).toEqual(['Two'])

  await page.getByTestId('view-recent').click()
  await expect(page.getByTestId('home-none')).toBeVisible()
  for (const name of ['Three', 'One']) {
    const told = page.waitForResponse((answer) => answer.url().endsWith(`/v1/canvases/${ids[name]}/opened`))
    await open(page, server, ids[name])
    expect((await told).status()).toBe(204)
  }
  await page.goto(`${server.origin}/?view=recent`)
  await expect.poll(() => names(page)).toEqual(['One', 'Three'])
})

test('what was deleted is listed and comes back', async ({ people, server }) => {
  await server.canvas('Precious')
  const page = await people.owner()
  await row(page, 'Precious').hover()
  await row(page, 'Precious').getByTestId('row-menu').click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await expect(page.getByTestId('home-empty')).toBeVisible()
  await page.getByTestId('view-deleted').click()
  const deleted = page.getByTestId('home-row')
  await expect(deleted).toContainText('Precious')
  await expect(deleted.getByRole('link')).toHaveCount(0)
  await deleted.getByRole('button', { name: 'Restore' }).click()
  await expect(page.getByTestId('home-none')).toContainText('Nothing was deleted')
  await page.getByTestId('view-all').click()
  await expect(row(page, 'Precious')).toBeVisible()
})

test('the first steps are ticked by what one does, can be skipped, and come back when asked for', async ({ people, server }) => {
  const note = { id: 'a', type: 'narrative', position: { x: 0, y: 0, w: 6, h: 4 }, content: { text: 'Hello' } }
  const canvas = await server.canvas('A note', { blocks: [note] })
  const page = await people.owner()
  const list = page.getByTestId('checklist')
  await expect(list).toContainText('0 of 3')
  await list.getByRole('button', { name: 'Open one' }).click()
  await expect(page).toHaveURL(new RegExp(canvas))
  await expect(page.getByTestId('checklist-small')).toContainText('1 of 3')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByTestId('checklist-small').click()
  await page.getByTestId('copy-link').click()
  await expect(page.getByTestId('step-share')).toHaveAttribute('data-done', '')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${server.origin}/c/${canvas}`)
  await page.getByTestId('checklist-skip').click()
  await expect(list).toHaveCount(0)
  await page.goto(server.origin)
  await expect(page.getByTestId('home-row')).toHaveCount(1)
  await expect(list).toHaveCount(0)
  await page.getByRole('button', { name: /Signed in as/ }).click()
  await page.getByRole('menuitem', { name: 'First steps' }).click()
  await expect(list).toContainText('2 of 3')
})

test('nothing on the home page moves when its pictures arrive', async ({ people, server }) => {
  const note = { id: 'a', type: 'narrative', position: { x: 0, y: 0, w: 6, h: 4 }, content: { text: '# Hello' } }
  await server.canvas('A note', { blocks: [note] })
  const page = await people.owner()
  const before = await page.getByTestId('home-row').boundingBox()
  await expect(page.getByTestId('thumbnail')).toBeVisible()
  expect(await page.getByTestId('home-row').boundingBox()).toEqual(before)
})

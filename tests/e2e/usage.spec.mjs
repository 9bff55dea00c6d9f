/** [EVT-2] What people did on a canvas is counted, and shown to those who may edit it: in a window over the canvas and on a page of all. */
import AxeBuilder from '@axe-core/playwright'
import { expect, FOUR_NOTES, open, saved, test, type } from './people.mjs'
import { themed } from './states.mjs'

/** Events reach the tables in batches. */
const counted = (server, path, enough) =>
  expect
    .poll(async () => enough((await (await server.call(path)).json()).totals), { message: `${path} has counted it all` })
    .toBe(true)

const total = async (page, measure) => Number((await page.getByTestId(`usage-${measure}`).locator('b').textContent()).replace(/\D/g, ''))

const fromMenu = async (page, menu) => {
  await page.getByTestId(menu).press('Enter')
  await page.getByTestId('canvas-usage').press('Enter')
  await expect(page.getByRole('dialog', { name: 'Usage of this canvas' })).toBeVisible()
}

test('what two people did is in the totals of the canvas and of the organization', async ({ people, server }) => {
  const canvas = await server.canvas('Counted', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  await type(page, 'a', ' and more')
  await saved(page)
  const ben = await people.guest({ name: 'Ben', canvas })
  await type(ben, 'b', ' from Ben')
  await saved(ben)
  await counted(server, `/v1/canvases/${canvas}/usage?days=7`, ({ views, people: who, edits }) => views >= 2 && who >= 2 && edits >= 2)

  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await expect(page.getByTestId('palette').getByRole('combobox')).toBeFocused()
  await page.keyboard.type('usage')
  await expect(page.getByTestId('palette').getByRole('option').first()).toContainText('Usage')
  await page.keyboard.press('Enter')
  const chart = page.getByTestId('usage-chart')
  await expect(chart).toBeVisible()
  expect(await total(page, 'views')).toBeGreaterThanOrEqual(2)
  expect(await total(page, 'people')).toBeGreaterThanOrEqual(2)
  expect(await total(page, 'edits')).toBeGreaterThanOrEqual(2)

  // The days are read with the keys, and are a table too.
  await chart.press('End')
  await expect(page.getByTestId('usage-tip')).toContainText(/so far \d+ views/)
  await page.getByRole('radio', { name: /^Edits/ }).press('Space')
  await expect(chart).toHaveAttribute('aria-label', /^Edits by day/)
  await page.getByRole('radio', { name: '7 days' }).check({ force: true })
  await page.getByTestId('usage-as').press('Enter')
  await expect(page.getByTestId('usage-table').locator('tbody tr')).toHaveCount(7)

  await page.getByTestId('usage-all').press('Enter')
  await expect(page.getByRole('heading', { name: 'Usage', exact: true })).toBeVisible()
  await expect(page).toHaveTitle('Usage · Jabiru')
  await page.getByTestId('usage-top').getByRole('link', { name: 'Counted' }).press('Enter')
  await expect(page.getByTestId('canvas-title')).toHaveValue('Counted')
})

test('who only looks is not offered it, and is refused', async ({ people, server }) => {
  const canvas = await server.canvas('Looked at', FOUR_NOTES)
  const page = await people.guest({ name: 'Vera', role: 'viewer', canvas })
  await page.getByTestId('view-menu').press('Enter')
  await expect(page.getByTestId('view-present')).toBeVisible()
  await expect(page.getByTestId('canvas-usage')).toHaveCount(0)
  await page.keyboard.press('Escape')
  await page.goto(server.origin)
  await expect(page.getByRole('heading', { name: 'Canvases' })).toBeVisible()
  await expect(page.getByTestId('home-usage')).toHaveCount(0)
  await page.goto(`${server.origin}/usage`)
  await expect(page.getByTestId('usage-failed').getByRole('alert')).toBeVisible()
  await expect(page.getByTestId('usage-chart')).toHaveCount(0)
})

test('on a phone both fit, and axe finds nothing in either theme', async ({ browser, server }) => {
  const canvas = await server.canvas('A name that is much longer than a phone is wide, as names of canvases sometimes are', FOUR_NOTES)
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  const page = await context.newPage()
  await page.goto(server.loginUrl)
  await open(page, server, canvas)
  await counted(server, '/v1/usage?days=30', ({ views }) => views >= 1)
  const look = async () => {
    for (const theme of ['light', 'dark']) {
      await themed(page, theme)
      await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  }
  await fromMenu(page, 'phone-menu')
  await expect(page.getByTestId('usage-chart')).toBeVisible()
  await look()
  await page.getByTestId('usage-as').tap()
  await expect(page.getByTestId('usage-table')).toBeVisible()
  await look()
  await page.goto(`${server.origin}/usage`)
  await expect(page.getByTestId('usage-top')).toBeVisible()
  await look()
  await context.close()
})

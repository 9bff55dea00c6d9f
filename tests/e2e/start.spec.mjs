/** The first start: a link, real samples, and what somebody without a session sees. */
import { expect, status, test } from './people.mjs'

test.describe('with samples', () => {
  test.use({ samples: true })

  test('the printed link opens the samples with their data', async ({ people, server }) => {
    const page = await people.person()
    await page.goto(server.loginUrl)
    await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThanOrEqual(6)
    await page.getByRole('link', { name: /Q4 Sales/ }).click()
    await expect(status(page)).toHaveAttribute('data-status', 'saved')

    const chart = page.locator('[data-block-type="chart"]').first()
    await expect(chart.getByTestId('chart-canvas')).toBeVisible()
    await expect(chart.getByRole('img')).toHaveAttribute('aria-label', /West|region/i)
    await expect
      .poll(() => chart.locator('canvas').first().evaluate(colours), { message: 'the chart is drawn' })
      .toBeGreaterThan(3)

    const table = page.locator('[data-block-type="table"]').first()
    await expect(table.getByRole('heading', { name: 'Detailed Sales Breakdown' })).toBeVisible()
    await expect.poll(() => table.locator('tbody tr').count()).toBeGreaterThan(5)

    await expect(page.locator('[data-block-type="narrative"]').first()).toContainText('Sales in Q4 increased by')
    await expect(page.locator('[data-block-type="narrative"]').first()).toContainText('25.3')
  })

  test('every sample opens without an error on it', async ({ people, server }) => {
    const page = await people.person()
    await page.goto(server.loginUrl)
    await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThanOrEqual(6)
    const names = await page.locator('.home-name').allTextContents()
    for (const name of names) {
      await page.goto(server.origin)
      await page.getByRole('link', { name }).click()
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      for (const chart of await page.locator('[data-block-type="chart"]').all()) {
        await chart.scrollIntoViewIfNeeded()
        await expect(chart.locator('canvas').first()).toBeVisible()
      }
      for (const table of await page.locator('[data-block-type="table"]').all()) {
        await table.scrollIntoViewIfNeeded()
        await expect.poll(() => table.locator('tbody tr').count()).toBeGreaterThan(3)
      }
      await expect(page.getByRole('alert')).toHaveCount(0)
    }
  })
})

test('a login link works once, and without a session a page says what to do', async ({ people, server }) => {
  const first = await people.person()
  await first.goto(server.loginUrl)
  await expect(first.getByTestId('home-empty')).toBeVisible()
  const second = await people.person()
  const response = await second.goto(server.loginUrl)
  expect(response.status()).toBe(401)
  await expect(second.locator('body')).toContainText('jabiru login-url')
  await second.goto(server.origin)
  await expect(second.getByTestId('signed-out')).toContainText('jabiru login-url')
})

test('a canvas is made, named, renamed, deleted and brought back', async ({ people, server }) => {
  const page = await people.owner()
  await page.getByTestId('new-canvas').first().click()
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await page.getByTestId('canvas-title').fill('Plans 🦤')
  await page.keyboard.press('Enter')
  await expect(page).toHaveTitle(/Plans 🦤/)
  await page.goto(server.origin)
  const row = page.getByTestId('home-row')
  await expect(row).toContainText('Plans 🦤')
  await row.getByTestId('row-menu').click()
  await page.getByRole('menuitem', { name: 'Rename' }).click()
  await page.getByRole('textbox', { name: 'Name of the canvas' }).fill('Better plans')
  await page.keyboard.press('Enter')
  await expect(row).toContainText('Better plans')
  await row.getByTestId('row-menu').click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await expect(page.getByTestId('home-empty')).toBeVisible()
  await page.getByTestId('toast').getByRole('button', { name: 'Undo' }).click()
  await expect(row).toContainText('Better plans')
})

/** How many different colours a canvas shows. */
function colours(canvas) {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const seen = new Set()
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2])
  return seen.size
}

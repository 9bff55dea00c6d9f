/** Without a mouse, and for those who do not see the screen. */
import AxeBuilder from '@axe-core/playwright'
import { block, expect, FOUR_NOTES, open, place, position, saved, status, test } from './people.mjs'

test.describe('with samples', () => {
  test.use({ samples: true })

  for (const theme of ['light', 'dark']) {
    test(`home and a canvas have no axe violations in the ${theme} theme`, async ({ people, server }) => {
      const page = await people.person()
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      await page.goto(server.loginUrl)
      await expect(page.getByTestId('home-row')).toHaveCount(4)
      expect.soft(await violations(page)).toEqual([])
      await page.getByRole('link', { name: /Q4 Sales/ }).click()
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      await expect(page.locator('[data-block-type="chart"] canvas').first()).toBeVisible()
      await expect.poll(() => page.locator('tbody tr').count()).toBeGreaterThan(5)
      expect.soft(await violations(page)).toEqual([])
      // With a block selected and its settings open there is more to get wrong.
      const chart = page.locator('[data-block-type="chart"]').first()
      await chart.hover()
      await chart.getByTestId('block-settings').click()
      await expect(page.getByTestId('inspector')).toBeVisible()
      await expect(page.getByTestId('chart-type-bar')).toBeVisible()
      expect.soft(await violations(page)).toEqual([])
    })
  }
})

/** The rules that failed, each with the elements it failed on. */
const violations = async (page) =>
  (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)])

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
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' written with keys')
  await expect(block(page, 'a')).toContainText('Note A written with keys')
  await page.keyboard.press('Escape')
  await expect(block(page, 'a')).toBeFocused()
  await saved(page)
  const json = await (await server.call(`/v1/canvases/${canvas}`)).json()
  expect(json.blocks.find(({ id }) => id === 'a').content.text).toBe('Note A written with keys')
})

/** Others on the canvas beyond words: whose view one follows, windows of one person, what is dragged. */
import { block, expect, open, take, test } from './people.mjs'

const note = (id, x, y, w = 6, h = 6) => ({ id, type: 'narrative', position: { x, y, w, h }, content: { text: `Note ${id}` } })
/** Eight rows of two: more than any window shows. */
const LONG = { blocks: Array.from({ length: 16 }, (_, i) => note(`n${i}`, (i % 2) * 6, Math.floor(i / 2) * 6)) }

const avatar = (page, name) => page.locator(`[data-testid="avatar"][data-user="${name}"]`)
const following = (page) => page.getByTestId('following')
const scrollTo = (page, id) =>
  page.getByTestId('scroller').evaluate((scroller, id) => {
    const frame = scroller.querySelector(`[data-block-id="${id}"]`)
    scroller.scrollTop += frame.getBoundingClientRect().top - scroller.getBoundingClientRect().top
  }, id)
/** How far the top of a block is from the top of the window onto the canvas, in pixels. */
const offset = async (page, id) => {
  const [box, area] = [await block(page, id).boundingBox(), await page.getByTestId('scroller').boundingBox()]
  return Math.round(box.y - area.y)
}
const near = async (page, id) => Math.abs(await offset(page, id)) < 40

test.describe('following', () => {
  const meet = async (people, server) => {
    const canvas = await server.canvas('Long', LONG)
    const ada = await people.owner()
    await ada.setViewportSize({ width: 1360, height: 800 })
    const ben = await people.guest({ name: 'Ben Okri', canvas })
    // Half as wide: one column instead of two.
    await ben.setViewportSize({ width: 420, height: 700 })
    await open(ada, server, canvas)
    await expect(avatar(ada, 'Ben Okri')).toBeVisible()
    return [ada, ben]
  }

  test('shows the same block to both at different widths, by keyboard, and the own Escape ends it', async ({ people, server }) => {
    const [ada, ben] = await meet(people, server)
    await scrollTo(ben, 'n9')
    const follow = avatar(ada, 'Ben Okri').getByRole('button')
    await follow.focus()
    await ada.keyboard.press('Enter')
    await expect(following(ada)).toContainText('Following Ben Okri')
    await expect(ada.getByTestId('announcement')).toContainText('Following Ben Okri')
    await expect(follow).toHaveAttribute('aria-pressed', 'true')
    await expect.poll(() => near(ada, 'n8'), { message: 'the row of n9 is at the top' }).toBe(true)
    await scrollTo(ben, 'n4')
    await expect.poll(() => near(ada, 'n4')).toBe(true)

    await ada.keyboard.press('Escape')
    await expect(following(ada)).toHaveCount(0)
    await expect(follow).toHaveAttribute('aria-pressed', 'false')
    const before = await offset(ada, 'n4')
    await scrollTo(ben, 'n12')
    await expect.poll(() => near(ben, 'n12')).toBe(true)
    // Something else of Ben arrives after his scrolling: by then Ada would have moved.
    await block(ben, 'n12').hover()
    await expect(ada.locator('[data-testid="remote-cursor"][data-user="Ben Okri"]')).toHaveCount(1)
    expect(await offset(ada, 'n4')).toBe(before)
  })

  for (const [what, act] of [
    ['the wheel', (page) => page.mouse.wheel(0, 40)],
    ['a press', (page) => page.mouse.click(700, 400)],
    ['a key', (page) => page.keyboard.press('Tab')],
  ]) {
    test(`${what} of one's own ends it`, async ({ people, server }) => {
      const [ada] = await meet(people, server)
      await avatar(ada, 'Ben Okri').getByRole('button').click()
      await expect(following(ada)).toBeVisible()
      await ada.mouse.move(700, 400)
      await expect(following(ada)).toBeVisible()
      await act(ada)
      await expect(following(ada)).toHaveCount(0)
    })
  }

  test('a second click on the avatar ends it, and so does the other person leaving', async ({ people, server }) => {
    const [ada, ben] = await meet(people, server)
    const follow = avatar(ada, 'Ben Okri').getByRole('button')
    await follow.click()
    await expect(following(ada)).toBeVisible()
    await follow.click()
    await expect(following(ada)).toHaveCount(0)
    await follow.click()
    await expect(following(ada)).toBeVisible()
    await ben.context().close()
    await expect(following(ada)).toHaveCount(0)
    await expect(ada.getByTestId('toast')).toContainText('Ben Okri has left')
  })
})

test('two windows of one person are one avatar and told apart on the canvas', async ({ people, server }) => {
  const canvas = await server.canvas('Windows', LONG)
  const ada = await people.owner()
  await open(ada, server, canvas)
  const first = await people.guest({ name: 'Ben Okri', canvas })
  const second = await people.guest({ name: 'Ben Okri', canvas })
  await expect(avatar(ada, 'Ben Okri')).toHaveCount(1)
  await expect(avatar(ada, 'Ben Okri')).toContainText('2')
  await block(first, 'n0').hover()
  await block(second, 'n1').hover()
  const cursors = ada.locator('[data-testid="remote-cursor"]')
  await expect(cursors).toHaveCount(2)
  await expect.poll(async () => (await cursors.allTextContents()).sort()).toEqual(['Ben Okri · 1', 'Ben Okri · 2'])
  await expect(first.locator('[data-testid="remote-cursor"]')).toContainText('You, other window')
})

test('what one selects and drags the other sees under their name while it happens', async ({ people, server }) => {
  const canvas = await server.canvas('Ghosts', LONG)
  const ada = await people.owner()
  await open(ada, server, canvas)
  const ben = await people.guest({ name: 'Ben Okri', canvas })
  const hand = await take(ben, 'n0')
  await hand.to(300, 80)
  const ghost = ada.locator('[data-testid="remote-drag"]')
  await expect(ghost).toHaveCount(1)
  await expect(ghost).toContainText('Ben Okri')
  await hand.drop()
  await expect(ghost).toHaveCount(0)
  await expect(ada.locator('[data-testid="remote-selection"][data-user="Ben Okri"]')).toContainText('Ben Okri')
})

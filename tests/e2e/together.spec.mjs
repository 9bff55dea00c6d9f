/** Two people on one canvas: words, cursors, and who is here. */
import { block, canvasJson, editor, expect, FOUR_NOTES, open, reads, saved, test, type } from './people.mjs'

const textOf = async (server, canvas, id) => (await canvasJson(server, canvas)).blocks.find((b) => b.id === id).content.text

test('what one types the other sees, in the same narrative at once', async ({ people, server }) => {
  const canvas = await server.canvas('Shared', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)

  await type(ada, 'a', ' with more 🦤')
  await reads(ben, 'a', 'Note A with more 🦤')

  // Both in one text: one at its start, one at its end, key by key.
  await editor(ada, 'b').click()
  await ada.keyboard.press('Control+Home')
  await editor(ben, 'b').click()
  await ben.keyboard.press('Control+End')
  for (const [left, right] of ['1a', '2b', '3c', '4d', '5e']) {
    await Promise.all([ada.keyboard.type(left), ben.keyboard.type(right)])
  }
  await reads(ada, 'b', '12345Note Babcde')
  await reads(ben, 'b', '12345Note Babcde')
  await saved(ada)
  await saved(ben)
  expect(await textOf(server, canvas, 'b')).toBe('12345Note Babcde')
})

test('others are seen by name: avatar, pointer, selection and text caret; and gone when they leave', async ({ people, server }) => {
  const canvas = await server.canvas('Company', FOUR_NOTES)
  const ada = await people.owner()
  await open(ada, server, canvas)
  const ben = await people.guest({ name: 'Ben Okri', canvas })

  await expect(ada.locator('[data-testid="avatar"][data-user="Ben Okri"]')).toBeVisible()
  await expect(ben.locator('[data-testid="avatar"][data-user="Owner"]')).toBeVisible()

  await block(ben, 'd').hover()
  const cursor = ada.locator('[data-testid="remote-cursor"][data-user="Ben Okri"]')
  await expect(cursor).toContainText('Ben Okri')
  const inside = async () => {
    const [at, box] = [await cursor.boundingBox(), await block(ada, 'd').boundingBox()]
    return at.x > box.x && at.y > box.y && at.x < box.x + box.width && at.y < box.y + box.height
  }
  await expect.poll(inside, { message: 'the pointer is over the same block' }).toBe(true)

  await editor(ben, 'd').click()
  await ben.keyboard.press('Control+End')
  await expect(ada.locator('[data-testid="remote-selection"][data-user="Ben Okri"]')).toBeVisible()
  await expect(block(ada, 'd').locator('.caret-name')).toHaveText('Ben Okri')

  await ben.context().close()
  await expect(ada.locator('[data-testid="avatar"][data-user="Ben Okri"]')).toHaveCount(0)
  await expect(cursor).toHaveCount(0)
  await expect(block(ada, 'd').locator('.caret-name')).toHaveCount(0)
})

test('a name changed by one is changed for the other', async ({ people, server }) => {
  const canvas = await server.canvas('Old name', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await ada.getByTestId('canvas-title').fill('New name')
  await ada.keyboard.press('Enter')
  await expect(ben.getByTestId('canvas-title')).toHaveValue('New name')
  await saved(ada)
  await ben.goto(server.origin)
  await expect(ben.getByTestId('home-row')).toContainText('New name')
})

/** Moving, resizing, deleting and undoing, with somebody else doing the same. */
import { block, canvasJson, cell, expect, FOUR_NOTES, open, place, position, reads, saved, take, test, type } from './people.mjs'

/** Ada and Ben, both logged in, on one canvas of four notes. */
const two = async ({ people, server }) => {
  const canvas = await server.canvas('Arranged', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  return { canvas, ada, ben }
}

/** Both see every block at the same place, and nothing is left in anybody's hand. */
const agree = async (ada, ben, ids = ['a', 'b', 'c', 'd']) => {
  for (const page of [ada, ben]) {
    await expect(page.getByTestId('placeholder')).toHaveCount(0)
    await expect(page.locator('[data-held]')).toHaveCount(0)
    await expect(page.getByTestId('block')).toHaveCount(ids.length)
  }
  await expect
    .poll(async () => {
      const places = async (page) => JSON.stringify(await Promise.all(ids.map((id) => place(page, id))))
      return (await places(ada)) === (await places(ben))
    }, { message: 'both see the same arrangement' })
    .toBe(true)
}

test('two people drag two blocks at the same time and both drops count', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const [hers, his] = [await take(ada, 'a'), await take(ben, 'd')]
  await hers.to(column * 3, row * 4)
  await his.to(-column * 3, row * 2)
  await expect(ada.getByTestId('remote-drag')).toBeVisible()
  await expect(ben.getByTestId('remote-drag')).toBeVisible()
  // Hers makes room for itself where his block lay; he still holds it.
  await hers.drop()
  await expect.poll(async () => (await position(server, canvas, 'a')).x).toBe(3)
  await expect(ben.getByTestId('remote-drag')).toHaveCount(0)
  await his.drop()
  await expect.poll(async () => (await position(server, canvas, 'd')).x).toBe(3)
  await agree(ada, ben)
  expect((await position(server, canvas, 'a')).x).toBe(3)
})

test('both let go at the same moment: each block is where its own person dropped it', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const [hers, his] = [await take(ada, 'a'), await take(ben, 'd')]
  await hers.to(column * 3, row * 4)
  await his.to(-column * 3, row * 2)
  // Each knows what the other holds: making room must not move that.
  await expect(ada.getByTestId('remote-drag')).toBeVisible()
  await expect(ben.getByTestId('remote-drag')).toBeVisible()
  await Promise.all([hers.drop(), his.drop()])
  await agree(ada, ben)
  await saved(ada)
  await saved(ben)
  expect((await position(server, canvas, 'a')).x).toBe(3)
  expect((await position(server, canvas, 'd')).x).toBe(3)
})

test('letting go at the same moment again and again freezes nothing and loses nothing', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  for (const round of [1, 2, 3]) {
    const [hers, his] = [await take(ada, 'a'), await take(ben, 'd')]
    await Promise.all([hers.to(column * 3, row * 4), his.to(-column * round, row * 2)])
    await Promise.all([hers.drop(), his.drop()])
    await saved(ada)
    await saved(ben)
    await agree(ada, ben)
  }
  const { blocks } = await canvasJson(server, canvas)
  expect(blocks.map(({ id, content }) => `${id} ${content.text}`).sort()).toEqual(['a Note A', 'b Note B', 'c Note C', 'd Note D'])
})

test('both drag the same block: it ends in one place and can be moved again', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const [hers, his] = [await take(ada, 'c'), await take(ben, 'c')]
  await hers.to(column * 2, row * 4)
  await his.to(column * 4, row * 4)
  await hers.drop()
  await expect.poll(async () => (await position(server, canvas, 'c')).x).toBe(2)
  await his.drop()
  await expect.poll(async () => (await position(server, canvas, 'c')).x).toBe(4)
  await agree(ada, ben)
  const again = await take(ada, 'c')
  await again.to(-column * 4, 0)
  await again.drop()
  await expect.poll(async () => (await position(server, canvas, 'c')).x).toBe(0)
  await agree(ada, ben)
})

test('a block deleted by one while the other drags it ends the drag, and nothing is frozen', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const held = await take(ada, 'a')
  await held.to(column * 2, row)
  await expect(ada.getByTestId('placeholder')).toBeVisible()
  await block(ben, 'a').focus()
  await ben.keyboard.press('Delete')
  await expect(block(ada, 'a')).toHaveCount(0)
  await expect(ada.getByTestId('placeholder')).toHaveCount(0)
  await held.to(column * 4, row * 3)
  await held.drop()
  await agree(ada, ben, ['b', 'c', 'd'])
  const next = await take(ada, 'b')
  await next.to(-column * 6, 0)
  await next.drop()
  await expect.poll(async () => (await position(server, canvas, 'b')).x).toBe(0)
  await agree(ada, ben, ['b', 'c', 'd'])
  expect((await canvasJson(server, canvas)).blocks).toHaveLength(3)
})

test('a resize by one while the other drags is not undone by the drop', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const held = await take(ada, 'a')
  await held.to(column, row)
  const corner = await take(ben, 'd', 'resize-handle')
  await corner.to(-column * 2, row * 2)
  await corner.drop()
  await expect.poll(() => position(server, canvas, 'd')).toMatchObject({ w: 4, h: 6 })
  await held.to(column * 2, row)
  await held.drop()
  await expect.poll(async () => (await position(server, canvas, 'a')).x).toBe(2)
  await agree(ada, ben)
  expect(await position(server, canvas, 'd')).toMatchObject({ w: 4, h: 6 })
})

test('Escape puts a held block back and writes nothing', async ({ people, server }) => {
  const canvas = await server.canvas('Escape', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  const before = await place(page, 'a')
  const { column, row } = await cell(page)
  const held = await take(page, 'a')
  await held.to(column * 4, row * 3)
  await expect(page.getByTestId('placeholder')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('placeholder')).toHaveCount(0)
  await held.drop()
  await expect.poll(() => place(page, 'a')).toEqual(before)
  expect(await position(server, canvas, 'a')).toEqual({ x: 0, y: 0, w: 6, h: 4 })
  await expect(page.getByTestId('undo')).toBeDisabled()
})

test('undo takes back only one’s own steps', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const at = (id) => () => position(server, canvas, id)
  const hers = { narrow: { x: 0, y: 4, w: 4, h: 4 }, moved: { x: 2, y: 4, w: 4, h: 4 }, before: { x: 0, y: 4, w: 6, h: 4 } }
  const corner = await take(ada, 'c', 'resize-handle')
  await corner.to(-column * 2, 0)
  await corner.drop()
  await expect.poll(at('c')).toEqual(hers.narrow)
  const held = await take(ada, 'c')
  await held.to(column * 2, 0)
  await held.drop()
  await expect.poll(at('c')).toEqual(hers.moved)
  await type(ben, 'a', ' by Ben')
  const his = await take(ben, 'd', 'resize-handle')
  await his.to(0, row * 2)
  await his.drop()
  await expect.poll(at('d')).toEqual({ x: 6, y: 4, w: 6, h: 6 })
  await reads(ada, 'a', 'Note A by Ben')

  await ada.getByTestId('undo').click()
  await expect.poll(at('c')).toEqual(hers.narrow)
  await ada.getByTestId('undo').click()
  await expect.poll(at('c')).toEqual(hers.before)
  await expect(ada.getByTestId('undo')).toBeDisabled()
  expect(await at('d')()).toEqual({ x: 6, y: 4, w: 6, h: 6 })
  await reads(ada, 'a', 'Note A by Ben')
  await ada.getByTestId('redo').click()
  await ada.getByTestId('redo').click()
  await expect.poll(at('c')).toEqual(hers.moved)
  await agree(ada, ben)

  // In a text the keys undo that person's typing, and nobody else's.
  await type(ada, 'a', ' and Ada')
  await reads(ben, 'a', 'Note A by Ben and Ada')
  await ada.keyboard.press('Control+z')
  await reads(ada, 'a', 'Note A by Ben')
  await reads(ben, 'a', 'Note A by Ben')
})

test('undo brings one’s own block back though somebody’s drop has pushed it since', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  const { column, row } = await cell(ada)
  const down = await take(ada, 'a')
  await down.to(0, row * 5)
  await down.drop()
  // c closed up, a is below it now.
  await expect.poll(async () => (await place(ben, 'a'))[1]).toBeGreaterThan((await place(ben, 'c'))[1])
  await agree(ada, ben)
  const over = await take(ben, 'd')
  await over.to(-column * 6, 0)
  await over.drop()
  await expect.poll(async () => (await position(server, canvas, 'd')).x).toBe(0)
  await agree(ada, ben)
  const before = JSON.stringify((await canvasJson(server, canvas)).blocks)
  await ada.keyboard.press('Control+z')
  await expect.poll(async () => (await place(ada, 'a')).slice(0, 2)).toEqual([0, 0])
  await agree(ada, ben)
  // His drop stays, and going forth again leaves everything as it was.
  expect((await position(server, canvas, 'd')).x).toBe(0)
  await ada.keyboard.press('Control+Shift+z')
  await expect.poll(async () => JSON.stringify((await canvasJson(server, canvas)).blocks)).toBe(before)
  await agree(ada, ben)
})

test('on a tablet blocks are arranged by hand, and the wide arrangement stays as it is', async ({ people, server }) => {
  const { canvas, ada, ben } = await two({ people, server })
  await ada.setViewportSize({ width: 900, height: 900 })
  await expect(ada.getByTestId('grid')).toHaveAttribute('data-breakpoint', 'sm')
  const wide = JSON.stringify(await Promise.all(['a', 'b', 'c', 'd'].map((id) => place(ben, id))))
  const held = await take(ada, 'a')
  await held.to(0, 260)
  await held.drop()
  await expect.poll(async () => (await place(ada, 'a'))[1]).toBeGreaterThan((await place(ada, 'c'))[1])
  await saved(ada)
  const arranged = await place(ada, 'a')
  await ada.reload()
  await saved(ada)
  await expect.poll(() => place(ada, 'a')).toEqual(arranged)
  expect(JSON.stringify(await Promise.all(['a', 'b', 'c', 'd'].map((id) => place(ben, id))))).toBe(wide)
  expect(await position(server, canvas, 'a')).toEqual({ x: 0, y: 0, w: 6, h: 4 })
})

test('a heading may be one row high, a metric not', async ({ people, server }) => {
  const heading = { id: 'h', type: 'heading', position: { x: 0, y: 4, w: 12, h: 2 }, content: { text: 'Part', level: 2, line: true } }
  const metric = { id: 'm', type: 'metric', position: { x: 0, y: 0, w: 4, h: 4 }, content: {} }
  const canvas = await server.canvas('Sizes', { blocks: [metric, heading] })
  const page = await people.owner()
  await open(page, server, canvas)
  for (const id of ['h', 'm']) {
    await block(page, id).focus()
    for (let times = 0; times < 5; times++) await page.keyboard.press('Alt+Shift+ArrowUp')
  }
  await expect.poll(async () => (await position(server, canvas, 'h')).h).toBe(1)
  await expect.poll(async () => (await position(server, canvas, 'm')).h).toBe(2)
})

test('blocks are added, duplicated and deleted from the menus', async ({ people, server }) => {
  const canvas = await server.canvas('Blocks', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  for (const kind of ['chart', 'narrative', 'table']) {
    await page.getByTestId('add-menu').click()
    await page.getByTestId(`add-${kind}`).click()
  }
  await expect(page.getByTestId('block')).toHaveCount(7)
  await block(page, 'a').hover()
  await block(page, 'a').getByTestId('block-menu').click()
  await page.getByTestId('block-duplicate').click()
  await expect(page.getByTestId('block')).toHaveCount(8)
  await block(page, 'b').hover()
  await block(page, 'b').getByTestId('block-menu').click()
  await page.getByTestId('block-delete').click()
  await expect(block(page, 'b')).toHaveCount(0)
  await saved(page)
  const { blocks } = await canvasJson(server, canvas)
  expect(blocks).toHaveLength(7)
  expect(blocks.filter(({ content }) => content.text === 'Note A')).toHaveLength(2)
})

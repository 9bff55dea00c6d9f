/** Everything a person does by a command: palette, keys, add menu, selecting several, and the clipboard. */
import AxeBuilder from '@axe-core/playwright'
import { block, canvasJson, cell, editor, expect, FOUR_NOTES, open, place, position, saved, take, test } from './people.mjs'

const opened = async ({ people, server }, content = FOUR_NOTES, name = 'Commands') => {
  const canvas = await server.canvas(name, content)
  const page = await people.owner()
  await open(page, server, canvas)
  return { page, canvas }
}
const types = async (server, canvas) => (await canvasJson(server, canvas)).blocks.map(({ type }) => type).sort()
const selected = (page) => page.locator('.frame-selected')

/** An empty place of the grid: below the four notes, in pixels of the window. */
const below = async (page) => {
  const grid = await page.getByTestId('grid').boundingBox()
  const { row } = await cell(page)
  return { x: grid.x + 40, y: grid.y + row * 9 }
}

/** Puts text where the next paste takes it from, as another program would. */
const paste = (page, text) =>
  page.evaluate((data) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', data)
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)

test('the palette finds and runs commands, blocks and canvases by keyboard', async ({ people, server }) => {
  const other = await server.canvas('Harvest of last year', FOUR_NOTES)
  const { page, canvas } = await opened({ people, server })
  await page.keyboard.press('Control+k')
  const palette = page.getByTestId('palette')
  await expect(palette.getByRole('combobox')).toBeFocused()
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await page.keyboard.type('heading')
  await expect(palette.getByRole('option').first()).toContainText('Add heading')
  await page.keyboard.press('Enter')
  await expect(palette).toHaveCount(0)
  await expect.poll(() => types(server, canvas)).toContain('heading')

  // It was the last one: it comes first now. Escape goes back to where the keys were.
  await block(page, 'b').focus()
  await page.keyboard.press('Control+k')
  await expect(palette.getByRole('group').first()).toContainText('Add heading')
  await page.keyboard.press('Escape')
  await expect(block(page, 'b')).toBeFocused()

  await page.keyboard.press('Control+k')
  await page.keyboard.type('note d')
  await expect(palette.getByRole('option').first()).toContainText('Note D')
  await page.keyboard.press('Enter')
  await expect(block(page, 'd')).toBeFocused()

  await page.getByTestId('palette-open').click()
  await page.keyboard.type('harvest')
  await expect(palette.getByRole('option', { name: 'Harvest of last year' })).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(other))
  await expect(page.getByTestId('canvas-title')).toHaveValue('Harvest of last year')
})

test('? shows every key, and switches single keys off for good', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  await page.keyboard.press('?')
  const sheet = page.getByTestId('shortcuts')
  await expect(sheet).toContainText('Duplicate')
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await page.getByTestId('single-keys').click()
  await page.keyboard.press('Escape')
  await expect(sheet).toHaveCount(0)
  await page.reload()
  await saved(page)
  await page.keyboard.press('1')
  await page.keyboard.press('/')
  await page.keyboard.press('?')
  await page.keyboard.press('Control+/')
  await expect(sheet).toBeVisible()
  await expect(page.getByTestId('add-picker')).toHaveCount(0)
  expect(await types(server, canvas)).toEqual(Array(4).fill('narrative'))
  await page.getByTestId('single-keys').click()
  await page.keyboard.press('Escape')
  await page.keyboard.press('1')
  await expect.poll(() => types(server, canvas)).toContain('chart')
})

test('whoever types keeps every key', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  await editor(page, 'a').click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' 1/2?')
  await expect(editor(page, 'a')).toContainText('Note A 1/2?')
  await expect(page.getByTestId('shortcuts')).toHaveCount(0)
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await expect(editor(page, 'a')).not.toContainText('Note')
  await expect(page.getByTestId('block')).toHaveCount(4)
  expect(await types(server, canvas)).toEqual(Array(4).fill('narrative'))
})

test('/ opens the add menu below the selected block, and the new text takes the caret', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  await block(page, 'b').focus()
  await page.keyboard.press('/')
  const picker = page.getByTestId('add-picker')
  await expect(picker.getByRole('combobox')).toBeFocused()
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([])
  await page.keyboard.type('narr')
  await expect(picker.getByRole('option')).toHaveCount(1)
  await page.keyboard.press('Enter')
  await expect(picker).toHaveCount(0)
  await expect(page.getByTestId('block')).toHaveCount(5)
  await page.keyboard.type('Begun at once')
  await expect.poll(async () => (await canvasJson(server, canvas)).blocks.find(({ content }) => content.text === 'Begun at once')?.position).toMatchObject({ x: 6, y: 4 })
  // Others made room, and one undo takes the block away and puts them back.
  expect((await place(page, 'd'))[1]).toBeGreaterThan((await place(page, 'c'))[1])

  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.keyboard.press('Escape')
  await expect(picker).toHaveCount(0)
  await expect(page.getByTestId('block')).toHaveCount(5)
})

test('a double click on an empty place adds there', async ({ people, server }) => {
  const canvas = await server.canvas('Double', { blocks: [FOUR_NOTES.blocks[0]] })
  const page = await people.owner()
  await open(page, server, canvas)
  const grid = await page.getByTestId('grid').boundingBox()
  const { column, row } = await cell(page)
  await page.mouse.dblclick(grid.x + column * 7.5, grid.y + row * 1.5)
  await page.getByTestId('add-heading').click()
  // A heading is as wide as the canvas: as far to the left as it has to go, below what is there.
  await expect.poll(async () => (await canvasJson(server, canvas)).blocks.length).toBe(2)
  await page.mouse.dblclick(grid.x + column * 8.5, grid.y + row * 2.5)
  await page.getByTestId('add-metric').click()
  await expect.poll(async () => (await canvasJson(server, canvas)).blocks.find(({ type }) => type === 'metric')?.position).toMatchObject({ x: 8 })
})

test('an entry dragged out of the add menu lands where its placeholder was', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  const drag = async () => {
    await page.getByTestId('add-menu').click()
    const entry = await page.getByTestId('add-chart').boundingBox()
    const grid = await page.getByTestId('grid').boundingBox()
    const { column, row } = await cell(page)
    await page.mouse.move(entry.x + 40, entry.y + 20)
    await page.mouse.down()
    await page.mouse.move(grid.x + column * 6 + 30, grid.y + row * 4.2 + 20, { steps: 8 })
    await expect(page.getByTestId('placeholder')).toBeVisible()
  }
  await drag()
  await expect(page.getByTestId('add-picker')).toHaveCount(0)
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('placeholder')).toHaveCount(0)
  await page.mouse.up()
  await expect(page.getByTestId('block')).toHaveCount(4)
  await drag()
  await page.mouse.up()
  await expect(page.getByTestId('block')).toHaveCount(5)
  await expect.poll(async () => (await canvasJson(server, canvas)).blocks.find(({ type }) => type === 'chart')?.position).toMatchObject({ x: 6, y: 4 })
  await expect.poll(async () => (await place(page, 'd'))[1]).toBeGreaterThan((await place(page, 'c'))[1])
  await page.getByTestId('undo').click()
  await expect(page.getByTestId('block')).toHaveCount(4)
  await expect.poll(async () => (await place(page, 'd'))[1]).toBe((await place(page, 'c'))[1])
})

test('a marquee selects, the group moves as one, and one undo takes it back', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  const watcher = await people.owner()
  await open(watcher, server, canvas)
  const start = await below(page)
  await page.mouse.move(start.x, start.y)
  await page.mouse.down()
  const first = await block(page, 'c').boundingBox()
  const last = await block(page, 'd').boundingBox()
  await page.mouse.move(last.x + 60, first.y + first.height / 2, { steps: 8 })
  await expect(page.getByTestId('marquee')).toBeVisible()
  await expect(selected(page)).toHaveCount(2)
  await page.mouse.up()
  await expect(page.getByTestId('marquee')).toHaveCount(0)
  await expect(page.getByTestId('announcement')).toHaveText('Selected 2 blocks.')

  const { row } = await cell(page)
  const held = await take(page, 'd')
  await held.to(0, -row * 5)
  await expect(page.locator('[data-held]')).toHaveCount(2)
  await expect(watcher.getByTestId('remote-drag')).toHaveCount(2)
  await held.drop()
  await expect(watcher.getByTestId('remote-drag')).toHaveCount(0)
  const at = async (id) => [(await place(watcher, id))[0] > 100, (await place(watcher, id))[1]]
  await expect.poll(async () => [await at('c'), await at('d')]).toEqual([
    [false, 0],
    [true, 0],
  ])
  await page.keyboard.press('Control+z')
  await expect.poll(async () => (await place(watcher, 'a'))[1]).toBe(0)
  await expect.poll(() => position(server, canvas, 'd')).toEqual({ x: 6, y: 4, w: 6, h: 4 })
  await expect(page.getByTestId('undo')).toBeDisabled()
  await expect(selected(page)).toHaveCount(2)

  // The keys act on all of them too.
  await page.keyboard.press('Alt+ArrowUp')
  await expect(page.getByTestId('announcement')).toHaveText('Moved 2 blocks.')
  await page.keyboard.press('Control+d')
  await expect(page.getByTestId('block')).toHaveCount(6)
  await page.keyboard.press('Delete')
  await expect(page.getByTestId('block')).toHaveCount(4)
})

test('Shift and Ctrl click, Ctrl+A and Escape change the selection', async ({ people, server }) => {
  const { page } = await opened({ people, server })
  await block(page, 'a').click({ position: { x: 200, y: 150 } })
  await block(page, 'd').click({ position: { x: 200, y: 150 }, modifiers: ['Shift'] })
  await expect(selected(page)).toHaveCount(2)
  await block(page, 'a').click({ position: { x: 200, y: 150 }, modifiers: ['Control'] })
  await expect(selected(page)).toHaveCount(1)
  await expect(block(page, 'd')).toBeFocused()
  await page.keyboard.press('Control+a')
  await expect(selected(page)).toHaveCount(4)
  await page.keyboard.press('Escape')
  await expect(selected(page)).toHaveCount(0)
})

test('blocks are copied to another canvas with their places, and cut', async ({ people, server }) => {
  const other = await server.canvas('Elsewhere', { blocks: [] })
  const { page, canvas } = await opened({ people, server })
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.origin })
  await block(page, 'b').focus()
  await block(page, 'c').click({ position: { x: 200, y: 150 }, modifiers: ['Shift'] })
  await page.keyboard.press('Control+c')
  await expect(page.getByTestId('announcement')).toHaveText('Copied 2 blocks.')
  await open(page, server, other)
  await page.keyboard.press('Control+v')
  await expect(page.getByTestId('block')).toHaveCount(2)
  await saved(page)
  const { blocks } = await canvasJson(server, other)
  // Side by side as they were; the empty place above one of them closes.
  expect(blocks.map(({ content, position: { x, y } }) => [content.text, x, y]).sort()).toEqual([
    ['Note B', 6, 0],
    ['Note C', 0, 0],
  ])
  expect(blocks.map(({ id }) => id)).not.toContain('b')

  await page.keyboard.press('Control+x')
  await expect(page.getByTestId('block')).toHaveCount(0)
  await page.keyboard.press('Control+v')
  await expect(page.getByTestId('block')).toHaveCount(2)
  expect((await canvasJson(server, canvas)).blocks).toHaveLength(4)
})

test('junk is refused with a sentence, and nothing is lost', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  const before = JSON.stringify((await canvasJson(server, canvas)).blocks)
  for (const [text, says] of [
    ['{"jabiru":"blocks","version":1,"blocks":[', 'damaged'],
    ['{"jabiru":"blocks","version":9,"blocks":[]}', 'another version'],
    ['{"jabiru":"blocks","version":1,"blocks":[{"id":"x","type":"bomb","position":{"x":0,"y":0,"w":1,"h":1},"content":{}}]}', 'bomb'],
  ]) {
    await paste(page, text)
    await expect(page.getByTestId('toast').last()).toContainText(says)
  }
  await expect(page.getByTestId('undo')).toBeDisabled()
  expect(JSON.stringify((await canvasJson(server, canvas)).blocks)).toBe(before)
  await paste(page, 'Just words, from anywhere')
  await expect(page.getByTestId('block')).toHaveCount(5)
  await expect.poll(async () => (await canvasJson(server, canvas)).blocks.some(({ content }) => content.text === 'Just words, from anywhere')).toBe(true)
})

test('a viewer finds and copies, and is offered nothing that changes the canvas', async ({ people, server }) => {
  const canvas = await server.canvas('Looked at', FOUR_NOTES)
  const page = await people.guest({ name: 'Vera', role: 'viewer', canvas })
  await page.keyboard.press('Control+k')
  await expect(page.getByTestId('palette')).toContainText('Keyboard shortcuts')
  await expect(page.getByTestId('palette')).not.toContainText('Add chart')
  await page.keyboard.press('Escape')
  await page.keyboard.press('1')
  await page.keyboard.press('/')
  await expect(page.getByTestId('add-picker')).toHaveCount(0)
  const grid = await page.getByTestId('grid').boundingBox()
  await page.mouse.dblclick(grid.x + 40, grid.y + 560)
  await paste(page, 'Words')
  await block(page, 'a').focus()
  await page.keyboard.press('Control+c')
  await expect(page.getByTestId('announcement')).toHaveText('Copied the block.')
  expect((await canvasJson(server, canvas)).blocks).toHaveLength(4)
})

test('a locked block stays, and is unlocked from its menu', async ({ people, server }) => {
  const { page, canvas } = await opened({ people, server })
  await block(page, 'a').hover()
  await block(page, 'a').getByTestId('block-menu').click()
  await page.getByTestId('block-lock').click()
  await expect(block(page, 'a').getByTestId('drag-handle')).toHaveCount(0)
  await block(page, 'a').focus()
  await page.keyboard.press('Alt+ArrowRight')
  await page.keyboard.press('Alt+ArrowDown')
  await saved(page)
  expect(await position(server, canvas, 'a')).toEqual({ x: 0, y: 0, w: 6, h: 4 })
  await page.keyboard.press('Control+Shift+L')
  await expect(block(page, 'a').getByTestId('drag-handle')).toHaveCount(1)
})

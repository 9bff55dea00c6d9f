/**
 * One has something open that the other takes away: a block whose settings, picker, menu or card is open, the text one is
 * typing in, a picture on its way. Nobody is left with a frozen page, a lost word that is not spoken of, or a jump.
 */
import { block, canvasJson, editor, expect, open, reads, saved, status, test, type } from './people.mjs'

const CSV = 'region,product,revenue\nWest,Pro,1200\nEast,Team,300\nNorth,Pro,950\n'
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

const note = (id, x, y, text) => ({ id, type: 'narrative', position: { x, y, w: 6, h: 4 }, content: { text, data_bindings: [] } })

/** A chart `c`, a table `t`, a note `n` with a number from the chart, a note `m` and an empty image `i`. */
const scene = async ({ people, server }) => {
  const answer = await fetch(`${server.origin}/v1/datasets?name=Sales`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await server.token()}`, 'Content-Type': 'text/csv' },
    body: CSV,
  })
  const data_source = { type: 'dataset', dataset_id: (await answer.json()).id, parameters: {} }
  const at = (x, y, w, h) => ({ x, y, w, h })
  const canvas = await server.canvas('Collisions', {
    blocks: [
      { id: 'c', type: 'chart', position: at(0, 0, 6, 5), content: { chart_type: 'bar', title: 'Revenue', data_source, filters: [], style: { theme: 'auto', colors: [], decals: false }, config: { x_axis: 'region', y_axis: 'revenue', color: '', aggregation: 'sum' } } },
      { id: 't', type: 'table', position: at(6, 0, 6, 5), content: { title: 'Sales', data_source, filters: [], columns: [{ field: 'region', header: 'Region', type: 'string' }, { field: 'product', header: 'Product', type: 'string' }, { field: 'revenue', header: 'Revenue', type: 'number' }], sorting: { enabled: true }, filtering: { enabled: true }, pagination: { enabled: false, pageSize: 20 } } },
      { ...note('n', 0, 5, 'In all {{total}} sold'), content: { text: 'In all {{total}} sold', data_bindings: [{ key: 'total', source: 'c', calculation: 'sum' }] } },
      note('m', 6, 5, 'Note M'),
      { id: 'i', type: 'image', position: at(0, 9, 4, 4), content: { image_id: '', alt: '', caption: '', fit: 'contain' } },
    ],
  })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const ben = await people.guest({ name: 'Ben', canvas })
  await expect(block(ada, 'c').locator('canvas').first()).toBeVisible()
  await expect(block(ben, 't').locator('tbody')).toContainText('Pro')
  return { ada, ben, canvas }
}

const ids = async (server, canvas) => (await canvasJson(server, canvas)).blocks.map(({ id }) => id).sort()
const content = async (server, canvas, id) => (await canvasJson(server, canvas)).blocks.find((one) => one.id === id)?.content

const settings = async (page, id) => {
  await block(page, id).focus()
  if (!(await page.getByTestId('inspector').isVisible())) await page.keyboard.press('Control+\\')
  await expect(page.getByTestId('inspector').locator('.insp').first()).toBeVisible()
}
const remove = async (page, id) => {
  await block(page, id).focus()
  await page.keyboard.press('Delete')
  await expect(block(page, id)).toHaveCount(0)
}
/** Whoever had it open goes on: the focus is on the page, keys work, a change arrives at the other. */
const goesOn = async (page, other) => {
  await expect.poll(() => page.evaluate(() => document.activeElement !== document.body), { message: 'the focus is somewhere' }).toBe(true)
  await expect(page.locator(':is([role="dialog"], .ui-menu, .ui-overlay):visible')).toHaveCount(0)
  const before = await block(page, 'm').boundingBox()
  await block(page, 'm').focus()
  await page.keyboard.press('Alt+Shift+ArrowDown')
  await expect.poll(async () => (await block(page, 'm').boundingBox()).height).toBeGreaterThan(before.height)
  await expect.poll(async () => Math.round((await block(other, 'm').boundingBox()).height)).toBe(Math.round((await block(page, 'm').boundingBox()).height))
  await expect(page.getByRole('alert')).toHaveCount(0)
}

test('the type changes under open settings at both: every choice of either is kept', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  await settings(ada, 'c')
  await settings(ben, 'c')
  const title = ben.getByTestId('inspector').getByLabel('Title', { exact: true })
  await title.focus()
  await ben.keyboard.press('Control+a')
  await ben.keyboard.type('Half a ti')
  await ada.getByTestId('chart-type-pie').click()
  await expect(block(ben, 'c').getByRole('img')).toHaveAttribute('aria-label', /^Pie/)
  // The panel is another one now; the field, what was typed and the caret are the same.
  await expect(title).toBeFocused()
  await ben.keyboard.type('tle')
  await ben.keyboard.press('Enter')
  await Promise.all([ada.getByTestId('chart-type-line').click(), ben.getByTestId('chart-x').selectOption('product')])
  await expect
    .poll(async () => content(server, canvas, 'c'))
    .toMatchObject({ title: 'Half a title', config: { x_axis: 'product' } })
  await saved(ada)
  await saved(ben)
  for (const page of [ada, ben]) await expect(block(page, 'c').getByRole('img')).toHaveAttribute('aria-label', /Half a title.*by product/)
  expect(await block(ada, 'c').getByRole('img').getAttribute('aria-label')).toBe(await block(ben, 'c').getByRole('img').getAttribute('aria-label'))
})

/** What Ada has open on which block, and how she gets there. */
const OPEN = [
  ['a field of its settings', 'c', async (page) => {
    await settings(page, 'c')
    await page.getByTestId('inspector').getByLabel('Title', { exact: true }).fill('Never finished')
  }],
  ['the picker of datasets', 'c', async (page) => {
    await settings(page, 'c')
    await page.getByTestId('inspector').getByTestId('dataset-select').click()
    await expect(page.getByTestId('dataset-preview')).toBeVisible()
  }],
  ['its menu', 'c', async (page) => {
    await block(page, 'c').focus()
    await block(page, 'c').getByTestId('block-menu').press('Enter')
    await expect(page.getByTestId('block-delete')).toBeVisible()
  }],
  ['the menu of a column', 't', async (page) => {
    await block(page, 't').getByTestId('column-header').first().locator('.tbl-name').press('ArrowDown')
    await expect(page.getByTestId('column-hide')).toBeVisible()
  }],
  ['the name of a column', 't', async (page) => {
    await block(page, 't').getByTestId('column-header').first().locator('.tbl-name').press('F2')
    await page.getByTestId('column-rename').fill('Never finished')
  }],
  ['a filter', 't', async (page) => {
    await block(page, 't').focus()
    await block(page, 't').getByTestId('filter-add').press('Enter')
    await expect(page.getByTestId('filter-option').first()).toBeVisible()
  }],
  ['the card of a number', 'n', async (page) => {
    await editor(page, 'n').click()
    await page.keyboard.press('Home')
    for (let step = 0; step < 'In all '.length; step++) await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Alt+Enter')
    await expect(page.getByTestId('chip-card')).toBeVisible()
  }],
  ['the list of numbers', 'n', async (page) => {
    await editor(page, 'n').click()
    await page.keyboard.press('Control+End')
    await page.keyboard.type(' {{')
    await expect(page.locator('.note-complete')).toBeVisible()
  }],
]

test('what one has open goes with the block that the other deletes, and one can go on', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  for (const [what, id, enter] of OPEN) {
    await test.step(what, async () => {
      await expect(block(ada, id)).toBeVisible()
      await enter(ada)
      await remove(ben, id)
      await expect(block(ada, id)).toHaveCount(0)
      await expect(ada.getByTestId('inspector').getByTestId('chart-x')).toHaveCount(0)
      await goesOn(ada, ben)
      // Ben brings it back as it was.
      await ben.keyboard.press('Control+z')
      await expect(block(ada, id)).toHaveCount(1)
      await saved(ben)
    })
  }
  expect(await ids(server, canvas)).toEqual(['c', 'i', 'm', 'n', 't'])
  expect(JSON.stringify(await canvasJson(server, canvas))).not.toContain('Never finished')
})

test('a picture on its way into a block that is deleted leaves nothing behind and breaks nothing', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  let sent = () => {}
  const arrived = new Promise((resolve) => {
    sent = resolve
  })
  let release = () => {}
  const held = new Promise((resolve) => {
    release = resolve
  })
  await ada.route('**/v1/images', async (route) => {
    sent()
    await held
    await route.continue()
  })
  await block(ada, 'i').getByTestId('image-file').setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: PIXEL })
  await arrived
  await remove(ben, 'i')
  await expect(block(ada, 'i')).toHaveCount(0)
  release()
  await block(ada, 'm').focus()
  await goesOn(ada, ben)
  expect(await ids(server, canvas)).toEqual(['c', 'm', 'n', 't'])
  await block(ben, 'm').focus()
  await ben.keyboard.press('Control+z')
  for (const page of [ada, ben]) await expect(block(page, 'i').getByTestId('image-choose')).toBeVisible()
})

test('the text one types in is deleted: that is said, keys typed on do nothing, and undo brings back every word', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  await type(ada, 'm', ' and words of Ada')
  await reads(ben, 'm', 'Note M and words of Ada')
  await block(ben, 'm').focus()
  await editor(ada, 'm').click()
  await ada.keyboard.press('Control+End')
  await ben.keyboard.press('Delete')
  await expect(block(ada, 'm')).toHaveCount(0)
  // She has not looked up yet.
  await ada.keyboard.type('p1fx/ ')
  await ada.keyboard.press('Backspace')
  await expect(ada.getByTestId('toast')).toContainText('Somebody deleted this block.')
  await expect(ada.getByTestId('presenting')).toHaveCount(0)
  await expect(ada.getByTestId('add-picker')).toHaveCount(0)
  expect(await ids(server, canvas)).toEqual(['c', 'i', 'n', 't'])
  await ben.keyboard.press('Control+z')
  await reads(ada, 'm', 'Note M and words of Ada')
  await reads(ben, 'm', 'Note M and words of Ada')
  await type(ada, 'm', ', and more')
  await reads(ben, 'm', 'Note M and words of Ada, and more')
})

test('words typed offline into a block deleted meanwhile are offered to whoever wrote them', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  await saved(ada)
  // Emulated, a connection that is open goes on: it ends with the server, and hers alone does not come back.
  await ada.context().setOffline(true)
  await server.kill()
  await server.up()
  await saved(ben)
  await expect(status(ada)).not.toHaveAttribute('data-status', 'saved')
  await type(ada, 'm', ' written alone')
  await remove(ben, 'm')
  await saved(ben)
  await ada.context().setOffline(false)
  await saved(ada)
  await expect(block(ada, 'm')).toHaveCount(0)
  await ada.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await ada.getByTestId('toast').getByRole('button', { name: 'Copy its text' }).click()
  await expect.poll(() => ada.evaluate(() => navigator.clipboard.readText())).toBe('Note M written alone')
  // What the other takes back is what the other had: nothing appears twice, and both see the same.
  await ben.keyboard.press('Control+z')
  await reads(ben, 'm', 'Note M')
  await reads(ada, 'm', 'Note M')
  expect((await content(server, canvas, 'm')).text).toBe('Note M')
})

test('both name the same column while the server is away: both end with one of the names, and can name it again', async ({ people, server }) => {
  const { ada, ben, canvas } = await scene({ people, server })
  const rename = async (page, name) => {
    await block(page, 't').getByTestId('column-header').nth(2).locator('.tbl-name').press('F2')
    await page.getByTestId('column-rename').fill(name)
    await page.keyboard.press('Enter')
    await expect(block(page, 't').getByTestId('column-header').nth(2)).toContainText(name)
  }
  await server.stop()
  for (const page of [ada, ben]) await expect(status(page)).not.toHaveAttribute('data-status', 'saved')
  await rename(ada, 'Income')
  await rename(ben, 'Turnover')
  await server.up()
  await saved(ada)
  await saved(ben)
  const heads = (page) => block(page, 't').getByTestId('column-header').allTextContents()
  await expect.poll(async () => JSON.stringify(await heads(ada)) === JSON.stringify(await heads(ben))).toBe(true)
  const { columns } = await content(server, canvas, 't')
  expect(columns.map(({ field }) => field)).toEqual(['region', 'product', 'revenue'])
  expect(['Income', 'Turnover']).toContain(columns[2].header)
  await rename(ben, 'Sum')
  for (const page of [ada, ben]) await expect(block(page, 't').getByTestId('column-header').nth(2)).toContainText('Sum')
})

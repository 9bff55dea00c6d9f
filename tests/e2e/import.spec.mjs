/** One's own data: from the login link to a chart of it, dropped, pasted or chosen, and what is said of a file that is broken. */
import { canvasJson, expect, open, saved, status, test } from './people.mjs'

const CSV = 'city,people,area\nOslo,709,454\nRome,2761,1285\nLima,10092,2672\n'

/** Everything the page complains about in its console. Browsers list refused requests there, too: `allowed` are expected ones. */
const listen = (page) => {
  const lines = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') lines.push(`${message.type()}: ${message.text()}`)
  })
  return lines
}

/** What takes files and tables is loaded beside the page; nobody has a file in the hand in its first milliseconds. */
const taking = (page) => page.locator('input[type="file"]').first().waitFor({ state: 'attached' })

/** Drags files over an element and lets them go there, as the browser reports it. */
const drag = async (page, files, { x = 400, y = 300 } = {}) => {
  await taking(page)
  const data = await page.evaluateHandle((list) => {
    const transfer = new DataTransfer()
    for (const { name, text, type } of list) transfer.items.add(new File([text], name, { type: type ?? 'text/csv' }))
    return transfer
  }, files)
  const fire = (type) =>
    page.evaluate(
      ({ type: kind, data: transfer, x: left, y: top }) =>
        (document.elementFromPoint(left, top) ?? document.body).dispatchEvent(
          new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer, clientX: left, clientY: top }),
        ),
      { type, data, x, y },
    )
  await fire('dragenter')
  await fire('dragover')
  return { drop: () => fire('drop') }
}

const pasteText = async (page, text) => {
  await taking(page)
  await page.evaluate((value) => {
    const data = new DataTransfer()
    data.setData('text/plain', value)
    document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }))
  }, text)
}

const chart = (page) => page.locator('[data-block-type="chart"]')
const table = (page) => page.locator('[data-block-type="table"]')
const shown = async (page, rows) => {
  await expect(chart(page).locator('canvas').first()).toBeVisible()
  await expect.poll(() => table(page).locator('tbody tr').count()).toBe(rows)
}

test('with the mouse alone: from the link to a chart of one’s own file', async ({ people, server }) => {
  const page = await people.person()
  const complaints = listen(page)
  const started = Date.now()
  await page.goto(server.loginUrl)
  await page.getByTestId('home-empty').getByRole('button', { name: 'New canvas' }).click()
  const chooser = page.waitForEvent('filechooser')
  await page.getByTestId('starter-file').click()
  await (await chooser).setFiles({ name: 'cities.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) })
  await shown(page, 3)
  await expect(page.getByTestId('starters')).toHaveCount(0)
  await expect(table(page).getByRole('heading', { name: 'cities' })).toBeVisible()
  await saved(page)
  expect(Date.now() - started, 'less than two minutes').toBeLessThan(120_000)
  expect(complaints).toEqual([])
  // Both blocks are one step.
  await page.getByTestId('undo').click()
  await expect(page.getByTestId('block')).toHaveCount(0)
  await page.getByTestId('redo').click()
  await shown(page, 3)
})

test('with keys alone: from the link to a chart of one’s own table', async ({ people, server }) => {
  const page = await people.person()
  const complaints = listen(page)
  await page.goto(server.loginUrl)
  await expect(page.getByTestId('home-empty')).toBeVisible()
  const reach = async (locator) => {
    for (let presses = 0; presses < 40; presses++) {
      if (await locator.evaluate((element) => element === document.activeElement)) return
      await page.keyboard.press('Tab')
    }
    throw new Error('Tab does not lead there')
  }
  await reach(page.getByTestId('new-canvas'))
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('starters')).toBeVisible()
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await reach(page.getByTestId('starter-file'))
  await page.keyboard.press('Escape')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate((text) => navigator.clipboard.writeText(text), CSV.replaceAll(',', '\t'))
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('Control+v')
  await shown(page, 3)
  await expect(page.getByTestId('announcement')).toHaveText(/Imported Pasted table, 3 rows\. Added a chart and a table\./)
  await expect(chart(page)).toBeFocused()
  await saved(page)
  expect(complaints).toEqual([])
})

test('a file is dropped: the overlay says what will happen, and the blocks are where it was dropped', async ({ people, server }) => {
  const text = (id, y) => ({ id, type: 'narrative', position: { x: 0, y, w: 12, h: 3 }, content: { text: id } })
  const canvas = await server.canvas('Drops', { blocks: [text('above', 0), text('below', 3)] })
  const page = await people.owner()
  await open(page, server, canvas)
  const below = await page.locator('[data-block-id="below"]').boundingBox()
  const held = await drag(page, [{ name: 'cities.csv', text: CSV }], { x: 500, y: below.y + 4 })
  await expect(page.getByTestId('drop-overlay')).toContainText('It becomes a chart and a table.')
  await held.drop()
  await expect(page.getByTestId('drop-overlay')).toHaveCount(0)
  await shown(page, 3)
  await saved(page)
  const { blocks } = await canvasJson(server, canvas)
  const at = (which) => blocks.find((block) => block.id === which || block.type === which).position
  expect(at('above').y).toBe(0)
  expect(at('chart').y).toBe(3)
  expect(at('table')).toMatchObject({ x: at('chart').w, y: 3 })
  expect(at('below').y).toBe(3 + at('chart').h)
})

test('semicolons and decimal commas, several at once', async ({ people, server }) => {
  const canvas = await server.canvas('Two files')
  const page = await people.owner()
  await open(page, server, canvas)
  const held = await drag(page, [
    { name: 'preise.csv', text: 'ware;preis\nBrot;1.234,50\nKäse;2,25\n' },
    { name: 'cities.csv', text: CSV },
    { name: 'notes.pdf', text: '%PDF', type: 'application/pdf' },
  ])
  await expect(page.getByTestId('drop-overlay')).toContainText('Drop 3 files')
  await held.drop()
  await expect(page.getByTestId('toast')).toContainText('notes.pdf')
  await expect(chart(page)).toHaveCount(2)
  await saved(page)
  const { blocks } = await canvasJson(server, canvas)
  const prices = blocks.find((block) => block.type === 'table' && block.content.title === 'preise')
  expect(prices.content.columns.map(({ field, type }) => [field, type])).toEqual([
    ['ware', 'string'],
    ['preis', 'number'],
  ])
  const rows = await (await server.call(`/v1/datasets/${prices.content.data_source.dataset_id}/rows`)).json()
  expect(rows.rows).toEqual([
    ['Brot', 1234.5],
    ['Käse', 2.25],
  ])
})

test('a broken file names its line, stays, and can be tried again or put away', async ({ people, server }) => {
  const canvas = await server.canvas('Broken')
  const page = await people.owner()
  await open(page, server, canvas)
  await (await drag(page, [{ name: 'broken.csv', text: 'a,b\n1,2\n3\n' }])).drop()
  const card = page.getByTestId('import-card')
  await expect(card).toHaveAttribute('data-state', 'failed')
  await expect(card.getByRole('alert')).toHaveText('Line 3, column 2: this row has 1 value, the header names 2.')
  await card.getByRole('button', { name: 'Try again' }).click()
  await expect(card.getByRole('alert')).toContainText('Line 3')
  await card.getByRole('button', { name: 'Dismiss' }).click()
  await expect(card).toHaveCount(0)
  await expect(page.getByTestId('starters')).toBeVisible()
  await (await drag(page, [{ name: 'empty.csv', text: '' }])).drop()
  await expect(card.getByRole('alert')).toHaveText('The file is empty.')
})

test('without the server an import waits for it and is not lost', async ({ people, server }) => {
  const canvas = await server.canvas('Away')
  const page = await people.owner()
  await open(page, server, canvas)
  await server.stop()
  await (await drag(page, [{ name: 'cities.csv', text: CSV }])).drop()
  const card = page.getByTestId('import-card')
  await expect(card.getByRole('alert')).toContainText('Importing needs the server')
  await server.up()
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await card.getByRole('button', { name: 'Try again' }).click()
  await shown(page, 3)
})

test('a viewer cannot drop, and is told', async ({ people, server }) => {
  const canvas = await server.canvas('Only to look at')
  const page = await people.guest({ name: 'Vera', role: 'viewer', canvas })
  await expect(page.getByTestId('starters')).toContainText('This canvas is empty')
  const held = await drag(page, [{ name: 'cities.csv', text: CSV }])
  await expect(page.getByTestId('drop-overlay')).toContainText('You may look at this canvas, but not change it')
  await held.drop()
  await expect(page.getByTestId('import-card')).toHaveCount(0)
})

test('prose is not taken for a table', async ({ people, server }) => {
  const canvas = await server.canvas('Words')
  const page = await people.owner()
  await open(page, server, canvas)
  await pasteText(page, 'Dear all,\nthe numbers, as promised, are fine.')
  await pasteText(page, CSV)
  await shown(page, 3)
  await expect(chart(page)).toHaveCount(1)
})

test('a file dropped on the home page becomes a canvas of its name; a broken one says why', async ({ people, server }) => {
  const page = await people.owner()
  await (await drag(page, [{ name: 'broken.csv', text: 'a,b\n1\n' }])).drop()
  await expect(page.getByTestId('home-import').getByRole('alert')).toContainText('Line 2')
  await (await drag(page, [{ name: 'World cities.csv', text: CSV }])).drop()
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await expect(page.getByTestId('canvas-title')).toHaveValue('World cities')
  await shown(page, 3)
})

test.describe('with samples', () => {
  test.use({ samples: true })
  test('one press fills an empty canvas with a sample', async ({ people }) => {
    const page = await people.owner()
    const complaints = listen(page)
    await page.getByTestId('new-canvas').click()
    await page.getByTestId('starter-sample').click()
    await expect(chart(page).locator('canvas').first()).toBeVisible()
    await expect.poll(() => table(page).locator('tbody tr').count()).toBeGreaterThan(5)
    await saved(page)
    expect(complaints).toEqual([])
  })
})

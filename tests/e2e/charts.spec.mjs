/** Charts: their settings by keyboard and by two people, their files, what one hides for oneself, and no server at all. */
import { readFileSync } from 'node:fs'
import { block, canvasJson, expect, open, saved, test } from './people.mjs'

const ROWS = [
  ['West', '2024-01-10', 10],
  ['East', '2024-01-20', 20],
  ['West', '2024-02-10', 30],
  ['East', '2024-03-10', 5],
  ['=North', '2024-03-11', 1],
]
const CSV = ['region,day,sales', ...ROWS.map((row) => row.join(','))].join('\n')

const CONFIG = {
  x_axis: 'region',
  y_axis: 'sales',
  color: '',
  aggregation: 'sum',
  time_unit: '',
  stack: 'auto',
  sort: 'auto',
  limit: 0,
  orientation: 'auto',
  x_title: '',
  y_title: '',
  y_min: null,
  y_max: null,
  y_scale: 'linear',
  number_format: 'auto',
  decimals: null,
  currency: 'USD',
  labels: false,
  legend: 'auto',
  smooth: false,
}

/** A canvas with one chart, `c`, on a small dataset. */
const chartCanvas = async (server, { chart_type = 'bar', title = 'Sales', ...config } = {}) => {
  const token = await server.token()
  const response = await fetch(`${server.origin}/v1/datasets?name=Sales`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' },
    body: CSV,
  })
  expect(response.status).toBe(201)
  const { id } = await response.json()
  return server.canvas('Charts', {
    blocks: [
      {
        id: 'c',
        type: 'chart',
        position: { x: 0, y: 0, w: 8, h: 7 },
        content: {
          chart_type,
          title,
          data_source: { type: 'dataset', dataset_id: id, parameters: {} },
          filters: [],
          config: { ...CONFIG, ...config },
          style: { theme: 'auto', colors: [], decals: false },
        },
      },
    ],
  })
}

const content = async (server, canvas) => (await canvasJson(server, canvas)).blocks[0].content
const picture = (page) => block(page, 'c').getByRole('img')
const description = (page, text) => expect(picture(page)).toHaveAttribute('aria-label', text)

/** Opens the settings of the chart. */
const settings = async (page) => {
  await block(page, 'c').hover()
  await block(page, 'c').getByTestId('block-settings').click()
  await expect(page.getByTestId('inspector').getByTestId('chart-x')).toBeVisible()
}

/** Chooses from the block's menu. */
const choose = async (page, testId) => {
  await block(page, 'c').hover()
  await block(page, 'c').getByTestId('block-menu').click()
  await page.getByTestId(testId).click()
}

/** How much of the picture has a colour of its own, to tell a drawn chart from an empty one. */
const drawn = (page) =>
  block(page, 'c')
    .locator('canvas')
    .first()
    .evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let coloured = 0
      for (let at = 0; at < data.length; at += 4) {
        const [r, g, b] = [data[at], data[at + 1], data[at + 2]]
        if (data[at + 3] > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured++
      }
      return coloured
    })

test('fields are chosen in the settings by keyboard, the chart follows at once, each choice one step', async ({ people, server }) => {
  const canvas = await chartCanvas(server, { title: 'Sales by region' })
  const page = await people.owner()
  await open(page, server, canvas)
  await description(page, /^Bar chart, Sales by region: sum of sales by region\. 3 values; highest 40 at West/)
  await expect.poll(() => drawn(page)).toBeGreaterThan(1000)
  await settings(page)

  // A date calls for a line; the suggested title goes along. All of it is one step.
  await page.getByTestId('chart-x').focus()
  await page.keyboard.type('day')
  await description(page, /^Line chart, Sales over time: sum of sales by day\. From Jan 10, 2024 to Mar 11, 2024/)
  await page.getByTestId('chart-unit').focus()
  await page.keyboard.type('Month')
  await description(page, /by day in months\. From Jan 2024 to Mar 2024\. 3 values; highest 30 at Jan 2024/)
  await page.getByTestId('chart-aggregation').focus()
  await page.keyboard.type('Med')
  await description(page, /median sales/)
  await page.getByTestId('chart-type-area').focus()
  await page.keyboard.press('Enter')
  await description(page, /^Area chart/)
  await saved(page)
  expect(await content(server, canvas)).toMatchObject({
    chart_type: 'area',
    title: 'Sales over time',
    config: { x_axis: 'day', time_unit: 'month', aggregation: 'median' },
  })

  for (let step = 0; step < 4; step++) await page.getByTestId('undo').click()
  await description(page, /^Bar chart, Sales by region: sum of sales by region/)
  await expect(page.getByTestId('undo')).toBeDisabled()
})

test('points are walked through by keyboard and read out', async ({ people, server }) => {
  const canvas = await chartCanvas(server, { sort: '-value' })
  const page = await people.owner()
  await open(page, server, canvas)
  await expect.poll(() => drawn(page)).toBeGreaterThan(1000)
  const said = block(page, 'c').getByTestId('chart-point')
  await block(page, 'c').getByTestId('chart-plot').focus()
  for (const [key, words] of [
    ['ArrowRight', 'West: 40'],
    ['ArrowRight', 'East: 25'],
    ['End', '=North: 1'],
    ['ArrowLeft', 'East: 25'],
    ['Home', 'West: 40'],
  ]) {
    await page.keyboard.press(key)
    await expect(said).toHaveText(words)
  }
  await expect(block(page, 'c').locator('.chart-tip-title')).toHaveText('West')
  await page.keyboard.press('Escape')
  await expect(said).toHaveText('')
})

test('one changes the type while the other edits the title: both are kept', async ({ people, server }) => {
  const canvas = await chartCanvas(server)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await settings(ada)
  await settings(ben)
  const title = ben.getByTestId('inspector').getByLabel('Title', { exact: true })
  await title.fill('What we sold')
  await ada.getByTestId('chart-type-pie').click()
  await description(ben, /^Pie chart, Sales/)
  // What Ben has typed and not yet left is his.
  await expect(title).toHaveValue('What we sold')
  await title.press('Enter')
  for (const page of [ada, ben]) {
    await description(page, /^Pie chart, What we sold: sum of sales by region/)
    await expect(block(page, 'c').getByRole('heading', { name: 'What we sold' })).toBeVisible()
  }
  await saved(ada)
  await saved(ben)
  expect(await content(server, canvas)).toMatchObject({ chart_type: 'pie', title: 'What we sold' })
})

test('a poor choice is named and mended by one press', async ({ people, server }) => {
  const canvas = await chartCanvas(server, { chart_type: 'pie', aggregation: 'avg' })
  const page = await people.owner()
  await open(page, server, canvas)
  await settings(page)
  const hint = page.getByTestId('chart-hint-parts')
  await expect(hint).toContainText('no parts of a whole')
  await hint.getByRole('button', { name: 'Use bars' }).click()
  await description(page, /^Bar chart/)
  await expect(hint).toHaveCount(0)
})

test('a chart leaves as CSV that runs nothing, and as a PNG with its title', async ({ people, server }) => {
  const canvas = await chartCanvas(server, { title: 'Sales: Q1/2024' })
  const page = await people.owner()
  await open(page, server, canvas)
  await expect.poll(() => drawn(page)).toBeGreaterThan(1000)

  const [csv] = await Promise.all([page.waitForEvent('download'), choose(page, 'chart-csv')])
  expect(csv.suggestedFilename()).toBe('Sales Q1 2024.csv')
  expect(readFileSync(await csv.path(), 'utf8')).toBe("\ufeffregion,sum of sales\r\n'=North,1\r\nEast,25\r\nWest,40\r\n")

  const [png] = await Promise.all([page.waitForEvent('download'), choose(page, 'chart-png')])
  expect(png.suggestedFilename()).toBe('Sales Q1 2024.png')
  const bytes = readFileSync(await png.path())
  expect(bytes.subarray(1, 4).toString()).toBe('PNG')
  const { width } = await picture(page).boundingBox()
  expect(bytes.readUInt32BE(16), 'twice as wide as on screen at least').toBeGreaterThanOrEqual(Math.floor(width) * 2)
  // It is light whatever the page is, and holds more than a ground.
  const look = await page.evaluate(async (data) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(data)], { type: 'image/png' }))
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    const pen = canvas.getContext('2d')
    pen.drawImage(bitmap, 0, 0)
    const { data: pixels } = pen.getImageData(0, 0, bitmap.width, bitmap.height)
    let blue = 0
    for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 2] > pixels[at] + 80) blue++
    return { corner: [...pixels.slice(0, 4)], blue }
  }, [...bytes])
  expect(look.corner).toEqual([255, 255, 255, 255])
  expect(look.blue).toBeGreaterThan(2000)
})

test('what a viewer hides in the legend is hidden for them alone, also after a reload', async ({ people, server }) => {
  const canvas = await chartCanvas(server, { chart_type: 'line', x_axis: 'day', color: 'region', time_unit: 'month' })
  const owner = await people.owner()
  await open(owner, server, canvas)
  const viewer = await people.guest({ name: 'Vera', role: 'viewer', canvas })
  await description(viewer, /3 series: =North, East, West/)
  const east = (page) => block(page, 'c').getByTestId('legend-item').filter({ hasText: 'East' })
  const before = await canvasJson(server, canvas)

  await east(viewer).focus()
  await viewer.keyboard.press('Enter')
  await expect(east(viewer)).toHaveAttribute('aria-pressed', 'false')
  await description(viewer, /2 series: =North, West/)
  await viewer.reload()
  await description(viewer, /2 series: =North, West/)

  await description(owner, /3 series: =North, East, West/)
  await expect(east(owner)).toHaveAttribute('aria-pressed', 'true')
  expect(await canvasJson(server, canvas)).toEqual(before)

  await block(viewer, 'c').getByRole('button', { name: 'Show all' }).click()
  await description(viewer, /3 series/)
})

test('the table behind a chart sorts by a column', async ({ people, server }) => {
  const canvas = await chartCanvas(server)
  const page = await people.owner()
  await open(page, server, canvas)
  await choose(page, 'chart-view')
  const table = block(page, 'c').getByRole('table')
  const names = () => table.locator('tbody th').allTextContents()
  await expect.poll(names).toEqual(['=North', 'East', 'West'])
  await table.getByRole('button', { name: 'sum of sales' }).click()
  await expect.poll(names).toEqual(['West', 'East', '=North'])
  await expect(table.getByRole('columnheader', { name: 'sum of sales' })).toHaveAttribute('aria-sort', 'descending')
})

test('with the server dead a reload shows the chart; signed out, nothing is left of it', async ({ people, server }) => {
  const canvas = await chartCanvas(server)
  const page = await people.owner()
  await open(page, server, canvas)
  await description(page, /highest 40 at West/)
  await expect.poll(() => page.evaluate(() => navigator.serviceWorker.ready.then(() => true))).toBe(true)
  const kept = () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const open = indexedDB.open('kept-datasets')
          open.onsuccess = () => {
            const db = open.result
            if (!db.objectStoreNames.contains('rows')) {
              db.close()
              resolve(-1)
              return
            }
            const count = db.transaction('rows').objectStore('rows').count()
            count.onsuccess = () => {
              db.close()
              resolve(count.result)
            }
          }
        }),
    )
  await expect.poll(kept).toBe(1)

  await server.kill()
  await page.reload()
  await description(page, /highest 40 at West/)
  await expect.poll(() => drawn(page)).toBeGreaterThan(1000)

  await server.up()
  await saved(page)
  await page.goto(server.origin)
  await page.getByRole('button', { name: /Owner/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'You are signed out' })).toBeVisible()
  await expect
    .poll(() => page.evaluate(async () => (await indexedDB.databases()).some(({ name }) => name === 'kept-datasets')))
    .toBe(false)
})

/** Tables: what one reader does stays theirs, what two editors do at once is both kept, and what is exported is what is shown. */
import { readFile } from 'node:fs/promises'
import AxeBuilder from '@axe-core/playwright'
import { block, canvasJson, expect, open, saved, test } from './people.mjs'

const CSV = `region,product,revenue,day
West,Pro,1200,2024-01-05
East,Team,300.5,2024-01-20
West,=1+1,80,2024-02-11
North,"Embed, small",950,2024-03-02
East,Pro,,2024-03-30
`

const dataset = async (server, name, csv) => {
  const answer = await fetch(`${server.origin}/v1/datasets?name=${name}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await server.token()}`, 'Content-Type': 'text/csv' },
    body: csv,
  })
  expect(answer.status).toBe(201)
  return (await answer.json()).id
}

const COLUMNS = [
  { field: 'region', header: 'Region', type: 'string' },
  { field: 'product', header: 'Product', type: 'string' },
  { field: 'revenue', header: 'Revenue', type: 'currency' },
  { field: 'day', header: 'Day', type: 'date' },
]

const table = (dataset_id, more = {}) => ({
  blocks: [
    {
      id: 't',
      type: 'table',
      position: { x: 0, y: 0, w: 12, h: 9 },
      content: {
        title: 'Sales',
        data_source: { type: 'dataset', dataset_id, parameters: {} },
        filters: [],
        columns: COLUMNS,
        pagination: { enabled: false, pageSize: 20 },
        sorting: { enabled: true },
        filtering: { enabled: true },
        ...more,
      },
    },
  ],
})

const content = async (server, canvas) => (await canvasJson(server, canvas)).blocks[0].content
const header = (page, name) => page.getByTestId('column-header').filter({ hasText: name })
const headers = (page) =>
  page.getByTestId('column-header').evaluateAll((all) => all.map((one) => one.textContent.replace(/\d$/, '')))
/** The cells of one column of the rows that are drawn, without the one that only fills the room. */
const column = (page, name) =>
  page.locator('.tbl table').evaluate((element, wanted) => {
    const at = [...element.querySelectorAll('th')].findIndex((one) => one.textContent === wanted)
    return [...element.querySelectorAll('tbody tr:not(.tbl-spacer)')].map((row) => row.cells[at]?.textContent)
  }, name)
const shows = (page, name, cells) => expect.poll(() => column(page, name)).toEqual(cells)

const addFilter = async (page, value) => {
  await block(page, 't').hover()
  await page.getByTestId('filter-add').click()
  await expect(page.getByTestId('filter-editor')).toBeVisible()
  await page.getByTestId('filter-option').filter({ hasText: value }).click()
  await page.getByTestId('filter-apply').click()
  await expect(page.getByTestId('filter-editor')).toHaveCount(0)
}

const PRODUCTS = ['Pro', 'Team', '=1+1', 'Embed, small', 'Pro']

test('a viewer sorts, filters and sizes for themselves; nobody else sees a change', async ({ people, server }) => {
  const canvas = await server.canvas('Sales', table(await dataset(server, 'Sales', CSV)))
  const ada = await people.owner()
  await open(ada, server, canvas)
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await shows(vera, 'Product', PRODUCTS)
  const before = JSON.stringify(await content(server, canvas))

  await header(vera, 'Revenue').locator('.tbl-name').click()
  await expect(header(vera, 'Revenue')).toHaveAttribute('aria-sort', 'descending')
  await shows(vera, 'Product', ['Pro', 'Embed, small', 'Team', '=1+1', 'Pro'])
  // And within equal regions by what it was sorted by before.
  await header(vera, 'Region').locator('.tbl-name').click({ modifiers: ['Shift'] })
  await expect(header(vera, 'Region')).toHaveAttribute('aria-sort', 'ascending')
  // Pressed again, and alone: the other way round.
  await header(vera, 'Revenue').locator('.tbl-name').click()
  await expect(header(vera, 'Revenue')).toHaveAttribute('aria-sort', 'ascending')
  await expect(header(vera, 'Region')).toHaveAttribute('aria-sort', 'none')
  await addFilter(vera, 'West')
  await shows(vera, 'Product', ['=1+1', 'Pro'])
  await expect(vera.getByTestId('row-count')).toHaveText('2 of 5 rows')
  await expect(vera.getByTestId('view-save')).toHaveCount(0)
  await header(vera, 'Product').locator('.tbl-name').press('Alt+Shift+ArrowRight')
  await expect(vera.getByTestId('table-said')).toHaveText(/Product is \d+ pixels wide\./)

  await shows(ada, 'Product', PRODUCTS)
  await expect(ada.getByTestId('filter-chip')).toHaveCount(0)
  // Still theirs after a reload of the tab, and gone when they say so.
  await vera.reload()
  await shows(vera, 'Product', ['=1+1', 'Pro'])
  await vera.getByTestId('view-reset').click()
  await shows(vera, 'Product', PRODUCTS)
  await vera.getByTestId('table-search').fill('no such thing')
  await expect(vera.getByText('No row matches.')).toBeVisible()
  await vera.getByTestId('clear-filters').click()
  await shows(vera, 'Product', PRODUCTS)
  expect(JSON.stringify(await content(server, canvas))).toBe(before)
})

test('an editor saves a filter and an order for everybody; undo takes both back', async ({ people, server }) => {
  const canvas = await server.canvas('Sales', table(await dataset(server, 'Sales', CSV)))
  const ada = await people.owner()
  await open(ada, server, canvas)
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await shows(vera, 'Product', PRODUCTS)
  await addFilter(ada, 'East')
  await header(ada, 'Revenue').locator('.tbl-name').click()
  await shows(ada, 'Product', ['Team', 'Pro'])
  await shows(vera, 'Product', PRODUCTS)
  await ada.getByTestId('view-save').click()
  await shows(vera, 'Product', ['Team', 'Pro'])
  await expect(vera.getByTestId('filter-chip')).toHaveText('Region is East')
  await saved(ada)
  expect(await content(server, canvas)).toMatchObject({
    filters: [{ field: 'region', op: 'in', value: ['East'] }],
    sorting: { defaultSort: '-revenue' },
  })
  // A reader may do without a shared filter, alone.
  await vera.getByTestId('filter-chip').getByRole('button', { name: /^Remove/ }).click()
  await expect(vera.getByTestId('row-count')).toHaveText('5 rows')
  await expect(ada.getByTestId('row-count')).toHaveText('2 of 5 rows')
  await ada.getByTestId('undo').click()
  await shows(ada, 'Product', PRODUCTS)
})

/** Takes an element and lets go of it where another one is, a share of its width from its left. */
const dragTo = async (page, from, to, share = 0.2) => {
  const [a, b] = [await from.boundingBox(), await to.boundingBox()]
  await page.mouse.move(a.x + a.width / 2, a.y + a.height / 2)
  await page.mouse.down()
  await page.mouse.move(b.x + b.width * share, b.y + b.height / 2, { steps: 6 })
}

test('two people at once: one moves a column, the other sizes one and names another; all of it is kept', async ({ people, server }) => {
  const canvas = await server.canvas('Sales', table(await dataset(server, 'Sales', CSV)))
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await shows(ben, 'Product', PRODUCTS)
  await shows(ada, 'Product', PRODUCTS)

  // Both hold something at the same moment.
  await dragTo(ada, header(ada, 'Day').locator('.tbl-name'), header(ada, 'Region'))
  const edge = await header(ben, 'Product').getByTestId('column-edge').boundingBox()
  const [x, y] = [edge.x + edge.width / 2, edge.y + edge.height / 2]
  await ben.mouse.move(x, y)
  await ben.mouse.down()
  await ben.mouse.move(x + 60, y, { steps: 5 })
  await expect.poll(async () => Math.round((await header(ben, 'Product').boundingBox()).width)).toBeGreaterThan(edge.x - (await header(ben, 'Product').boundingBox()).x + 50)
  const held = Math.round((await header(ben, 'Product').boundingBox()).width)
  await expect(header(ada, 'Region')).toHaveAttribute('data-drop', 'before')
  await ada.mouse.up()
  await expect.poll(() => headers(ben)).toEqual(['Day', 'Region', 'Product', 'Revenue'])
  await ben.mouse.up()
  await header(ben, 'Revenue').locator('.tbl-name').press('F2')
  await ben.getByTestId('column-rename').fill('Income')
  await ben.keyboard.press('Enter')
  for (const page of [ada, ben]) await expect.poll(() => headers(page)).toEqual(['Day', 'Region', 'Product', 'Income'])
  await saved(ada)
  await saved(ben)
  const { columns } = await content(server, canvas)
  expect(columns.map((one) => one.field)).toEqual(['day', 'region', 'product', 'revenue'])
  expect(Math.abs(columns[2].width - held)).toBeLessThanOrEqual(1)
  expect(columns[3]).toMatchObject({ header: 'Income', type: 'currency' })
  // The block stayed where it was: its own drag is another.
  expect((await canvasJson(server, canvas)).blocks[0].position).toEqual({ x: 0, y: 0, w: 12, h: 9 })
})

test('a CSV has the rows, columns and order on the screen, and no formula', async ({ people, server }) => {
  const canvas = await server.canvas(
    'Sales',
    table(await dataset(server, 'Sales', CSV), { columns: [COLUMNS[1], COLUMNS[2], { ...COLUMNS[0], hidden: true }, COLUMNS[3]] }),
  )
  const ada = await people.owner()
  await open(ada, server, canvas)
  await shows(ada, 'Product', PRODUCTS)
  await header(ada, 'Revenue').locator('.tbl-name').click()
  await ada.getByTestId('table-search').fill('o')
  await shows(ada, 'Product', ['Pro', 'Pro'])
  await ada.getByTestId('table-search').fill('')
  await shows(ada, 'Product', ['Pro', 'Embed, small', 'Team', '=1+1', 'Pro'])
  await block(ada, 't').hover()
  await block(ada, 't').getByTestId('block-menu').click()
  const [download] = await Promise.all([ada.waitForEvent('download'), ada.getByTestId('table-csv').click()])
  expect(download.suggestedFilename()).toBe('Sales.csv')
  const text = (await readFile(await download.path(), 'utf8')).replace(/^\ufeff/, '')
  expect(text.trimEnd().split('\r\n')).toEqual([
    'Product,Revenue,Day',
    'Pro,1200,2024-01-05',
    '"Embed, small",950,2024-03-02',
    'Team,300.5,2024-01-20',
    "'=1+1,80,2024-02-11",
    'Pro,,2024-03-30',
  ])
})

test('20,000 rows scroll with the few that are in view', async ({ people, server }) => {
  const rows = Array.from({ length: 20_000 }, (_, at) => `${at},Name ${(at * 7919) % 20_011},${(at * 31) % 977}`)
  const id = await dataset(server, 'Many', `nr,name,amount\n${rows.join('\n')}\n`)
  const canvas = await server.canvas('Many', table(id, { columns: [] }))
  const ada = await people.owner()
  await open(ada, server, canvas)
  await expect(ada.getByTestId('row-count')).toHaveText('20,000 rows')
  const drawn = ada.locator('tbody tr:not(.tbl-spacer)')
  await expect(drawn.first()).toHaveAttribute('aria-rowindex', '2')
  await expect(ada.locator('.tbl table')).toHaveAttribute('aria-rowcount', '20001')
  expect(await drawn.count()).toBeLessThan(80)
  await ada.getByTestId('table-scroll').focus()
  await ada.keyboard.press('End')
  await expect(ada.locator('tbody tr[aria-rowindex="20001"]')).toBeVisible()
  await expect(ada.locator('tbody tr[aria-rowindex="20001"] td').first()).toHaveText('19,999')
  expect(await drawn.count()).toBeLessThan(80)
  // A new order starts at its top.
  await header(ada, 'Name').locator('.tbl-name').click()
  await expect(ada.locator('tbody tr[aria-rowindex="2"] td').nth(1)).toHaveText('Name 0')
  await ada.getByTestId('table-search').fill('Name 12345')
  await expect(ada.getByTestId('row-count')).toHaveText('1 of 20,000 rows')
})

test('with the keyboard alone a column is moved, hidden, brought back and formatted', async ({ people, server }) => {
  const canvas = await server.canvas('Sales', table(await dataset(server, 'Sales', CSV)))
  const ada = await people.owner()
  await open(ada, server, canvas)
  await shows(ada, 'Product', PRODUCTS)
  const said = ada.getByTestId('table-said')
  await block(ada, 't').focus()
  // From the block to its first header.
  for (let stop = 0; stop < 20; stop++) {
    await ada.keyboard.press('Tab')
    if (await header(ada, 'Region').locator('.tbl-name').evaluate((one) => one === document.activeElement)) break
  }
  await expect(header(ada, 'Region').locator('.tbl-name')).toBeFocused()
  await ada.keyboard.press('Alt+ArrowRight')
  await expect(said).toHaveText('Region is now column 2 of 4.')
  await expect(header(ada, 'Region').locator('.tbl-name')).toBeFocused()
  await ada.keyboard.press('Alt+ArrowRight')
  await expect.poll(() => headers(ada)).toEqual(['Product', 'Revenue', 'Region', 'Day'])
  await ada.keyboard.press('ArrowDown')
  await expect(ada.getByTestId('column-hide')).toBeVisible()
  await ada.keyboard.press('End')
  await ada.keyboard.press('Enter')
  await expect.poll(() => headers(ada)).toEqual(['Product', 'Revenue', 'Day'])
  await expect(said).toHaveText('Region is hidden.')
  await header(ada, 'Revenue').locator('.tbl-name').focus()
  await ada.keyboard.press('ArrowDown')
  await expect(ada.getByTestId('column-hidden')).toBeVisible()
  await ada.keyboard.press('End')
  await ada.keyboard.press('ArrowRight')
  await expect(ada.getByRole('menuitem', { name: 'Region' })).toBeFocused()
  await ada.keyboard.press('Enter')
  await expect.poll(() => headers(ada)).toEqual(['Product', 'Revenue', 'Region', 'Day'])
  await expect(header(ada, 'Revenue').locator('.tbl-name')).toBeFocused()
  await ada.keyboard.press('Control+z')
  await expect.poll(() => headers(ada)).toEqual(['Product', 'Revenue', 'Day'])
  await saved(ada)
  const { columns } = await content(server, canvas)
  expect(columns.map(({ field, hidden }) => [field, hidden ?? false])).toEqual([
    ['product', false],
    ['revenue', false],
    ['region', true],
    ['day', false],
  ])
})

test('settings: columns in order by keyboard, pages, a shared filter, another dataset by its name', async ({ people, server }) => {
  const first = await dataset(server, 'Sales', CSV)
  await dataset(server, 'Teams', 'team,people\nDesign,4\nData,7\n')
  const canvas = await server.canvas('Sales', table(first))
  const ada = await people.owner()
  await open(ada, server, canvas)
  await block(ada, 't').hover()
  await block(ada, 't').getByTestId('block-settings').click()
  const list = ada.getByTestId('column-list')
  await list.getByRole('button', { name: 'Move Revenue' }).press('Alt+ArrowUp')
  await expect.poll(() => headers(ada)).toEqual(['Region', 'Revenue', 'Product', 'Day'])
  await expect(list.getByRole('button', { name: 'Move Revenue' })).toBeFocused()
  await list.getByRole('button', { name: 'Show Day' }).click()
  await expect.poll(() => headers(ada)).toEqual(['Region', 'Revenue', 'Product'])
  await ada.getByTestId('shared-filter-add').click()
  await ada.getByTestId('filter-option').filter({ hasText: 'West' }).click()
  await ada.getByTestId('filter-apply').click()
  await shows(ada, 'Product', ['Pro', '=1+1'])
  await ada.getByTestId('default-sort').selectOption('revenue')
  await ada.getByTestId('default-sort-direction').selectOption('asc')
  await shows(ada, 'Product', ['=1+1', 'Pro'])
  for (const theme of ['light', 'dark']) {
    await ada.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    const { violations } = await new AxeBuilder({ page: ada }).analyze()
    expect.soft(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => String(target))])).toEqual([])
  }

  await ada.getByTestId('dataset-select').click()
  await expect(ada.getByTestId('dataset-preview')).toContainText('Embed, small')
  const { violations } = await new AxeBuilder({ page: ada }).analyze()
  expect.soft(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => String(target))])).toEqual([])
  await ada.getByTestId('dataset-dialog-file').setInputFiles({ name: 'bad.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b\n1,"2\n') })
  await expect(ada.getByTestId('dataset-error')).toContainText('Line 2, column 2')
  await ada.getByTestId('dataset-find').fill('people')
  await expect(ada.getByTestId('dataset-option')).toHaveCount(1)
  await ada.keyboard.press('Enter')
  await expect.poll(() => headers(ada)).toEqual(['Team', 'People'])
})

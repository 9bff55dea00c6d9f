/**
 * What there is to see: every page, dialog, menu and state of the client, and how to get there. The accessibility tests
 * look at each with axe, `make screenshots` takes a picture of each. Whoever adds a page, a dialog or a menu adds it here.
 */
import { block, editor, expect, status } from './people.mjs'

const CSV = 'region,product,revenue,day\nWest,Pro,1200,2024-01-05\nEast,Team,300.5,2024-01-20\nNorth,Pro,950,2024-03-02\nEast,Pro,,2024-03-30\n'
/** The smallest PNG there is. */
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

const TEXT = `# What we sold

All in all {{total}}, of which {{gone}} is **bold**, *slanted*, \`code\` and a [link](https://example.org).

- one
- [ ] to do
- [x] done

> Somebody said so.

| Region | Sum |
| --- | ---: |
| West | 1200 |

\`\`\`js
const a = 1
\`\`\`
`

const send = async (server, path, type, body) => {
  const headers = { Authorization: `Bearer ${await server.token()}`, 'Content-Type': type }
  const answer = await fetch(`${server.origin}${path}`, { method: 'POST', headers, body })
  expect(answer.status).toBe(201)
  return (await answer.json()).id
}

/** A canvas with every type of block, and the states they can be in without anybody's doing. */
export const everything = async (server) => {
  const dataset_id = await send(server, '/v1/datasets?name=Sales', 'text/csv', CSV)
  const image_id = await send(server, '/v1/images', 'image/png', PIXEL)
  const data_source = { type: 'dataset', dataset_id, parameters: {} }
  const config = { x_axis: 'region', y_axis: 'revenue', color: 'product', aggregation: 'sum', legend: 'top' }
  const chart = (title, more) => ({ chart_type: 'bar', title, data_source, filters: [], style: { theme: 'auto', colors: [], decals: true }, config, ...more })
  const at = (x, y, w, h) => ({ x, y, w, h })
  const blocks = [
    { id: 'heading', type: 'heading', position: at(0, 0, 12, 1), content: { text: 'Everything', level: 1, line: true } },
    { id: 'metric', type: 'metric', position: at(0, 1, 4, 4), content: { title: 'Revenue', data_source, filters: [], config: { y_axis: 'revenue', aggregation: 'sum', x_axis: 'day', time_unit: 'month', compare: 'previous', better: 'up', number_format: 'currency', currency: 'USD', sparkline: true } } },
    { id: 'chart', type: 'chart', position: at(4, 1, 8, 6), content: chart('Revenue by region') },
    { id: 'table', type: 'table', position: at(0, 7, 6, 6), content: { title: 'Sales', data_source, filters: [{ field: 'region', op: '!=', value: 'South' }], columns: [], pagination: { enabled: true, pageSize: 2 }, sorting: { enabled: true }, filtering: { enabled: true } } },
    { id: 'narrative', type: 'narrative', position: at(6, 7, 6, 8), content: { text: TEXT, data_bindings: [{ key: 'total', source: 'chart', calculation: 'sum' }, { key: 'gone', source: 'nowhere', calculation: 'sum' }] } },
    { id: 'divider', type: 'divider', position: at(0, 15, 12, 1), content: {} },
    { id: 'image', type: 'image', position: at(0, 16, 4, 5), content: { image_id, alt: 'One red pixel', caption: 'A caption', fit: 'contain' } },
    { id: 'no-image', type: 'image', position: at(4, 16, 4, 5), content: { image_id: '', alt: '', caption: '', fit: 'contain' } },
    { id: 'pie', type: 'chart', position: at(8, 16, 4, 5), content: chart('Parts', { chart_type: 'pie' }) },
    { id: 'no-data', type: 'chart', position: at(0, 21, 6, 5), content: chart('No data yet', { data_source: { type: 'dataset', dataset_id: '', parameters: {} } }) },
    { id: 'lost-data', type: 'table', position: at(6, 21, 6, 5), content: { title: 'Lost', data_source: { type: 'dataset', dataset_id: '01900000-0000-7000-8000-000000000000', parameters: {} }, filters: [], columns: [] } },
    { id: 'unknown', type: 'narrative', position: at(0, 26, 6, 4), content: { text: '', data_bindings: [] } },
  ]
  return server.canvas('Everything', { blocks })
}

export const select = async (page, id) => {
  await block(page, id).scrollIntoViewIfNeeded()
  await block(page, id).focus()
}
export const press = (keys) => (page) => page.keyboard.press(keys)
const nothing = async () => {}
/** What people did is in the tables a little later than they did it: either there is something to show by now, or not. */
const usageShown = (page) => expect(page.locator('[data-testid="usage-chart"], [data-testid="usage-quiet"]')).toBeVisible()

/** The panel stays open from the first inspector to the last; nothing else is open over it. */
const inspector = (id) => [
  `settings of ${id}`,
  async (page) => {
    await select(page, id)
    if (!(await page.getByTestId('inspector').isVisible())) await page.keyboard.press('Control+\\')
    await expect(page.getByTestId('inspector').locator('.insp').first()).toBeVisible()
  },
  nothing,
]

/** Each: its name, how to get there from the state before, and how to leave it: Escape unless it says otherwise. */
export const HOME = [
  ['all, with the first steps', (page) => expect(page.getByTestId('checklist')).toBeVisible(), nothing],
  ['nothing found', async (page) => {
    await page.getByTestId('home-search').fill('zzzz')
    await expect(page.getByTestId('home-none')).toBeVisible()
  }],
  ...['recent', 'favourites', 'deleted', 'all'].map((view) => [
    `view ${view}`,
    async (page) => {
      await page.getByTestId(`view-${view}`).click()
      await expect(page.getByTestId(`view-${view}`)).toHaveAttribute('aria-current', 'page')
      await expect(page.locator('[data-testid="home-row"], [data-testid="home-none"]').first()).toBeVisible()
    },
    nothing,
  ]),
  ['menu of a card', async (page) => {
    await page.getByTestId('row-menu').first().press('Enter')
    await expect(page.getByRole('menuitem', { name: 'Rename' })).toBeVisible()
  }],
  ['name of a card edited', async (page) => {
    await page.getByTestId('row-menu').first().press('Enter')
    await page.getByRole('menuitem', { name: 'Rename' }).press('Enter')
    await expect(page.getByRole('textbox', { name: 'Name of the canvas' })).toBeVisible()
  }],
  ['ways to begin', async (page) => {
    await page.getByTestId('new-more').press('Enter')
    await expect(page.getByTestId('new-from-file')).toBeVisible()
  }],
  ['from another canvas', async (page) => {
    await page.getByTestId('new-more').press('Enter')
    await page.getByTestId('new-from-canvas').press('Enter')
    await expect(page.getByTestId('pick-canvas').first()).toBeVisible()
  }],
  ['usage of all canvases', async (page) => {
    await page.getByTestId('home-usage').click()
    await usageShown(page)
  }, nothing],
  ['usage of all canvases as a table', async (page) => {
    if (await page.getByTestId('usage-as').isVisible()) await page.getByTestId('usage-as').click()
    await expect(page.locator('[data-testid="usage-table"], [data-testid="usage-quiet"]')).toBeVisible()
  }, async (page) => {
    await page.getByRole('link', { name: 'All canvases' }).click()
    await expect(page.getByTestId('home-row').first()).toBeVisible()
  }],
  ['own menu', async (page) => {
    await page.getByRole('button', { name: /Signed in as/ }).press('Enter')
    await expect(page.getByRole('menuitem', { name: 'Sign out' })).toBeVisible()
  }],
]

export const CANVAS = [
  ['every type of block', async (page) => {
    await expect(page.locator('[data-block-id="chart"] canvas').first()).toBeVisible()
    await expect(page.getByTestId('metric-value').first()).toHaveText(/\d/)
    await expect.poll(() => page.locator('tbody tr').count()).toBeGreaterThan(1)
    await expect(page.locator('.md-chip').first()).toBeVisible()
  }, nothing],
  ['further down', async (page) => {
    await block(page, 'lost-data').scrollIntoViewIfNeeded()
    await expect(block(page, 'pie').locator('canvas').first()).toBeVisible()
    await expect(block(page, 'image').getByAltText('One red pixel')).toBeVisible()
    await expect(block(page, 'lost-data').getByRole('alert')).toBeVisible()
  }, nothing],
  ['first steps on the canvas', async (page) => {
    await page.getByTestId('checklist-small').click()
    await expect(page.getByTestId('checklist')).toBeVisible()
  }, (page) => page.getByTestId('checklist-skip').click()],
  ['add menu', async (page) => {
    await page.getByTestId('add-menu').click()
    await expect(page.getByTestId('add-chart')).toBeVisible()
  }],
  ['palette', async (page) => {
    await page.keyboard.press('Control+k')
    await expect(page.getByTestId('palette').getByRole('option').first()).toBeVisible()
  }],
  ['palette without a match', async (page) => {
    await page.keyboard.press('Control+k')
    await page.getByTestId('palette').getByRole('combobox').fill('zzzzzz')
  }, async (page) => {
    await page.keyboard.press('Escape')
    await expect(page.getByTestId('palette')).toHaveCount(0)
  }],
  ['shortcuts', async (page) => {
    await page.keyboard.press('Control+/')
    await expect(page.getByTestId('shortcuts')).toBeVisible()
  }],
  ['view menu', async (page) => {
    await page.getByTestId('view-menu').press('Enter')
    await expect(page.getByTestId('view-kiosk')).toBeVisible()
  }],
  ['usage', async (page) => {
    await page.getByTestId('view-menu').press('Enter')
    await page.getByTestId('canvas-usage').press('Enter')
    await usageShown(page)
  }, nothing],
  ['usage as a table', async (page) => {
    if (await page.getByTestId('usage-as').isVisible()) await page.getByTestId('usage-as').click()
    await expect(page.locator('[data-testid="usage-table"], [data-testid="usage-quiet"]')).toBeVisible()
  }, async (page) => {
    await page.keyboard.press('Escape')
    await expect(page.getByTestId('usage')).toHaveCount(0)
  }],
  ['status', async (page) => {
    await status(page).press('Enter')
    await expect(page.getByTestId('status-details')).toBeVisible()
  }],
  ['menu of a block', async (page) => {
    await select(page, 'chart')
    await block(page, 'chart').getByTestId('block-menu').press('Enter')
    await expect(page.getByTestId('block-delete')).toBeVisible()
  }],
  ['menu of a column', async (page) => {
    await block(page, 'table').getByTestId('column-header').first().locator('.tbl-name').press('ArrowDown')
    await expect(page.getByTestId('column-hide')).toBeVisible()
  }],
  ['name of a column edited', async (page) => {
    await block(page, 'table').getByTestId('column-header').first().locator('.tbl-name').press('F2')
    await expect(page.getByTestId('column-rename')).toBeVisible()
  }, async (page) => {
    await page.keyboard.press('Escape')
    await expect(block(page, 'table').getByTestId('column-header').first().locator('.tbl-name')).toBeFocused()
  }],
  ['filter', async (page) => {
    await select(page, 'table')
    await block(page, 'table').getByTestId('filter-add').press('Enter')
    await expect(page.getByTestId('filter-option').first()).toBeVisible()
  }],
  ['card of a number', async (page) => {
    await editor(page, 'narrative').getByText('All in all').click()
    await page.keyboard.press('Home')
    for (let step = 0; step < 'All in all '.length; step++) await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Alt+Enter')
    await expect(page.getByTestId('chip-card')).toBeVisible()
  }],
  ['a text being written, with its menu of numbers', async (page) => {
    await editor(page, 'unknown').click()
    await page.keyboard.type('Sum {{')
    await expect(page.locator('.note-complete')).toBeVisible()
  }, async (page) => {
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
  }],
  ...['heading', 'metric', 'chart', 'table', 'narrative', 'divider', 'image', 'no-data'].map(inspector),
  ['several selected', async (page) => {
    await select(page, 'metric')
    await page.keyboard.press('Control+a')
    await expect(page.getByTestId('several')).toBeVisible()
  }],
  ['datasets', async (page) => {
    await select(page, 'chart')
    await page.getByTestId('inspector').getByTestId('dataset-select').press('Enter')
    await expect(page.getByTestId('dataset-preview').locator('tbody tr').first()).toBeVisible()
  }, async (page) => {
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+\\')
    await expect(page.getByTestId('inspector')).toHaveCount(0)
  }],
  ['chart as a table', async (page) => {
    await block(page, 'chart').getByTestId('block-menu').press('Enter')
    await page.getByTestId('chart-view').press('Enter')
    await expect(block(page, 'chart').getByRole('table')).toBeVisible()
  }, nothing],
  ['a block full screen', async (page) => {
    await select(page, 'table')
    await page.keyboard.press('f')
    await expect(page.getByTestId('solo-bar')).toBeAttached()
  }],
  ['present', async (page) => {
    await expect(page.getByTestId('canvas-title')).toBeVisible()
    await select(page, 'chart')
    await page.keyboard.press('p')
    await expect(page.getByTestId('presenting')).toBeVisible()
  }],
  ['deleted, with the way back', async (page) => {
    await expect(page.getByTestId('canvas-title')).toBeVisible()
    await select(page, 'divider')
    await page.keyboard.press('Delete')
    await expect(page.getByTestId('toast')).toBeVisible()
  }, press('Control+z')],
]

/** Nothing animates, nothing waits long: the states are many. */
export const themed = async (page, theme) => {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  page.setDefaultTimeout(20_000)
}

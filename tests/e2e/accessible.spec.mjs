/**
 * Without a mouse, and for those who do not see the screen: axe finds nothing on any page, dialog and state in either
 * theme, colours of one's own system are respected, and twice the size needs no scrolling sideways.
 *
 * Owns the list of states: whoever adds a page, a dialog or a menu adds it here.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { block, editor, expect, FOUR_NOTES, open, place, position, saved, status, test } from './people.mjs'

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
const everything = async (server) => {
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

const select = async (page, id) => {
  await block(page, id).scrollIntoViewIfNeeded()
  await block(page, id).focus()
}
const press = (keys) => (page) => page.keyboard.press(keys)
const nothing = async () => {}

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
const HOME = [
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
  ['own menu', async (page) => {
    await page.getByRole('button', { name: /Signed in as/ }).press('Enter')
    await expect(page.getByRole('menuitem', { name: 'Sign out' })).toBeVisible()
  }],
]

const CANVAS = [
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

const require = createRequire(import.meta.url)
/** The axe of `@axe-core/playwright`, without its own page for each look: there are a hundred looks here. */
const AXE = readFileSync(createRequire(require.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8')

/** The rules that failed, each with the elements it failed on. */
const violations = async (page) => {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { resultTypes: ['violations'] })
    return found.map(({ id, nodes }) => [id, nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`)])
  })
}

const look = async (page, name) => {
  expect.soft(await violations(page), name).toEqual([])
}

const walk = async (page, states) => {
  for (const [name, enter, leave = press('Escape')] of states) {
    await test.step(name, async () => {
      await enter(page)
      await look(page, name)
      await leave(page)
    })
  }
}

/** Nothing animates, nothing waits long: the states are many. */
const themed = async (page, theme) => {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  page.setDefaultTimeout(20_000)
}

for (const theme of ['light', 'dark']) {
  test.describe(theme, () => {
    test.use({ samples: true })

    test(`axe finds nothing on any page, dialog and state in the ${theme} theme`, async ({ people, server }) => {
      const [canvas, gone] = [await everything(server), await server.canvas('Thrown away')]
      await server.call(`/v1/canvases/${canvas}/favourite`, { method: 'PUT' })
      await server.call(`/v1/canvases/${gone}`, { method: 'DELETE' })
      const page = await people.person()
      await themed(page, theme)
      await page.goto(server.origin)
      await expect(page.getByTestId('signed-out')).toBeVisible()
      await look(page, 'signed out')
      await page.goto(server.loginUrl)
      await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThan(4)
      await expect(page.getByTestId('thumbnail').first()).toBeVisible()
      await walk(page, HOME)
      await page.getByRole('link', { name: 'Everything', exact: true }).click()
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      const ben = await people.guest({ name: 'Ben Okri', canvas, role: 'viewer' })
      await themed(ben, theme)
      await expect(block(ben, 'chart').locator('canvas').first()).toBeVisible()
      await block(ben, 'metric').focus()
      await expect(page.getByTestId('avatar')).toHaveCount(2)
      await look(ben, 'as a viewer')
      await walk(page, CANVAS)
      await ben.context().close()

      await page.goto(`${server.origin}/c/${canvas}?kiosk`)
      await expect(page.getByTestId('kiosk')).toBeAttached()
      await expect(page.locator('[data-block-id="chart"] canvas').first()).toBeVisible()
      await look(page, 'kiosk')
      await page.goto(`${server.origin}/c/01900000-0000-7000-8000-000000000000`)
      await expect(page.getByRole('heading', { name: 'There is no such canvas' })).toBeVisible()
      await look(page, 'no such canvas')

      await page.goto(server.origin)
      await page.getByTestId('new-canvas').click()
      await expect(page.getByTestId('starter-sample')).toBeVisible()
      await look(page, 'an empty canvas')
      // What is not saved yet is asked for before it is deleted from the device.
      await saved(page)
      await server.stop()
      await expect(status(page)).not.toHaveAttribute('data-status', 'saved')
      await page.keyboard.press('1')
      await expect(page.getByTestId('block')).toHaveCount(1)
      await look(page, 'offline')
      await page.getByRole('link', { name: 'All canvases' }).click()
      await expect(page.getByRole('heading', { name: 'Canvases' })).toBeVisible()
      await page.getByRole('button', { name: /Signed in as/ }).press('Enter')
      await page.getByRole('menuitem', { name: 'Sign out' }).press('Enter')
      await expect(page.getByRole('dialog')).toBeVisible()
      await look(page, 'sign out, with changes that are not saved')
      await server.up()
    })
  })
}

test.describe('a phone', () => {
  test.use({ samples: true })

  test('axe finds nothing at the width of a phone, its sheet and its menu', async ({ browser, server }) => {
    const canvas = await everything(server)
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
    const page = await context.newPage()
    await page.goto(server.loginUrl)
    await expect(page.getByTestId('thumbnail').first()).toBeVisible()
    const both = async (name) => {
      for (const theme of ['light', 'dark']) {
        await themed(page, theme)
        await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
        await look(page, `${name}, ${theme}`)
      }
    }
    await both('home')
    await page.goto(`${server.origin}/c/${canvas}`)
    await expect(status(page)).toHaveAttribute('data-status', 'saved')
    await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
    await both('canvas')
    await block(page, 'narrative').scrollIntoViewIfNeeded()
    await expect(page.locator('.md-chip').first()).toBeVisible()
    await both('a text')
    await page.getByTestId('phone-menu').tap()
    await expect(page.getByTestId('view-present')).toBeVisible()
    await both('the menu')
    await page.keyboard.press('Escape')
    await block(page, 'chart').scrollIntoViewIfNeeded()
    await block(page, 'chart').getByTestId('block-settings').tap()
    await expect(page.getByTestId('panel-close')).toBeVisible()
    await expect(page.getByTestId('chart-type-bar')).toBeVisible()
    await both('settings as a sheet')
    await context.close()
  })
})

test('in the colours of the system what is selected, pressed and focused is still to be seen', async ({ people, server }) => {
  const canvas = await everything(server)
  const page = await people.owner()
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
  await open(page, server, canvas)
  await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
  /** A line around it: a border or an outline that has a width and a style. Colours of a shadow or a ground are gone. */
  const lined = (locator) =>
    locator.evaluate((element) => {
      const style = getComputedStyle(element)
      const border = style.borderTopStyle !== 'none' && Number.parseFloat(style.borderTopWidth) > 0
      return border || (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0)
    })
  const outlined = (locator) =>
    locator.evaluate((element) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0
    })
  await page.keyboard.press('Tab')
  await block(page, 'metric').focus()
  await page.keyboard.press('Control+\\')
  expect.soft(await lined(block(page, 'chart')), 'a block has an edge').toBe(true)
  expect.soft(await outlined(block(page, 'metric')), 'a selected block stands out').toBe(true)
  await page.getByTestId('view-menu').focus()
  expect.soft(await outlined(page.getByTestId('view-menu')), 'the focus of a button').toBe(true)
  await page.getByTestId('view-menu').press('Enter')
  await expect(page.getByTestId('view-kiosk')).toBeVisible()
  expect.soft(await lined(page.locator('.ui-menu')), 'a menu has an edge').toBe(true)
  const [item, other] = [page.locator('.ui-menu-item[data-highlighted]'), page.locator('.ui-menu-item:not([data-highlighted])').first()]
  const paint = (locator) => locator.evaluate((element) => [getComputedStyle(element).backgroundColor, getComputedStyle(element).outlineStyle].join())
  await expect(item).toHaveCount(1)
  expect.soft(await paint(item), 'the entry that Enter takes').not.toBe(await paint(other))
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+k')
  await expect(page.getByTestId('palette').getByRole('option').first()).toBeVisible()
  const options = page.getByTestId('palette').getByRole('option')
  expect.soft(await paint(options.first()), 'the command that Enter runs').not.toBe(await paint(options.nth(1)))
  await page.keyboard.press('Escape')
  const pressed = page.locator('.insp-types [aria-pressed="true"], .insp-types [aria-checked="true"]')
  await select(page, 'chart')
  await expect(pressed).toHaveCount(1)
  const unpressed = page.locator('.insp-types button:is([aria-pressed="false"], [aria-checked="false"])').first()
  const edge = (locator) => locator.evaluate((element) => [getComputedStyle(element).borderTopColor, getComputedStyle(element).backgroundColor, getComputedStyle(element).outlineStyle].join())
  expect.soft(await edge(pressed), 'the chosen type of chart').not.toBe(await edge(unpressed))
  await look(page, 'forced colours')
})

test.describe('at twice the size', () => {
  // What a window of 1440 x 900 has to give at 200 %.
  test.use({ samples: true, viewport: { width: 720, height: 450 } })

  test('no page scrolls sideways, and no control is out of reach', async ({ people, server }) => {
    const canvas = await everything(server)
    const page = await people.owner()
    const fits = async (name) => {
      const { wide, out } = await page.evaluate(() => {
        const shown = [...document.querySelectorAll('button, a, input, select, [role="menuitem"], [role="option"]')].filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest('.visually-hidden, .tbl-scroll, .cm-editor, .grid'))
        return {
          wide: document.documentElement.scrollWidth,
          out: shown.map((one) => [one.getAttribute('aria-label') ?? one.textContent, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && (box.left < -1 || box.right > innerWidth + 1)).map(([label]) => label),
        }
      })
      expect.soft({ wide, out }, name).toEqual({ wide: 720, out: [] })
    }
    await expect(page.getByTestId('thumbnail').first()).toBeVisible()
    await fits('home')
    await open(page, server, canvas)
    await expect(block(page, 'chart').locator('canvas').first()).toBeVisible()
    await fits('canvas')
    const states = CANVAS.filter(([name]) => ['add menu', 'palette', 'shortcuts', 'status', 'menu of a block', 'filter'].includes(name))
    for (const [name, enter, leave = press('Escape')] of states) {
      await enter(page)
      await fits(name)
      await leave(page)
    }
    await block(page, 'chart').focus()
    await page.keyboard.press('Control+\\')
    await page.getByTestId('inspector').getByTestId('dataset-select').press('Enter')
    await expect(page.getByTestId('dataset-preview')).toBeVisible()
    await fits('datasets')
    // The last of a tall dialog can be reached.
    await page.getByTestId('dataset-use').scrollIntoViewIfNeeded()
    await expect(page.getByTestId('dataset-use')).toBeInViewport()
  })
})
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

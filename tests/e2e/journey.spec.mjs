/**
 * Through the whole product: once by keys alone, once as somebody who has never seen it, by mouse. Nothing may be out of
 * reach, the focus is never lost, what happens is said, and the console stays silent.
 */
import { block, canvasJson, editor, expect, open, saved, status, test } from './people.mjs'

/** Everything the page complains about in its console. */
const listen = (page) => {
  const lines = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') lines.push(`${message.type()}: ${message.text()}`)
  })
  return lines
}

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement
  return element === null || element === document.body || element === document.documentElement ? null : element.tagName
})

/** The keyboard of one person. Each step ends with the focus somewhere: who lost it would have to start at the top. */
const keyboard = (page) => {
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key)
  }
  return {
    press,
    type: (text) => page.keyboard.type(text),
    step: (name, act) =>
      test.step(name, async () => {
        await act()
        await expect.poll(() => focused(page), { message: `after “${name}” the focus is somewhere` }).not.toBeNull()
      }),
    /** Walks there as a person would: Tab after Tab, or back. */
    reach: async (locator, key = 'Tab', most = 60) => {
      await expect(locator).toBeAttached()
      for (let presses = 0; presses < most; presses++) {
        if (await locator.evaluate((element) => element === document.activeElement)) return
        await page.keyboard.press(key)
      }
      await expect(locator, `reached by ${key}`).toBeFocused()
    },
    /** Looks a command, block or canvas up in the palette and runs it. */
    command: async (text, option) => {
      await press('Control+k')
      const palette = page.getByTestId('palette')
      await expect(palette.getByRole('combobox')).toBeFocused()
      await page.keyboard.type(text)
      await expect(palette.getByRole('option').first()).toContainText(option)
      await press('Enter')
      await expect(palette).toHaveCount(0)
    },
  }
}

const said = (page, text) => expect(page.getByTestId('announcement')).toHaveText(text)
const blocks = async (server, canvas) => (await canvasJson(server, canvas)).blocks
const shown = (page, id) => expect(block(page, id).locator('canvas').first()).toBeVisible()

test.describe('by keys alone', () => {
  test.use({ samples: true })

  test('from the login link to signing out, through everything', async ({ people, server }) => {
    const page = await people.person()
    const complaints = listen(page)
    await page.goto(server.loginUrl)
    await expect.poll(() => page.getByTestId('home-row').count()).toBeGreaterThan(3)
    const { press, type, step, reach, command } = keyboard(page)
    const inspector = page.getByTestId('inspector')
    const active = () => page.evaluate(() => document.activeElement.closest('[data-block-id]')?.dataset.blockId)

    await step('search and open a sample', async () => {
      await press('/')
      await expect(page.getByTestId('home-search')).toBeFocused()
      await type('q4')
      await expect(page.getByTestId('home-row')).toHaveCount(1)
      await press('ArrowDown')
      await expect(page.locator('.home-name')).toBeFocused()
      await press('Enter')
      await expect(status(page)).toHaveAttribute('data-status', 'saved')
      await shown(page, 'block_1')
    })
    const canvas = new URL(page.url()).pathname.split('/').at(-1)

    await step('add a chart from the palette', async () => {
      await command('add chart', 'Add chart')
      await expect(page.getByTestId('block')).toHaveCount(4)
      await said(page, 'Added a chart block.')
      await expect(inspector).toBeVisible()
    })
    const chart = await active()
    expect(chart).toBeTruthy()

    await step('choose a dataset in the picker', async () => {
      await reach(inspector.getByTestId('dataset-select'))
      await press('Enter')
      await expect(page.getByTestId('dataset-find')).toBeFocused()
      await type('penguins')
      await expect(page.getByTestId('dataset-option').first()).toContainText(/penguin/i)
      await press('Enter')
      await expect(page.getByTestId('dataset-find')).toHaveCount(0)
      await shown(page, chart)
    })

    await step('choose fields', async () => {
      await reach(inspector.getByTestId('chart-x'))
      await type('species')
      await reach(inspector.getByTestId('chart-aggregation'))
      await type('Average')
      await reach(inspector.getByTestId('chart-type-bar'), 'Shift+Tab')
      await press('Enter')
      await expect
        .poll(async () => (await blocks(server, canvas)).find(({ id }) => id === chart).content)
        .toMatchObject({ chart_type: 'bar', config: { x_axis: 'Species', aggregation: 'avg' } })
      await expect(block(page, chart).getByRole('img')).toHaveAttribute('aria-label', /^Bar chart/)
    })

    await step('give it a title', async () => {
      await reach(inspector.getByLabel('Title', { exact: true }), 'Shift+Tab')
      await press('Control+a')
      await type('Penguins by species')
      await press('Enter')
      await expect(block(page, chart).getByRole('heading', { name: 'Penguins by species' })).toBeVisible()
    })

    await step('close the settings', async () => {
      await press('Control+\\')
      await expect(inspector).toHaveCount(0)
      await expect(block(page, chart)).toBeFocused()
    })

    await step('move and resize it', async () => {
      await press('Alt+Shift+ArrowLeft')
      await said(page, /^Penguins by species is now \d+ columns wide, \d+ rows high\.$/)
      await press('Alt+ArrowRight')
      await said(page, /^Penguins by species moved to column 2, row \d+\.$/)
      await expect(block(page, chart)).toBeFocused()
    })

    await step('write a text with a number in it', async () => {
      await press('/')
      await expect(page.getByTestId('add-picker').getByRole('combobox')).toBeFocused()
      await type('narr')
      await press('Enter')
      await expect(page.getByTestId('add-picker')).toHaveCount(0)
      await said(page, 'Added a narrative block.')
      await expect(page.locator('.cm-content:focus')).toHaveCount(1)
      await type('On average {{')
      await expect(page.locator('.note-complete')).toContainText('Penguins by species')
      await type('average')
      await expect(page.locator('.note-complete [aria-selected]')).toContainText(/Average.*\d/)
      await press('Enter')
      await type(' grams.')
    })
    const note = await active()
    await step('leave the text', async () => {
      await expect(block(page, note).locator('.md-chip')).toHaveText(/\d/)
      await press('Escape')
      await expect(block(page, note)).toBeFocused()
    })
    const text = async () => (await blocks(server, canvas)).find(({ id }) => id === note)?.content.text
    await expect.poll(text).toMatch(/^On average \{\{.+\}\} grams\.$/)

    await step('undo and redo', async () => {
      await press('Alt+Shift+ArrowDown')
      await said(page, /is now/)
      const size = async () => (await blocks(server, canvas)).find(({ id }) => id === note).position.h
      await saved(page)
      const high = await size()
      await press('Control+z')
      await expect.poll(size).toBe(high - 1)
      await press('Control+Shift+z')
      await expect.poll(size).toBe(high)
      await expect(block(page, note)).toBeFocused()
    })

    await step('select two and duplicate them', async () => {
      await press('Shift+ArrowUp')
      await said(page, 'Selected 2 blocks.')
      await press('Control+d')
      await said(page, 'Duplicated 2 blocks.')
      await expect(page.getByTestId('block')).toHaveCount(7)
      await expect(page.locator('.frame-selected')).toHaveCount(2)
    })
    await step('delete the copies', async () => {
      await press('Delete')
      await said(page, 'Deleted 2 blocks.')
      await expect(page.getByTestId('block')).toHaveCount(5)
    })

    const header = (name) => block(page, 'block_3').getByTestId('column-header').filter({ hasText: name }).locator('.tbl-name')
    const first = block(page, 'block_3').getByTestId('column-header').first().locator('.tbl-name')
    let column
    await step('sort a table', async () => {
      await command('detailed sales', 'Detailed Sales Breakdown')
      await expect(block(page, 'block_3')).toBeFocused()
      await reach(first)
      column = await first.textContent()
      await press('Enter')
      await expect(block(page, 'block_3').getByTestId('column-header').first()).toHaveAttribute('aria-sort', /ascending|descending/)
      await expect(block(page, 'block_3').getByTestId('table-said')).toContainText(/sorted/i)
    })
    await step('filter it', async () => {
      await press('ArrowDown')
      await expect(page.getByTestId('column-filter')).toBeVisible()
      await reach(page.getByTestId('column-filter'), 'ArrowDown')
      await press('Enter')
      await expect(page.getByTestId('filter-option').first()).toBeVisible()
      await reach(page.getByTestId('filter-value'))
      await press('Enter')
      await expect(page.getByTestId('filter-option').first()).toHaveAttribute('aria-selected', 'true')
      await reach(page.getByTestId('filter-apply'))
      await press('Enter')
      await expect(page.getByTestId('filter-editor')).toHaveCount(0)
      await expect(block(page, 'block_3').getByTestId('row-count')).toHaveText(/ of /)
    })
    await step('hide a column', async () => {
      await reach(first, 'Shift+Tab')
      await press('ArrowDown')
      await expect(page.getByTestId('column-hide')).toBeVisible()
      await reach(page.getByTestId('column-hide'), 'ArrowDown')
      await press('Enter')
      await expect(header(column)).toHaveCount(0)
      await expect(block(page, 'block_3').getByTestId('table-said')).toHaveText(`${column} is hidden.`)
    })

    await step('see a chart as a table, and as a chart again', async () => {
      await command('penguins by', 'Penguins by species')
      await expect(block(page, chart)).toBeFocused()
      await reach(block(page, chart).getByTestId('block-menu'))
      await press('Enter')
      await expect(page.getByTestId('chart-view')).toBeFocused()
      await press('Enter')
      await expect(block(page, chart).getByRole('table')).toBeVisible()
    })

    await step('full screen and back', async () => {
      await command('penguins by', 'Penguins by species')
      await press('f')
      await said(page, 'Penguins by species fills the window. Escape goes back.')
      await press('Escape')
      await said(page, 'Back on the canvas.')
      await expect(block(page, chart)).toBeFocused()
    })
    await step('present', async () => {
      await press('p')
      await said(page, /^Presenting\.|^Page 1/)
      await expect(page.getByTestId('presenting')).toBeVisible()
    })
    await step('turn a page and leave', async () => {
      await press('ArrowRight', 'Escape')
      await expect(page.getByTestId('presenting')).toHaveCount(0)
      await said(page, 'Presentation ended.')
    })

    await step('the other theme', async () => {
      await command('dark theme', 'Dark theme')
      await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
    })
    await saved(page)

    await step('home', async () => {
      await command('all canvases', 'All canvases')
      await expect(page.getByRole('heading', { name: 'Canvases' })).toBeVisible()
    })
    await step('a favourite', async () => {
      const card = page.getByTestId('home-row').filter({ hasText: 'Q4 Sales' })
      await reach(card.getByTestId('favourite'))
      await press('Enter')
      await expect(card.getByTestId('favourite')).toHaveAttribute('aria-pressed', 'true')
    })
    // That nobody is signed in any more the browser lists as an error by itself.
    expect(complaints).toEqual([])
    // The last page is a new document: its focus is at its beginning.
    await test.step('sign out', async () => {
      await reach(page.getByRole('button', { name: /Signed in as/ }), 'Shift+Tab', 90)
      await press('Enter')
      await expect(page.getByRole('menuitem', { name: 'First steps' })).toBeFocused()
      await reach(page.getByRole('menuitem', { name: 'Sign out' }), 'ArrowDown')
      await press('Enter')
      await expect(page.getByTestId('signed-out')).toBeVisible()
    })
  })
})

const CSV = 'city,people,area\nOslo,709,454\nRome,2761,1285\nLima,10092,2672\n'

/** Drops a file where the pointer would let it go. */
const drop = async (page, name, text) => {
  const data = await page.evaluateHandle(([file, content]) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([content], file, { type: 'text/csv' }))
    return transfer
  }, [name, text])
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.evaluate(
      ([kind, transfer]) =>
        (document.elementFromPoint(500, 400) ?? document.body).dispatchEvent(
          new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer, clientX: 500, clientY: 400 }),
        ),
      [type, data],
    )
  }
}

test('as a new user, by mouse: from the first page to a chart of one’s own that somebody else sees', async ({ people, server }) => {
  const page = await people.person()
  const complaints = listen(page)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(server.loginUrl)
  await expect(page.getByTestId('home-empty')).toBeVisible()
  await drop(page, 'World cities.csv', CSV)
  await expect(page.getByTestId('canvas-title')).toHaveValue('World cities')
  const chart = page.locator('[data-block-type="chart"]')
  await expect(chart.locator('canvas').first()).toBeVisible()
  await expect(page.locator('[data-block-type="table"] tbody')).toContainText('Lima')

  await chart.hover()
  await chart.getByTestId('block-settings').click()
  const pressed = page.getByTestId('inspector').getByTestId('chart-type-pie')
  await pressed.click()
  await expect(chart.getByRole('img')).toHaveAttribute('aria-label', /^Pie chart/)

  await page.getByTestId('add-menu').click()
  await page.getByTestId('add-heading').click()
  await expect(page.getByTestId('heading-text')).toBeFocused()
  await page.keyboard.type('Three cities')
  await page.keyboard.press('Enter')
  await saved(page)

  const steps = page.getByTestId('checklist-small')
  if (await steps.isVisible()) await steps.click()
  await page.getByTestId('copy-link').click()
  await expect(page.getByTestId('step-share')).toHaveAttribute('data-done', '')
  const link = await page.evaluate(() => navigator.clipboard.readText())

  const other = await people.owner()
  const heard = listen(other)
  await other.goto(link)
  await expect(other.locator('[data-block-type="chart"]').getByRole('img')).toHaveAttribute('aria-label', /^Pie chart/)
  await expect(other.getByTestId('heading-text')).toHaveValue('Three cities')
  await expect(page.getByTestId('avatar')).toHaveCount(2)
  // And back to where one came from, without a dead end.
  await page.getByRole('link', { name: 'All canvases' }).click()
  await expect(page.getByTestId('home-row')).toContainText('World cities')
  expect(complaints).toEqual([])
  expect(heard).toEqual([])
})

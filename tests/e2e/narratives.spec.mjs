/**
 * Narratives: text that shows what it means while several people write it, and numbers in it that stay true. Keys alone must
 * do; what two people do to one line at the same moment must keep every word of both.
 */
import { block, canvasJson, editor, expect, open, saved, test } from './people.mjs'

const SALES = 'month,revenue,region\n2024-01,100,North\n2024-02,140,South\n2024-03,90,North\n2024-04,260,West\n'

/** A chart over a dataset of its own beside a narrative. */
async function report(server, text, bindings = []) {
  const token = await server.token()
  const response = await fetch(`${server.origin}/v1/datasets?name=Sales`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'text/csv' },
    body: SALES,
  })
  const dataset = (await response.json()).id
  return server.canvas('Report', {
    blocks: [
      {
        id: 'chart',
        type: 'chart',
        position: { x: 6, y: 0, w: 6, h: 6 },
        content: {
          chart_type: 'bar',
          title: 'Revenue by month',
          data_source: { type: 'dataset', dataset_id: dataset, parameters: {} },
          config: { x_axis: 'month', y_axis: 'revenue', color: '', aggregation: 'sum' },
          style: { theme: 'auto', colors: [] },
        },
      },
      {
        id: 'note',
        type: 'narrative',
        position: { x: 0, y: 0, w: 6, h: 8 },
        content: { text, data_bindings: bindings },
      },
    ],
  })
}

const only = (server, text) =>
  server.canvas('Note', {
    blocks: [
      { id: 'note', type: 'narrative', position: { x: 0, y: 0, w: 8, h: 8 }, content: { text, data_bindings: [] } },
    ],
  })

const noteOf = async (server, canvas) =>
  (await canvasJson(server, canvas)).blocks.find((one) => one.id === 'note').content

/** Waits until the document, as the server has it, holds exactly this Markdown. */
const holds = (server, canvas, text) =>
  expect.poll(async () => (await noteOf(server, canvas)).text, { message: 'the text in the document' }).toBe(text)

const chip = (page, key) => block(page, 'note').locator(`.md-chip[data-key="${key}"]`)
const menu = (page) => page.locator('.note-complete')
const selected = (page) => page.locator('.note-complete [aria-selected]')

/** Into the text, at its end. */
const write = async (page, text = '') => {
  await editor(page, 'note').click()
  await page.keyboard.press('Control+End')
  if (text !== '') await page.keyboard.type(text)
}

/** Puts the caret before the first `word` by keys, with the whole text known to be one line per paragraph. */
const selectWord = async (page, word) => {
  await editor(page, 'note').getByText(word, { exact: false }).first().dblclick()
}

/** A paste as another program would fill the clipboard. */
const paste = (page, types) =>
  editor(page, 'note').evaluate((element, data) => {
    const clipboard = new DataTransfer()
    for (const [type, value] of Object.entries(data)) clipboard.setData(type, value)
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: clipboard, bubbles: true, cancelable: true }))
  }, types)

test('a number is put into the text by keys alone, and is the sum of the chart', async ({ people, server }) => {
  const canvas = await report(server, 'All in all')
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)

  await block(ada, 'note').focus()
  await ada.keyboard.press('Enter')
  await expect(editor(ada, 'note')).toBeFocused()
  await ada.keyboard.press('Control+End')
  await ada.keyboard.type(' {{')
  await expect(menu(ada)).toContainText('Revenue by month')
  await ada.keyboard.type('sum')
  await expect(selected(ada)).toContainText('Sum of revenue')
  await expect(selected(ada), 'a preview before it is chosen').toContainText('590')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type(' it is')

  await holds(server, canvas, 'All in all {{revenue total}} it is')
  // The value is the server's.
  await expect
    .poll(async () => (await noteOf(server, canvas)).data_bindings)
    .toEqual([expect.objectContaining({ key: 'revenue total', source: 'chart', calculation: 'sum', value: 590 })])
  for (const page of [ada, ben]) await expect(chip(page, 'revenue total')).toHaveText('590')

  // The card by keys: the caret beside the chip, Alt+Enter; Escape gives the focus back.
  for (let step = 0; step < ' it is'.length; step++) await ada.keyboard.press('ArrowLeft')
  await ada.keyboard.press('Alt+Enter')
  const card = ada.getByTestId('chip-card')
  await expect(card).toContainText('Sum of revenue')
  await expect(card).toContainText('Sales')
  await expect(card.getByRole('button', { name: 'Revenue by month' })).toBeFocused()
  await ada.keyboard.press('Escape')
  await expect(card).toHaveCount(0)
  await expect(editor(ada, 'note')).toBeFocused()

  // And to the block it comes from.
  await ada.keyboard.press('Control+Enter')
  await expect(block(ada, 'chart')).toBeFocused()
})

test('undo takes a chosen number away with its binding, and leaves what was typed', async ({ people, server }) => {
  const canvas = await report(server, 'Best')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await write(ada, ' {{')
  await expect(menu(ada)).toContainText('Highest revenue')
  await ada.keyboard.type('highest')
  await expect(selected(ada)).toContainText('Highest revenue')
  await ada.keyboard.press('Enter')
  await expect(chip(ada, 'highest revenue')).toHaveText('260')
  await ada.keyboard.press('Control+z')
  await expect(chip(ada, 'highest revenue')).toHaveCount(0)
  await holds(server, canvas, 'Best {{highest')
  expect((await noteOf(server, canvas)).data_bindings).toEqual([])
  await ada.keyboard.press('Control+Shift+z')
  await expect(chip(ada, 'highest revenue')).toHaveText('260')
})

test('a number whose block is deleted says that it is broken, and can be given another source', async ({ people, server }) => {
  const canvas = await report(server, 'Total {{total}} now', [{ key: 'total', source: 'chart', calculation: 'sum' }])
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await expect(chip(ben, 'total')).toHaveText('590')

  await block(ada, 'chart').hover()
  await block(ada, 'chart').getByTestId('block-menu').click()
  await ada.getByTestId('block-delete').click()
  for (const page of [ada, ben]) {
    await expect(chip(page, 'total')).toHaveAttribute('data-state', 'broken')
    await expect(chip(page, 'total')).toContainText('no value')
    await expect(chip(page, 'total')).toHaveAttribute('aria-label', /^total, no value: /)
  }
  await chip(ben, 'total').hover()
  await expect(ben.getByTestId('chip-card').getByRole('alert')).toBeVisible()
  await expect(ben.getByTestId('chip-card').getByRole('button', { name: 'Change source' })).toBeVisible()

  // Undo of the deletion mends it everywhere.
  await ada.getByTestId('undo').click()
  for (const page of [ada, ben]) await expect(chip(page, 'total')).toHaveText('590')
})

test('the card changes what is calculated and how it is written, for everybody', async ({ people, server }) => {
  const canvas = await report(server, 'Total {{total}} now', [{ key: 'total', source: 'chart', calculation: 'sum' }])
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  await expect(chip(ada, 'total')).toHaveText('590')
  await chip(ada, 'total').hover()
  const card = ada.getByTestId('chip-card')
  await card.getByRole('button', { name: 'Edit' }).click()
  await card.getByLabel('Calculation').selectOption({ label: 'Average revenue' })
  await expect(chip(ben, 'total')).toHaveText('147.5')
  await card.getByLabel('Format').selectOption('currency')
  await card.getByLabel('Decimals').selectOption('2')
  await expect(chip(ben, 'total')).toHaveText('$147.50')
  await card.getByRole('button', { name: 'Remove' }).click()
  await holds(server, canvas, 'Total  now')
  expect((await noteOf(server, canvas)).data_bindings, 'a number that is out of the text keeps its binding').toHaveLength(1)
})

test('the menu of lines: typing finds, Enter chooses, Escape leaves what was typed', async ({ people, server }) => {
  const canvas = await only(server, '')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await write(ada, '/head')
  await expect(selected(ada)).toContainText('Heading 1')
  await ada.keyboard.press('ArrowDown')
  await expect(selected(ada)).toContainText('Heading 2')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type('Title')
  await expect(block(ada, 'note').locator('.md-h2')).toHaveText('Title')
  await ada.keyboard.press('Enter')
  // Nothing is called so: Enter is Enter.
  await ada.keyboard.type('either /zz')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type('and /ta')
  await expect(selected(ada)).toContainText('Table')
  await ada.keyboard.press('Escape')
  await expect(menu(ada)).toHaveCount(0)
  await expect(editor(ada, 'note')).toBeFocused()
  await ada.keyboard.type('!')
  await holds(server, canvas, '## Title\neither /zz\nand /ta!')
})

test('lists go on, go deeper and count; a task is done with a click', async ({ people, server }) => {
  const canvas = await only(server, '')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await write(ada, '1. one')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type('three')
  await ada.keyboard.press('ArrowUp')
  await ada.keyboard.press('End')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type('two')
  await holds(server, canvas, '1. one\n2. two\n3. three')
  await ada.keyboard.press('Tab')
  await holds(server, canvas, '1. one\n   1. two\n3. three')
  await expect(block(ada, 'note').locator('.md-number')).toHaveText(['1.', '1.', '2.'])
  await ada.keyboard.press('Shift+Tab')
  await ada.keyboard.press('Control+End')
  await ada.keyboard.press('Enter')
  await ada.keyboard.press('Enter')
  await ada.keyboard.type('- [ ] to do')
  const box = block(ada, 'note').getByRole('checkbox')
  await expect(box).not.toBeChecked()
  await box.click()
  await expect(box).toBeChecked()
  await expect.poll(async () => (await noteOf(server, canvas)).text).toMatch(/- \[x\] to do$/)
})

test('a table is a table; inside it is aligned source that Tab walks through', async ({ people, server }) => {
  const canvas = await only(server, 'Before\n\n| City | Sales |\n|---|--:|\n| Oslo | **12** |\n\nAfter')
  const ada = await people.owner()
  await open(ada, server, canvas)
  const table = block(ada, 'note').getByRole('table')
  await expect(table.getByRole('columnheader')).toHaveText(['City', 'Sales'])
  await expect(table.getByRole('cell')).toHaveText(['Oslo', '12'])

  await table.getByRole('cell', { name: 'Oslo' }).click()
  await expect(table).toHaveCount(0)
  await ada.keyboard.press('Tab')
  await ada.keyboard.press('Tab')
  await ada.keyboard.type('Bonn')
  await ada.keyboard.press('Tab')
  await ada.keyboard.type('7')
  await ada.keyboard.press('Escape')
  await expect(table.getByRole('cell')).toHaveText(['Oslo', '12', 'Bonn', '7'])
  await expect
    .poll(async () => (await noteOf(server, canvas)).text)
    .toContain('| City |  Sales |\n| ---- | -----: |\n| Oslo | **12** |\n| Bonn |')

  // By keys from the text around it: down into it, not past it.
  await editor(ada, 'note').getByText('Before').click()
  await ada.keyboard.press('ArrowDown')
  await ada.keyboard.press('ArrowDown')
  await expect(table).toHaveCount(0)
  await expect(ada.getByRole('toolbar', { name: 'Table' })).toBeVisible()
})

test('the bar over a selection is reached by keys', async ({ people, server }) => {
  const canvas = await only(server, 'plain words')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await write(ada)
  await ada.keyboard.press('Control+Shift+ArrowLeft')
  const bar = ada.getByRole('toolbar', { name: 'Format' })
  await expect(bar).toBeVisible()
  await ada.keyboard.press('Alt+F10')
  await expect(bar.getByRole('button', { name: 'Bold' })).toBeFocused()
  await ada.keyboard.press('ArrowRight')
  await expect(bar.getByRole('button', { name: 'Italic' })).toBeFocused()
  await ada.keyboard.press('Enter')
  await holds(server, canvas, 'plain *words*')
  await expect(bar.getByRole('button', { name: 'Italic' })).toHaveAttribute('aria-pressed', 'true')
  await ada.keyboard.press('Escape')
  await expect(editor(ada, 'note')).toBeFocused()
  await ada.keyboard.press('Escape')
  await expect(bar).toHaveCount(0)
  await expect(block(ada, 'note')).toBeFocused()
})

test('what is pasted keeps its form, and an address over words links them', async ({ people, server }) => {
  const canvas = await only(server, 'Start ')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await write(ada)
  await paste(ada, {
    'text/html': '<p>with <b>weight</b></p><ul><li>one</li><li>two</li></ul>',
    'text/plain': 'with weight one two',
  })
  await holds(server, canvas, 'Start with **weight**\n\n- one\n- two')
  await selectWord(ada, 'weight')
  await paste(ada, { 'text/plain': 'https://example.org/w' })
  await holds(server, canvas, 'Start with **[weight](https://example.org/w)**\n\n- one\n- two')
})

test.describe('two people on one line lose and double nothing', () => {
  /** Both act in the same turn; then both must read what the document holds. */
  const together = async (pages, acts) => {
    await Promise.all(acts.map((act) => act()))
    for (const page of pages) await saved(page)
  }
  const pair = async (people, server, text) => {
    const canvas = await only(server, text)
    const pages = [await people.owner(), await people.owner()]
    for (const page of pages) await open(page, server, canvas)
    return [canvas, ...pages]
  }
  /** What a person sees, without the names on carets. */
  const seen = (page) =>
    editor(page, 'note').evaluate((element) => {
      const copy = element.cloneNode(true)
      for (const caret of copy.querySelectorAll('.caret')) caret.remove()
      return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n')
    })

  test('one makes it a heading while the other types in it', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, 'Quarter results')
    await write(ada)
    await write(ben)
    await together(
      [ada, ben],
      [
        async () => {
          for (const keys of ['1', '2', '1', '2']) await ada.keyboard.press(`Control+Alt+${keys}`)
        },
        () => ben.keyboard.type(' of the whole year 🦤'),
      ],
    )
    await holds(server, canvas, '## Quarter results of the whole year 🦤')
    await expect.poll(() => seen(ada)).toBe('Quarter results of the whole year 🦤')
    await expect.poll(() => seen(ben)).toBe('Quarter results of the whole year 🦤')
  })

  test('one ticks a task while the other deletes its line', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, '- [ ] first\n- [ ] second\n- [ ] third')
    await editor(ben, 'note').getByText('second').click()
    await ben.keyboard.press('Home')
    await together(
      [ada, ben],
      [
        () => block(ada, 'note').getByRole('checkbox').nth(1).click(),
        async () => {
          await ben.keyboard.press('Shift+End')
          await ben.keyboard.press('Delete')
          await ben.keyboard.press('Backspace')
          await ben.keyboard.press('Backspace')
        },
      ],
    )
    // The line may keep a tick that came after its mark was gone; the words around it are whole and once there.
    await expect
      .poll(async () => (await noteOf(server, canvas)).text)
      .toMatch(/^- \[[ x]\] first\n?x?\n?- \[[ x]\] third$/)
    await expect.poll(async () => (await seen(ada)) === (await seen(ben))).toBe(true)
  })

  test('each undoes only their own words, also after the other has written in between', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, 'Base.')
    await write(ada, ' Ada one.')
    await holds(server, canvas, 'Base. Ada one.')
    await expect(editor(ben, 'note')).toContainText('Ada one.')
    await write(ben, ' Ben one.')
    await expect(editor(ada, 'note')).toContainText('Ben one.')
    // On a busy machine a sentence is typed in several steps: as many are taken back as it took.
    const until = (page, keys, done) =>
      expect
        .poll(async () => {
          const { text } = await noteOf(server, canvas)
          if (!done(text)) await page.keyboard.press(keys)
          return done(text)
        })
        .toBe(true)
    await together(
      [ada, ben],
      [
        () => until(ada, 'Control+z', (text) => !text.includes('Ada') && text.startsWith('Base. Ben one.')),
        () => ben.keyboard.type(' Ben two.'),
      ],
    )
    await holds(server, canvas, 'Base. Ben one. Ben two.')
    await until(ada, 'Control+Shift+z', (text) => text.includes(' Ada one.'))
    await until(ben, 'Control+z', (text) => !text.includes('Ben two.'))
    expect((await noteOf(server, canvas)).text).toContain(' Ada one.')
  })

  test('one pastes over a paragraph while the other types in the next', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, 'Old words here.\n\nKept paragraph')
    await editor(ada, 'note').getByText('Old words').click()
    await ada.keyboard.press('Home')
    await ada.keyboard.press('Shift+End')
    await write(ben)
    await together(
      [ada, ben],
      [
        () => paste(ada, { 'text/html': '<h2>New <em>words</em></h2>', 'text/plain': 'New words' }),
        () => ben.keyboard.type(' and more of it'),
      ],
    )
    await holds(server, canvas, '## New *words*\n\nKept paragraph and more of it')
    await expect.poll(() => seen(ben)).toBe('New words\n\nKept paragraph and more of it')
  })

  test('one walks a table with Tab while the other types in a cell', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, '| A | B |\n|---|---|\n| one | two |\n\nEnd')
    const cell = (page, name) => block(page, 'note').getByRole('cell', { name })
    await cell(ben, 'two').click()
    await cell(ada, 'one').click()
    await together(
      [ada, ben],
      [
        async () => {
          for (let step = 0; step < 3; step++) await ada.keyboard.press('Shift+Tab')
        },
        () => ben.keyboard.type(' and three'),
      ],
    )
    await expect
      .poll(async () => (await noteOf(server, canvas)).text.replace(/ +/g, ' '))
      .toMatch(/^\| A \| B \|\n\|[ -]+\|[ -]+\|\n\| one \| two and three ?\|\n\nEnd$/)
  })

  test('a blank at the end of a cell stays while its writer thinks', async ({ people, server }) => {
    const [canvas, ada, ben] = await pair(people, server, '| A | B |\n|---|---|\n| one | two |\n\nEnd')
    const cell = (page, name) => block(page, 'note').getByRole('cell', { name })
    await cell(ben, 'two').click()
    await ben.keyboard.type(' and ')
    await expect.poll(async () => (await noteOf(server, canvas)).text).toContain('two and ')
    await cell(ada, 'one').click()
    for (let step = 0; step < 3; step++) await ada.keyboard.press('Shift+Tab')
    await expect.poll(async () => (await noteOf(server, canvas)).text).toContain('| --- |')
    await ben.keyboard.type('three')
    await expect.poll(async () => (await noteOf(server, canvas)).text).toContain('| two and three')
  })
})

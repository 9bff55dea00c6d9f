/**
 * What every browser test starts from: a server of its own, and people, each in a context of their own (storage, service
 * worker and cookies apart).
 *
 * Owns starting and ending them, and the few places where the tests touch the page's structure. A script error on any
 * page fails the test.
 */
import { test as base, expect } from '@playwright/test'
import { Server } from '../clients/server.mjs'

export { expect }

export const test = base.extend({
  /** Whether the server starts with the sample canvases. */
  samples: [false, { option: true }],

  server: async ({ samples }, use) => {
    const server = await Server.start({ samples })
    await use(server)
    await server.remove()
  },

  /** `owner()` logs in by a one-time link; `guest({name, role, canvas})` comes with a token, as from a host app. */
  people: async ({ browser, server }, use) => {
    const contexts = []
    const errors = []
    const person = async () => {
      const context = await browser.newContext()
      contexts.push(context)
      const page = await context.newPage()
      page.on('pageerror', (error) => errors.push(error.stack ?? String(error)))
      return page
    }
    await use({
      person,
      owner: async () => {
        const page = await person()
        await page.goto(await server.login())
        await expect(page.getByTestId('new-canvas')).toBeVisible()
        return page
      },
      guest: async ({ name, role = 'editor', canvas, reach = '*' }) => {
        const page = await person()
        const token = await server.token({ canvas: reach, role, sub: name.toLowerCase(), name })
        await page.goto(`${server.origin}/c/${canvas}?token=${token}`)
        await expect(page.getByTestId('grid')).toBeVisible()
        return page
      },
    })
    for (const context of contexts) await context.close()
    expect(errors, 'no page had a script error').toEqual([])
  },
})

export const block = (page, id) => page.locator(`[data-block-id="${id}"]`)
export const editor = (page, id) => block(page, id).locator('.cm-content')
export const status = (page) => page.getByTestId('status')

/** Opens a canvas and waits until it is drawn and saved. */
export const open = async (page, server, canvas) => {
  await page.goto(`${server.origin}/c/${canvas}`)
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await expect(page.getByTestId('grid')).toBeVisible()
}

/** The light says Saved, and what led to the last change has already reached it. */
export const saved = async (page) => {
  await expect(status(page)).toHaveAttribute('data-status', 'saved')
  await expect(status(page)).toHaveText(/Saved/)
}

/** Waits until a narrative shows exactly these words. The names on other people's carets stand in the same element. */
export const reads = (page, id, text) =>
  expect
    .poll(
      () =>
        editor(page, id).evaluate((element) => {
          const copy = element.cloneNode(true)
          for (const caret of copy.querySelectorAll('.caret')) caret.remove()
          return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n')
        }),
      { message: `block ${id} reads “${text}”` },
    )
    .toBe(text)

/** Types at the end of a narrative, and waits until that page shows it. */
export const type = async (page, id, text) => {
  await editor(page, id).click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type(text)
  await expect(editor(page, id)).toContainText(text.trim())
}

/** The canvas as it is in the document, read over HTTP from the live room. */
export const canvasJson = async (server, canvas) => (await server.call(`/v1/canvases/${canvas}`)).json()

export const position = async (server, canvas, id) =>
  (await canvasJson(server, canvas)).blocks.find((block) => block.id === id)?.position

/** Where a block is drawn, in whole pixels relative to the grid. */
export const place = async (page, id) => {
  const [grid, box] = [await page.getByTestId('grid').boundingBox(), await block(page, id).boundingBox()]
  if (grid === null || box === null) return null
  return [box.x - grid.x, box.y - grid.y, box.width, box.height].map(Math.round)
}

/** Takes a block by its handle (or its corner) and holds it; the returned functions move it by pixels and let go. */
export const take = async (page, id, handle = 'drag-handle') => {
  await block(page, id).hover()
  const grip = await block(page, id).getByTestId(handle).boundingBox()
  const [x, y] = [grip.x + grip.width / 2, grip.y + grip.height / 2]
  await page.mouse.move(x, y)
  await page.mouse.down()
  return {
    to: (dx, dy) => page.mouse.move(x + dx, y + dy, { steps: 8 }),
    drop: () => page.mouse.up(),
  }
}

/** The size of one column and one row of the grid with their gap, in pixels. */
export const cell = async (page) => {
  const { width } = await page.getByTestId('grid').boundingBox()
  return { column: width / 12, row: 60 }
}

const note = (id, x, y, text, w = 6, h = 4) => ({ id, type: 'narrative', position: { x, y, w, h }, content: { text } })

/** Four notes, two by two: `a b` over `c d`. */
export const FOUR_NOTES = {
  blocks: [note('a', 0, 0, 'Note A'), note('b', 6, 0, 'Note B'), note('c', 0, 4, 'Note C'), note('d', 6, 4, 'Note D')],
}

/** A canvas is downloaded as a file that another installation takes, by those who may edit it. */
import { Server } from '../clients/server.mjs'
import { expect, FOUR_NOTES, open, saved, test, type } from './people.mjs'

const fromMenu = async (page) => {
  await page.getByTestId('view-menu').press('Enter')
  await page.getByTestId('canvas-download').press('Enter')
}

test('a canvas that was downloaded is the same on another server', async ({ people, server }) => {
  const canvas = await server.canvas('Travels: “far”', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  await type(page, 'a', ' and more')
  await saved(page)
  await page.keyboard.press('Escape')
  const [download] = await Promise.all([page.waitForEvent('download'), fromMenu(page)])
  expect(download.suggestedFilename()).toBe('Travels “far”.jabiru')

  const other = await Server.start()
  try {
    await other.stop()
    expect(await other.import(await download.path())).toContain(`imported: ${canvas}`)
    await other.up()
    const read = async (from) => (await (await from.call(`/v1/canvases/${canvas}`)).json()).blocks
    expect(await read(other)).toEqual(await read(server))
  } finally {
    await other.remove()
  }

  // The palette knows it as well.
  await page.keyboard.press('Control+k')
  await expect(page.getByTestId('palette').getByRole('combobox')).toBeFocused()
  await page.keyboard.type('download canvas')
  await expect(page.getByTestId('palette').getByRole('option').first()).toContainText('Download canvas')
  const [again] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')])
  expect(again.suggestedFilename()).toBe('Travels “far”.jabiru')
})

test('an editor who came with a token gets it too, and who only looks is not offered it', async ({ people, server }) => {
  const canvas = await server.canvas('Shared', FOUR_NOTES)
  const editor = await people.guest({ name: 'Ed', canvas, reach: canvas })
  const [download] = await Promise.all([editor.waitForEvent('download'), fromMenu(editor)])
  expect(download.suggestedFilename()).toBe('Shared.jabiru')

  const viewer = await people.guest({ name: 'Vera', role: 'viewer', canvas })
  await viewer.getByTestId('view-menu').press('Enter')
  await expect(viewer.getByTestId('view-present')).toBeVisible()
  await expect(viewer.getByTestId('canvas-download')).toHaveCount(0)
})

test('what goes wrong is said, and no file is made', async ({ people, server }) => {
  const canvas = await server.canvas('Away', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  await page.route('**/export', (route) => route.abort())
  let downloads = 0
  page.on('download', () => downloads++)
  await fromMenu(page)
  await expect(page.getByRole('list', { name: 'Messages' })).toContainText('The canvas was not downloaded. The server cannot be reached.')
  expect(downloads).toBe(0)
})

/** The light tells the truth: what was Saved survives a kill, and what was not is kept on the device and said so. */
import { canvasJson, expect, FOUR_NOTES, open, reads, saved, status, test, type } from './people.mjs'

const texts = async (server, canvas) =>
  Object.fromEntries((await canvasJson(server, canvas)).blocks.map(({ id, content }) => [id, content.text]))

test('nothing that was Saved is missing after kill -9', async ({ people, server }) => {
  const canvas = await server.canvas('Killed', FOUR_NOTES)
  for (const [round, id] of ['a', 'b', 'c'].entries()) {
    const page = await people.owner()
    await open(page, server, canvas)
    await type(page, id, ` saved in round ${round}`)
    await saved(page)
    await server.kill()
    await expect(status(page)).not.toHaveAttribute('data-status', 'saved')
    // With the page gone nobody can send it again.
    await page.context().close()
    await server.up()
    expect((await texts(server, canvas))[id]).toBe(`Note ${id.toUpperCase()} saved in round ${round}`)
  }
  const fresh = await people.owner()
  await open(fresh, server, canvas)
  for (const [round, id] of ['a', 'b', 'c'].entries()) await reads(fresh, id, `Note ${id.toUpperCase()} saved in round ${round}`)
})

test('edits made with the server away survive a reload without it, and merge when it is back', async ({ people, server }) => {
  const canvas = await server.canvas('Away', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.owner()]
  await open(ada, server, canvas)
  await open(ben, server, canvas)
  // The page can be had without the server once its worker has stored it.
  await expect.poll(() => ada.evaluate(() => navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready.then(() => true))).toBe(true)
  await type(ada, 'a', ' before')
  await saved(ada)
  await reads(ben, 'a', 'Note A before')

  await server.kill()
  await expect(status(ada)).toHaveAttribute('data-status', 'offline')
  await expect(status(ben)).toHaveAttribute('data-status', 'offline')
  await type(ada, 'a', ' by Ada')
  await type(ada, 'b', ' offline')
  await type(ben, 'c', ' by Ben')
  await expect(status(ada)).toHaveText(/Offline \(\d+ changes? kept\)/)
  const kept = await status(ada).locator('span').first().textContent()

  await ada.reload()
  await reads(ada, 'a', 'Note A before by Ada')
  await reads(ada, 'b', 'Note B offline')
  await expect(status(ada).locator('span').first()).toHaveText(kept)
  await type(ada, 'd', ' after the reload')

  await server.up()
  await saved(ada)
  await saved(ben)
  for (const page of [ada, ben]) {
    await reads(page, 'a', 'Note A before by Ada')
    await reads(page, 'b', 'Note B offline')
    await reads(page, 'c', 'Note C by Ben')
    await reads(page, 'd', 'Note D after the reload')
  }
  expect(await texts(server, canvas)).toEqual({
    a: 'Note A before by Ada',
    b: 'Note B offline',
    c: 'Note C by Ben',
    d: 'Note D after the reload',
  })
})

test('a restart is weathered: the light comes back to Saved by itself', async ({ people, server }) => {
  const canvas = await server.canvas('Restarted', FOUR_NOTES)
  const page = await people.owner()
  await open(page, server, canvas)
  const { code } = await server.stop()
  expect(code).toBe(0)
  await expect(status(page)).not.toHaveAttribute('data-status', 'saved')
  await type(page, 'a', ' while it restarts')
  await server.up()
  await saved(page)
  expect((await texts(server, canvas)).a).toBe('Note A while it restarts')
})

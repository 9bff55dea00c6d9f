/**
 * Two people doing their worst to each other. Each round draws what both do at the same moment from a seeded generator;
 * afterwards both see the same canvas as the server, every word typed into a block that nobody deleted is there once, and
 * no block hangs in anybody's hand. `SEED=` repeats a run, `ROUNDS=` makes it longer.
 */
import { block, canvasJson, cell, editor, expect, FOUR_NOTES, open, place, saved, take, test } from './people.mjs'

const ROUNDS = Number(process.env.ROUNDS ?? 14)

/** mulberry32: small, and the same everywhere. */
const generator = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

/** One person with hands: what each does is remembered only as far as the end needs it. */
const hands = (page, name, random, words) => {
  const pick = (list) => list[Math.floor(random() * list.length)]
  const ids = () => page.getByTestId('block').evaluateAll((found) => found.map((element) => element.dataset.blockId))
  const focus = (id) => block(page, id).focus({ timeout: 2_000 })
  return {
    /** Types a word nobody else types. It counts once it is on this person's screen. */
    type: async () => {
      const id = pick(await ids())
      const word = `${name}${words.length}x`
      await editor(page, id).click({ timeout: 2_000 })
      await page.keyboard.press('Control+End')
      await page.keyboard.type(` ${word}`)
      if (await editor(page, id).evaluate((element, text) => element.textContent.includes(text), word)) words.push({ id, word })
      await page.keyboard.press('Escape')
    },
    drag: async () => {
      const { column, row } = await cell(page)
      const held = await take(page, pick(await ids()), random() < 0.6 ? 'drag-handle' : 'resize-handle')
      await held.to(Math.round((random() * 8 - 4) * column), Math.round((random() * 8 - 3) * row))
      if (random() < 0.2) await page.keyboard.press('Escape')
      await held.drop()
    },
    nudge: async () => {
      await focus(pick(await ids()))
      await page.keyboard.press(`Alt+${random() < 0.5 ? 'Shift+' : ''}Arrow${pick(['Left', 'Right', 'Up', 'Down'])}`)
    },
    duplicate: async () => {
      const all = await ids()
      if (all.length >= 9) return
      await focus(pick(all))
      await page.keyboard.press('Control+d')
    },
    remove: async () => {
      const all = await ids()
      if (all.length <= 3) return
      await focus(pick(all))
      await page.keyboard.press('Delete')
    },
    undo: async () => {
      await focus(pick(await ids()))
      await page.keyboard.press(random() < 0.7 ? 'Control+z' : 'Control+Shift+z')
    },
  }
}

/** Somebody else may have deleted the block in the same moment; that a hand misses is no failure. */
const attempt = async (action) => {
  try {
    await action()
  } catch (error) {
    if (!/Timeout|null|not attached|detached|not visible/.test(String(error))) throw error
  }
}

test('whatever two people do at once, both end with the same canvas and every word', async ({ people, server }) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`SEED=${seed}`)
  const random = generator(seed)
  const canvas = await server.canvas('Worst', FOUR_NOTES)
  const [ada, ben] = [await people.owner(), await people.guest({ name: 'Ben', canvas })]
  await open(ada, server, canvas)
  const words = []
  const both = [hands(ada, 'ada', random, words), hands(ben, 'ben', random, words)]
  const actions = ['type', 'type', 'type', 'drag', 'drag', 'drag', 'nudge', 'duplicate', 'remove', 'undo', 'undo']
  /** Ids that were ever missing from the document: a word in one of these may be gone with it. */
  const deleted = new Set()
  let known = new Set()
  for (let round = 0; round < ROUNDS; round++) {
    const chosen = both.map((person) => ({ person, what: actions[Math.floor(random() * actions.length)] }))
    await Promise.all(chosen.map(({ person, what }) => attempt(person[what])))
    const now = new Set((await canvasJson(server, canvas)).blocks.map(({ id }) => id))
    for (const id of known) if (!now.has(id)) deleted.add(id)
    known = new Set([...known, ...now])
    if (round === Math.floor(ROUNDS / 2)) {
      // In the middle of it the server is gone for a while, and both go on.
      await server.kill()
      await Promise.all(both.map((person) => attempt(person.type)))
      await Promise.all(both.map((person) => attempt(person.drag)))
      await server.up()
    }
  }
  for (const page of [ada, ben]) {
    await saved(page)
    await expect(page.getByTestId('placeholder')).toHaveCount(0)
    await expect(page.locator('[data-held]')).toHaveCount(0)
  }
  const json = await canvasJson(server, canvas)
  const ids = json.blocks.map(({ id }) => id)
  expect(new Set(ids).size, 'no block twice').toBe(ids.length)
  const seen = async (page) => Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await place(page, id)])))
  for (const page of [ada, ben]) await expect(page.getByTestId('block')).toHaveCount(ids.length)
  await expect.poll(async () => JSON.stringify(await seen(ada)) === JSON.stringify(await seen(ben)), { message: 'both see one arrangement' }).toBe(true)

  const texts = new Map(json.blocks.map(({ id, content }) => [id, content.text]))
  for (const { id, word } of words) {
    if (deleted.has(id) || !texts.has(id)) continue
    expect(texts.get(id).split(word).length - 1, `${word} is once in ${id} (SEED=${seed})`).toBe(1)
  }
  expect(words.some(({ id }) => texts.has(id) && !deleted.has(id)), 'something was typed that had to survive').toBe(true)

  // Nothing is frozen: each can still move a block and the other sees it.
  for (const [mover, watcher] of [[ada, ben], [ben, ada]]) {
    await block(mover, ids[0]).focus()
    await mover.keyboard.press('Alt+Shift+ArrowDown')
    await expect.poll(async () => JSON.stringify(await place(mover, ids[0])) === JSON.stringify(await place(watcher, ids[0]))).toBe(true)
  }
})

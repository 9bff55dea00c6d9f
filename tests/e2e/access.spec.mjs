/** People who may only read, and people who may not even that. */
import { block, canvasJson, editor, expect, FOUR_NOTES, open, reads, status, test, type } from './people.mjs'

test('a viewer sees everything live and can change nothing', async ({ people, server }) => {
  const canvas = await server.canvas('To be read', FOUR_NOTES)
  const ada = await people.owner()
  await open(ada, server, canvas)
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await expect(status(vera)).toHaveAttribute('data-status', 'read-only')
  await expect(status(vera)).toContainText('Read-only (viewer)')
  await type(ada, 'a', ' for Vera')
  await reads(vera, 'a', 'Note A for Vera')

  await expect(editor(vera, 'a')).toHaveAttribute('contenteditable', 'false')
  for (const hook of ['add-menu', 'undo', 'redo', 'drag-handle', 'resize-handle', 'block-menu']) {
    await expect(vera.getByTestId(hook)).toHaveCount(0)
  }
  await expect(vera.getByTestId('canvas-title')).toHaveAttribute('readonly', '')
  await editor(vera, 'a').click()
  await vera.keyboard.type('scribble')
  await block(vera, 'b').focus()
  await vera.keyboard.press('Delete')
  await vera.keyboard.press('Alt+ArrowRight')
  await vera.keyboard.press('Control+d')
  await vera.keyboard.press('Control+z')

  // What Ada does next arrives after anything Vera could have sent.
  await type(ada, 'c', ' later')
  await reads(vera, 'c', 'Note C later')
  await expect(vera.getByTestId('block')).toHaveCount(4)
  await expect(ada.locator('[data-testid="avatar"][data-user="Vera"]')).toBeVisible()
  const { blocks } = await canvasJson(server, canvas)
  expect(blocks.map(({ id, position, content }) => [id, position.x, content.text])).toEqual([
    ['a', 0, 'Note A for Vera'],
    ['b', 6, 'Note B'],
    ['c', 0, 'Note C later'],
    ['d', 6, 'Note D'],
  ])
})

test('a viewer with a token for one canvas sees the data on it', async ({ people, server }) => {
  const data = await fetch(`${server.origin}/v1/datasets?name=Fruit`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await server.token()}`, 'Content-Type': 'text/csv' },
    body: 'fruit,weight\napple,3\npear,5\nplum,8\n',
  })
  expect(data.status).toBe(201)
  const source = { type: 'dataset', dataset_id: (await data.json()).id, parameters: {} }
  const columns = [{ field: 'fruit', header: 'Fruit', type: 'string' }, { field: 'weight', header: 'Weight', type: 'number' }]
  const table = { title: 'Fruit', data_source: source, columns, pagination: { enabled: false, pageSize: 20 } }
  const canvas = await server.canvas('Fruit', {
    blocks: [{ id: 't', type: 'table', position: { x: 0, y: 0, w: 6, h: 6 }, content: table }],
  })
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await expect(block(vera, 't').locator('tbody')).toContainText('plum')
})

test('a token that is not good says why', async ({ people, server }) => {
  const [canvas, other] = [await server.canvas('Mine', FOUR_NOTES), await server.canvas('Other')]
  const page = await people.person()
  await page.goto(`${server.origin}/c/${canvas}?token=${await server.token({ canvas, ttl: '0s' })}`)
  await expect(page.locator('body')).toContainText(/this token has expired/i)
  const second = await people.person()
  await second.goto(`${server.origin}/c/${canvas}?token=${await server.token({ canvas: other })}`)
  await expect(second.locator('body')).toContainText(/this token opens another canvas/i)
  await expect(second.locator('body')).not.toContainText('Note A')
})

test('deleting a canvas tells who has it open', async ({ people, server }) => {
  const canvas = await server.canvas('Short-lived', FOUR_NOTES)
  const ben = await people.guest({ name: 'Ben', canvas })
  await reads(ben, 'a', 'Note A')
  expect((await server.call(`/v1/canvases/${canvas}`, { method: 'DELETE' })).status).toBe(204)
  await expect(status(ben)).toHaveAttribute('data-status', 'closed')
  await expect(status(ben)).toContainText('Deleted')
})

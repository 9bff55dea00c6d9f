/** Metrics, images, headings and dividers: what they show is true, everybody sees it, and it is there again after a reload. */
import { crc32, deflateSync } from 'node:zlib'
import { block, canvasJson, expect, open, saved, test } from './people.mjs'

const CSV = `day,region,revenue
2024-01-05,West,1000
2024-01-20,East,500
2024-02-11,West,1200
2024-03-02,East,600
2024-03-30,West,1200
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

const metric = (id, dataset_id, config = {}, more = {}) => ({
  id,
  type: 'metric',
  position: { x: 0, y: 0, w: 4, h: 4 },
  content: {
    title: 'Revenue',
    data_source: { type: 'dataset', dataset_id, parameters: {} },
    filters: [],
    config: {
      y_axis: 'revenue',
      aggregation: 'sum',
      x_axis: 'day',
      time_unit: 'month',
      compare: 'previous',
      better: 'up',
      number_format: 'number',
      decimals: null,
      currency: 'USD',
      unit: '',
      sparkline: true,
      ...config,
    },
    ...more,
  },
})
const heading = (id, text, y = 0) => ({
  id,
  type: 'heading',
  position: { x: 0, y, w: 12, h: 1 },
  content: { text, level: 2, line: true },
})
const image = (id, image_id = '', y = 0) => ({
  id,
  type: 'image',
  position: { x: 0, y, w: 4, h: 5 },
  content: { image_id, alt: '', caption: '', fit: 'contain' },
})

/** A real PNG of one colour. */
const png = (width, height) => {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0x7f)])
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)))
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const value = (page, id) => block(page, id).getByTestId('metric-value')
const change = (page, id) => block(page, id).getByTestId('metric-change')

test('a metric shows the true sum and the right change, and follows what somebody else sets', async ({ people, server }) => {
  const sales = await dataset(server, 'Sales', CSV)
  const canvas = await server.canvas('Numbers', {
    blocks: [
      metric('m', sales),
      { ...metric('w', sales, { better: 'down' }, { filters: [{ field: 'region', op: '=', value: 'West' }] }), position: { x: 4, y: 0, w: 4, h: 4 } },
    ],
  })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const ben = await people.guest({ name: 'Ben', canvas })
  for (const page of [ada, ben]) {
    await expect(value(page, 'm')).toHaveText('4,500')
    await expect(change(page, 'm')).toContainText('50%')
    await expect(change(page, 'm')).toContainText('vs Feb 2024')
    await expect(change(page, 'm')).toHaveAttribute('data-direction', 'up')
    await expect(change(page, 'm')).toHaveAttribute('data-verdict', 'good')
    // Only the West: 1,000 and 1,200 and 1,200.
    await expect(value(page, 'w')).toHaveText('3,400')
    await expect(change(page, 'w')).toHaveText(/No change/)
  }

  await block(ben, 'm').hover()
  await block(ben, 'm').getByTestId('block-settings').click()
  const panel = ben.getByTestId('inspector')
  await panel.getByTestId('metric-aggregation').selectOption('avg')
  await expect(value(ada, 'm')).toHaveText('900')
  await panel.getByTestId('metric-aggregation').selectOption('last')
  await expect(value(ada, 'm')).toHaveText('1,800')
  await panel.getByText('First', { exact: true }).click()
  await expect(change(ada, 'm')).toContainText('vs Jan 2024')
  await expect(change(ada, 'm')).toContainText('20%')
  await panel.getByText('Lower', { exact: true }).click()
  await expect(change(ada, 'm')).toHaveAttribute('data-verdict', 'bad')
  await saved(ben)
  await ada.reload()
  await expect(value(ada, 'm')).toHaveText('1,800')
})

test('the line of a metric is read with the keyboard', async ({ people, server }) => {
  const canvas = await server.canvas('Line', { blocks: [metric('m', await dataset(server, 'Sales', CSV))] })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const line = block(ada, 'm').getByTestId('sparkline')
  await expect(line).toHaveAttribute('aria-label', /Revenue: 4,500\. Up 50% from Feb 2024 to Mar 2024/)
  await line.focus()
  await ada.keyboard.press('ArrowLeft')
  await expect(block(ada, 'm').getByTestId('spark-tip')).toHaveText('Mar 2024 1,800')
  await ada.keyboard.press('ArrowLeft')
  await expect(block(ada, 'm').getByTestId('spark-tip')).toHaveText('Feb 2024 1,200')
  await ada.keyboard.press('Home')
  await expect(block(ada, 'm').getByTestId('spark-tip')).toHaveText('Jan 2024 1,500')
})

test('choosing a dataset gives a new metric something to say', async ({ people, server }) => {
  await dataset(server, 'Sales', CSV)
  const canvas = await server.canvas('Fresh')
  const ada = await people.owner()
  await open(ada, server, canvas)
  await ada.getByTestId('add-menu').click()
  await ada.getByTestId('add-metric').click()
  const panel = ada.getByTestId('inspector')
  await panel.getByTestId('dataset-select').click()
  await ada.getByTestId('dataset-option').filter({ hasText: 'Sales' }).click()
  await ada.getByTestId('dataset-use').click()
  const figure = ada.getByTestId('metric-value')
  await expect(figure).toHaveText('$4,500')
  await saved(ada)
  const [made] = (await canvasJson(server, canvas)).blocks
  expect(made.content).toMatchObject({
    title: 'Total revenue',
    config: { y_axis: 'revenue', aggregation: 'sum', x_axis: 'day', time_unit: 'day' },
  })
})

test('a heading is written with the keyboard, and everybody reads it', async ({ people, server }) => {
  const canvas = await server.canvas('Sections', { blocks: [heading('h', 'Before')] })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await expect(vera.getByRole('heading', { name: 'Before' })).toBeVisible()

  await block(ada, 'h').focus()
  await ada.keyboard.press('Enter')
  await expect(block(ada, 'h').getByTestId('heading-text')).toBeFocused()
  await ada.keyboard.press('Control+a')
  await ada.keyboard.type('Sales in 2025')
  await ada.keyboard.press('Enter')
  await expect(block(ada, 'h')).toBeFocused()
  await expect(vera.getByRole('heading', { name: 'Sales in 2025' })).toBeVisible()

  await ada.keyboard.press('Enter')
  await ada.keyboard.type('Nonsense')
  await ada.keyboard.press('Escape')
  await expect(block(ada, 'h').getByTestId('heading-text')).toHaveValue('Sales in 2025')
  await ada.keyboard.press('Control+z')
  await expect(vera.getByRole('heading', { name: 'Before' })).toBeVisible()
})

test('an image is uploaded, described, and shown to somebody else', async ({ people, server }) => {
  const canvas = await server.canvas('Pictures', { blocks: [image('i')] })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const vera = await people.guest({ name: 'Vera', role: 'viewer', canvas, reach: canvas })
  await expect(block(vera, 'i')).toContainText('No image yet')

  const file = { name: 'logo.png', mimeType: 'image/png', buffer: png(120, 80) }
  await block(ada, 'i').getByTestId('image-file').setInputFiles(file)
  for (const page of [ada, vera]) {
    const shown = block(page, 'i').getByTestId('image')
    await expect(shown).toHaveAttribute('src', /^blob:/)
    await expect.poll(() => shown.evaluate((img) => [img.naturalWidth, img.naturalHeight])).toEqual([120, 80])
  }
  await block(ada, 'i').hover()
  await block(ada, 'i').getByTestId('image-describe').click()
  await ada.keyboard.type('A grey rectangle')
  await ada.keyboard.press('Enter')
  await expect(block(vera, 'i').getByAltText('A grey rectangle')).toBeVisible()
  await expect(block(vera, 'i').getByTestId('image-describe')).toHaveCount(0)

  // The picture is no page of this site, and nobody without a right to the canvas sees it.
  const [{ content }] = (await canvasJson(server, canvas)).blocks
  expect((await fetch(`${server.origin}/v1/images/${content.image_id}`)).status).toBe(401)
})

test('a picture dropped or pasted on an image block goes into it, and makes no block of its own', async ({ people, server }) => {
  const canvas = await server.canvas('Dropped', { blocks: [image('i'), { ...image('j'), position: { x: 4, y: 0, w: 4, h: 5 } }] })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const bytes = [...png(30, 20)]
  const sizeOf = (id) => block(ada, id).getByTestId('image').evaluate((img) => [img.naturalWidth, img.naturalHeight])

  const drop = (id, list) =>
    block(ada, id).locator('.image').evaluate((element, given) => {
      const data = new DataTransfer()
      data.items.add(new File([new Uint8Array(given)], 'dropped.png', { type: 'image/png' }))
      for (const type of ['dragenter', 'dragover', 'drop']) {
        element.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
      }
    }, list)
  await drop('i', bytes)
  await expect.poll(() => sizeOf('i')).toEqual([30, 20])
  // Again on the same block: the picture is replaced.
  await drop('i', [...png(50, 40)])
  await expect.poll(() => sizeOf('i')).toEqual([50, 40])

  await block(ada, 'j').focus()
  await block(ada, 'j').evaluate((element, given) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(given)], 'pasted.png', { type: 'image/png' }))
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
  }, bytes)
  await expect.poll(() => sizeOf('j')).toEqual([30, 20])
  await saved(ada)
  expect((await canvasJson(server, canvas)).blocks).toHaveLength(2)
  await ada.getByTestId('undo').click()
  await expect(block(ada, 'j').getByTestId('image-choose')).toBeVisible()
  await expect.poll(() => sizeOf('i')).toEqual([50, 40])
})

test('what is no image is refused in words', async ({ people, server }) => {
  const canvas = await server.canvas('Refusals', { blocks: [image('i')] })
  const ada = await people.owner()
  await open(ada, server, canvas)
  const give = (name, mimeType, buffer) =>
    block(ada, 'i').getByTestId('image-file').setInputFiles({ name, mimeType, buffer })
  const refusal = block(ada, 'i').getByTestId('image-error')

  await give('huge.png', 'image/png', Buffer.concat([png(1, 1), Buffer.alloc(12 * 1024 * 1024)]))
  await expect(refusal).toContainText('huge.png was not taken. The image has 12.1 MiB. An image may have 10 MiB at most.')
  await give('drawing.svg', 'image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))
  await expect(refusal).toContainText('drawing.svg was not taken. SVG images can carry scripts')
  await give('notes.png', 'image/png', Buffer.from('just some words'))
  await expect(refusal).toContainText('notes.png was not taken. This is not a PNG')
  // Seen only by the server: a PNG whose head promises more pixels than anybody wants to draw.
  const wide = png(1, 1)
  wide.writeUInt32BE(40_000, 16)
  await give('wide.png', 'image/png', wide)
  await expect(refusal).toContainText('wide.png was not taken.')
  await expect(refusal).toContainText(/pixels|16,?384|damaged|not a/i)
  await give('fine.png', 'image/png', png(8, 8))
  await expect(block(ada, 'i').getByTestId('image')).toBeVisible()
  await expect(refusal).toHaveCount(0)
})

test('every block is there again after a reload', async ({ people, server }) => {
  const sales = await dataset(server, 'Sales', CSV)
  const divider = { id: 'd', type: 'divider', position: { x: 0, y: 1, w: 12, h: 1 }, content: {} }
  const canvas = await server.canvas('All', {
    blocks: [
      heading('h', 'Everything'),
      divider,
      { ...metric('m', sales), position: { x: 0, y: 2, w: 4, h: 4 } },
      { ...image('i'), position: { x: 4, y: 2, w: 4, h: 4 } },
    ],
  })
  const ada = await people.owner()
  await open(ada, server, canvas)
  for (const type of ['heading', 'divider', 'image']) {
    await ada.getByTestId('add-menu').click()
    await ada.getByTestId(`add-${type}`).click()
  }
  await expect(ada.getByTestId('block')).toHaveCount(7)
  await saved(ada)
  await ada.reload()
  await expect(ada.getByTestId('block')).toHaveCount(7)
  await expect(block(ada, 'h').getByTestId('heading-text')).toHaveValue('Everything')
  await expect(block(ada, 'd').getByRole('separator')).toBeVisible()
  await expect(value(ada, 'm')).toHaveText('4,500')
  await expect(ada.getByTestId('image-choose')).toHaveCount(2)
})

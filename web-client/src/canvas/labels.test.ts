// @vitest-environment node
import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, type JsonObject } from '../doc/schema'
import { labelsOf, toldApart } from './actions'

it('calls a text by its first words, without marks and braces', () => {
  const doc = new Y.Doc()
  const name = (text: string): string => {
    const id = addBlock(doc, 'narrative', { text, data_bindings: [] }, [0, 0], [2, 2]) ?? ''
    return labelsOf(blocksMap(doc))[id] ?? ''
  }
  expect(name('---\n\n## **Sales** of {{ revenue total }}\nmore')).toBe('narrative: Sales of revenue total')
  expect(name('> [!note] See [the plan](https://example.org)')).toBe('narrative: See the plan')
  expect(name('- [x] done')).toBe('narrative: done')
  expect(name('\n---\n')).toBe('narrative: Untitled narrative')
})

it('names every block as a region, and tells apart those with one name', () => {
  const doc = new Y.Doc()
  const add = (type: string, content: JsonObject) => addBlock(doc, type, content, [0, 0], [2, 2]) ?? ''
  const ids = [
    add('heading', { text: 'Sales' }),
    add('divider', {}),
    add('image', { image_id: '', alt: '', caption: '' }),
    add('divider', {}),
    add('image', { image_id: '', alt: 'A bird', caption: '' }),
    add('image', { image_id: '', alt: '', caption: '' }),
  ]
  expect([...toldApart(ids, labelsOf(blocksMap(doc))).values()]).toEqual([
    'heading: Sales',
    'divider',
    'image: Untitled image',
    'divider (2)',
    'image: A bird',
    'image: Untitled image (2)',
  ])
})

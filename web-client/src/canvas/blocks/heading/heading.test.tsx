import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { addBlock, blocksMap, contentOf, type JsonObject } from '../../../doc/schema'
import type { CanvasSession } from '../../../sync/session'
import { readHeading, writeHeading } from './fields'
import HeadingBlock from './HeadingBlock'

const place = (content: JsonObject) => {
  const doc = new Y.Doc()
  const id = addBlock(doc, 'heading', content, [0, 0], [12, 1]) ?? ''
  const block = blocksMap(doc).get(id)
  if (!block) throw new Error('no block')
  return { doc, id, block }
}
const show = (content: JsonObject, readOnly = false) => {
  const made = place(content)
  const session = { doc: made.doc, canEdit: true, undo: { stopCapturing: vi.fn() } } as unknown as CanvasSession
  const of = (locked: boolean) => <HeadingBlock id={made.id} block={made.block} session={session} readOnly={locked} />
  const view = render(of(readOnly))
  return { ...made, lock: (locked: boolean) => view.rerender(of(locked)) }
}
const field = () => screen.getByTestId<HTMLInputElement>('heading-text')

afterEach(cleanup)

describe('a heading', () => {
  it('is written once, on Enter', () => {
    const { doc, block } = show({ text: 'Sales', level: 1, line: true })
    let updates = 0
    doc.on('update', () => updates++)
    act(() => field().focus())
    fireEvent.change(field(), { target: { value: 'Sales in  2025 ' } })
    expect(updates).toBe(0)
    fireEvent.keyDown(field(), { key: 'Enter' })
    expect(updates).toBe(1)
    expect(readHeading(block).text).toBe('Sales in 2025')
    expect(document.activeElement).not.toBe(field())
  })

  it('goes back on Escape, and writes nothing when nothing changed', () => {
    const { doc, block } = show({ text: 'Sales', level: 2, line: true })
    let updates = 0
    doc.on('update', () => updates++)
    act(() => field().focus())
    fireEvent.change(field(), { target: { value: 'Nonsense' } })
    fireEvent.keyDown(field(), { key: 'Escape' })
    expect(field().value).toBe('Sales')
    act(() => field().focus())
    act(() => field().blur())
    expect(updates).toBe(0)
    expect(readHeading(block).text).toBe('Sales')
  })

  it('leaves what somebody else wrote meanwhile, unless this person wrote too', () => {
    const { block } = show({ text: 'Sales', level: 2, line: true })
    act(() => field().focus())
    act(() => contentOf(block).set('text', 'Revenue'))
    act(() => field().blur())
    expect(readHeading(block).text).toBe('Revenue')
  })

  it('forgets what stood in the field when it may not be written any more', () => {
    const { block, lock } = show({ text: 'Sales', level: 2, line: true })
    act(() => field().focus())
    fireEvent.change(field(), { target: { value: 'Half a' } })
    lock(true)
    lock(false)
    expect(field().value).toBe('Sales')
    act(() => field().focus())
    act(() => field().blur())
    expect(readHeading(block).text).toBe('Sales')
  })

  it('is a heading and no field for who may only read', () => {
    show({ text: 'Sales', level: 1, line: false }, true)
    expect(screen.getByRole('heading', { level: 2, name: 'Sales' })).toBeTruthy()
    expect(screen.queryByRole('textbox')).toBeNull()
  })

  it('reads what another program wrote as something sensible', () => {
    expect(readHeading(place({ text: ['x'], level: 'big', line: 'no' }).block)).toEqual({
      text: '',
      level: 2,
      line: true,
    })
    const { block } = place({})
    contentOf(block).set('text', new Y.Text('Shared'))
    writeHeading(block, 'Ours')
    expect(contentOf(block).get('text')).toBeInstanceOf(Y.Text)
    expect(readHeading(block).text).toBe('Ours')
  })
})

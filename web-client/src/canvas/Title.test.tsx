import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import * as Y from 'yjs'
import { canvasMap, canvasName, LOCAL } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { Title } from './Title'

afterEach(cleanup)

const open = () => {
  const doc = new Y.Doc()
  canvasMap(doc).set('name', 'Sales')
  const undo = new Y.UndoManager(canvasMap(doc), { trackedOrigins: new Set([LOCAL]) })
  const session = { doc, undo, canEdit: true } as unknown as CanvasSession
  const view = render(<Title session={session} readOnly={false} />)
  return { doc, session, view, field: () => screen.getByTestId<HTMLInputElement>('canvas-title') }
}

it('leaves the name somebody else gave meanwhile to whoever only looked into the field', () => {
  const { doc, field } = open()
  act(() => field().focus())
  act(() => canvasMap(doc).set('name', 'Revenue'))
  expect(field().value).toBe('Revenue')
  act(() => field().blur())
  expect(canvasName(doc)).toBe('Revenue')
})

it('is written once, on leaving, and not by somebody who may not edit any more', () => {
  const { doc, session, field } = open()
  act(() => field().focus())
  fireEvent.change(field(), { target: { value: 'Mine' } })
  expect(canvasName(doc)).toBe('Sales')
  act(() => field().blur())
  expect(canvasName(doc)).toBe('Mine')
  act(() => field().focus())
  fireEvent.change(field(), { target: { value: 'Too late' } })
  Object.assign(session, { canEdit: false })
  act(() => field().blur())
  expect(canvasName(doc)).toBe('Mine')
})

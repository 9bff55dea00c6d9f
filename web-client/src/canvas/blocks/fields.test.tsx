import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Commit, NumberCommit } from './fields'

afterEach(cleanup)

const field = () => screen.getByRole<HTMLInputElement>('textbox')

describe('a field of an inspector', () => {
  it('is written when the panel goes away', () => {
    const write = vi.fn()
    const { unmount } = render(<Commit label="Title" value="" disabled={false} onCommit={write} />)
    fireEvent.change(field(), { target: { value: 'Sales ' } })
    unmount()
    expect(write).toHaveBeenCalledExactlyOnceWith('Sales')
  })

  it('is not written by somebody whose access has changed while they typed', () => {
    const write = vi.fn()
    const text = (disabled: boolean) => <Commit label="Title" value="" disabled={disabled} onCommit={write} />
    const first = render(text(false))
    fireEvent.change(field(), { target: { value: 'Sales' } })
    first.rerender(text(true))
    first.unmount()
    const number = (disabled: boolean) => <NumberCommit label="Width" value={1} disabled={disabled} onCommit={write} />
    const second = render(number(false))
    fireEvent.change(field(), { target: { value: '7' } })
    second.rerender(number(true))
    second.unmount()
    expect(write).not.toHaveBeenCalled()
  })
})

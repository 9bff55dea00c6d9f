import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import MenuRadix from './MenuRadix'

beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  )
  Element.prototype.scrollIntoView = () => undefined
})
afterEach(cleanup)

const open = async (onSelect: () => void) => {
  render(
    <>
      <input aria-label="elsewhere" />
      <MenuRadix
        keepFocus
        defaultOpen={false}
        trigger={<button type="button">More</button>}
        items={[{ label: 'Do it', onSelect }]}
      />
    </>,
  )
  fireEvent.keyDown(screen.getByText('More'), { key: 'Enter' })
  const item = await screen.findByRole('menuitem')
  item.focus()
  fireEvent.keyDown(item, { key: 'Enter' })
  await waitFor(() => expect(screen.queryByRole('menuitem')).toBeNull())
}

describe('a menu that leaves the focus to what was chosen', () => {
  it('does so where that took it', async () => {
    await open(() => screen.getByLabelText('elsewhere').focus())
    await new Promise((resolve) => setTimeout(resolve))
    expect(document.activeElement).toBe(screen.getByLabelText('elsewhere'))
  })

  it('gives it back where nothing did', async () => {
    await open(() => undefined)
    await waitFor(() => expect(document.activeElement).toBe(screen.getByText('More')))
  })
})

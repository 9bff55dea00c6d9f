import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Me } from '../../app/me'
import { COMMANDS, contextOf, isOffered } from '../../canvas/commands'
import { createUi } from '../../canvas/ui'
import type { CanvasSession } from '../../sync/session'
import type { Counts, OrganizationUsage } from './api'
import CanvasUsage from './CanvasUsage'
import UsagePage from './UsagePage'

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const me = { user: { id: 'ann', name: 'Ann' }, organization: { id: 'o', name: 'Demo' }, role: 'owner' } as unknown as Me
const counts = (views: number): Counts => ({ views, people: 1, edits: views * 2, active_minutes: 0 })

/** What the server says of so many days: every view on the last one. */
const usageOf = (days: number, views: number): OrganizationUsage => ({
  from: '2026-11-01',
  to: '2026-11-22',
  days: Array.from({ length: days }, (_, index) => ({
    date: new Date(Date.UTC(2026, 10, 22) - (days - 1 - index) * 86_400_000).toISOString().slice(0, 10),
    ...(index === days - 1 ? counts(views) : { views: 0, people: 0, edits: 0, active_minutes: 0 }),
  })),
  totals: views === 0 ? { views: 0, people: 0, edits: 0, active_minutes: 0 } : counts(views),
  top_canvases:
    views === 0
      ? []
      : [
          { id: 'c1', name: 'Sales', ...counts(views) },
          { id: 'c2', name: '', ...counts(1) },
        ],
})

type Answer = (days: number) => Response
const setup = (answer: Answer, node: ReactNode) => {
  const asked: string[] = []
  const given = { answer }
  vi.stubGlobal(
    'fetch',
    vi.fn(async (path: string) => {
      asked.push(path)
      return given.answer(Number(new URL(path, 'http://here').searchParams.get('days')))
    }),
  )
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  render(<QueryClientProvider client={client}>{node}</QueryClientProvider>)
  return { asked, given, client }
}
const canvas = (onClose = () => undefined) => <CanvasUsage canvasId="c1" onClose={onClose} />
const total = (measure: string) => screen.getByTestId(`usage-${measure}`).textContent
const bars = () => document.querySelectorAll('.usage-bar').length

describe('the usage of a canvas', () => {
  it('shows the totals and a bar for each day on which something happened', async () => {
    const { asked } = setup((days) => Response.json(usageOf(days, 1_234)), canvas())
    expect(screen.getByLabelText('Loading the usage').getAttribute('aria-busy')).toBe('true')
    await screen.findByTestId('usage-chart')
    expect(asked).toEqual(['/v1/canvases/c1/usage?days=30'])
    expect(total('views')).toMatch(/Views 1,234/)
    expect(total('active_minutes')).toMatch(/Active minutes 0/)
    expect(bars()).toBe(1)
    expect(screen.getByRole('img').getAttribute('aria-label')).toMatch(/Views by day.*1,234 views/)
    // The total that is pressed is the one that is drawn.
    fireEvent.click(screen.getByRole('radio', { name: /Active minutes/ }))
    expect(bars()).toBe(0)
    expect(screen.getByRole('img').getAttribute('aria-label')).toMatch(/Active minutes by day.*None/)
  })

  it('asks for another range, and keeps the last picture until it is here', async () => {
    const { asked } = setup((days) => Response.json(usageOf(days, days)), canvas())
    await screen.findByTestId('usage-chart')
    fireEvent.click(screen.getByRole('radio', { name: '7 days' }))
    expect(screen.getByTestId('usage').dataset.waiting).toBe('')
    expect(total('views')).toMatch(/30/)
    await waitFor(() => expect(total('views')).toMatch(/Views 7/))
    expect(screen.getByTestId('usage').dataset.waiting).toBeUndefined()
    expect(asked.at(-1)).toBe('/v1/canvases/c1/usage?days=7')
  })

  it('reads single days with the arrow keys', async () => {
    setup((days) => Response.json(usageOf(days, 5)), canvas())
    const chart = await screen.findByTestId('usage-chart')
    const tip = () => screen.queryByTestId('usage-tip')?.textContent
    fireEvent.keyDown(chart, { key: 'ArrowLeft' })
    expect(tip()).toMatch(/so far 5 views/)
    fireEvent.keyDown(chart, { key: 'ArrowLeft' })
    expect(tip()).toMatch(/21.* 0 views/)
    fireEvent.keyDown(chart, { key: 'End' })
    fireEvent.keyDown(chart, { key: 'ArrowRight' })
    expect(tip()).toMatch(/so far/)
    fireEvent.blur(chart)
    expect(tip()).toBeUndefined()
  })

  it('is a table too, the newest day first', async () => {
    setup((days) => Response.json(usageOf(days, 5)), canvas())
    fireEvent.click(await screen.findByTestId('usage-as'))
    const rows = [...screen.getByTestId('usage-table').querySelectorAll('tbody tr')]
    expect(rows).toHaveLength(30)
    expect([...(rows[0]?.querySelectorAll('td') ?? [])].map((cell) => cell.textContent)).toEqual(['5', '1', '10', '0'])
    fireEvent.click(screen.getByTestId('usage-as'))
    expect(screen.getByTestId('usage-chart')).toBeTruthy()
  })

  it('says when nobody was there', async () => {
    setup((days) => Response.json(usageOf(days, 0)), canvas())
    expect((await screen.findByTestId('usage-quiet')).textContent).toMatch(
      /^Nobody has opened this canvas in these days/,
    )
    expect(screen.queryByTestId('usage-chart')).toBeNull()
  })

  it('says what went wrong, and tries again', async () => {
    const { given } = setup(
      () => Response.json({ title: 'Away', detail: 'The tables are away.' }, { status: 503 }),
      canvas(),
    )
    expect((await screen.findByRole('alert')).textContent).toBe('The tables are away.')
    given.answer = (days) => Response.json(usageOf(days, 5))
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByTestId('usage-chart')).toBeTruthy()
  })

  it('goes on showing what it last read, and says so', async () => {
    const { given, client } = setup((days) => Response.json(usageOf(days, 5)), canvas())
    await screen.findByTestId('usage-chart')
    given.answer = () => Response.json({ title: 'Away', detail: 'The tables are away.' }, { status: 503 })
    await client.refetchQueries()
    expect(await screen.findByText(/Shown as last read. The tables are away./)).toBeTruthy()
    expect(screen.getByTestId('usage-chart')).toBeTruthy()
  })

  it('offers no second try after a refusal, and shows nothing that was read before it', async () => {
    const { given, client } = setup((days) => Response.json(usageOf(days, 5)), canvas())
    await screen.findByTestId('usage-chart')
    given.answer = () => Response.json({ title: 'Forbidden', detail: 'This needs editor.' }, { status: 403 })
    await client.refetchQueries()
    expect((await screen.findByRole('alert')).textContent).toBe('This needs editor.')
    expect(screen.getByTestId('usage-failed').textContent).toMatch(/for those who may edit/)
    expect(screen.queryByTestId('usage-chart')).toBeNull()
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull()
  })
})

describe('the usage of all canvases', () => {
  it('lists the most viewed, as links', async () => {
    const { asked } = setup((days) => Response.json(usageOf(days, 5)), <UsagePage me={me} />)
    const top = await screen.findByTestId('usage-top')
    expect(asked).toEqual(['/v1/usage?days=30'])
    expect(document.title).toBe('Usage · Jabiru')
    expect([...top.querySelectorAll('a')].map((link) => [link.textContent, link.getAttribute('href')])).toEqual([
      ['Sales', '/c/c1'],
      ['Untitled canvas', '/c/c2'],
    ])
    expect(top.querySelectorAll('tbody tr:first-child td')[0]?.textContent).toBe('5')
  })

  it('has no list when nothing happened', async () => {
    setup((days) => Response.json(usageOf(days, 0)), <UsagePage me={me} />)
    expect((await screen.findByTestId('usage-quiet')).textContent).toMatch(/^Nobody has opened a canvas/)
    expect(screen.queryByTestId('usage-top')).toBeNull()
  })
})

it('is a command of those who may edit, and opens the window', () => {
  const ui = createUi()
  const command = COMMANDS.find(({ id }) => id === 'canvas.usage')
  if (command === undefined) throw new Error('no command')
  const as = (canEdit: boolean) => contextOf({ canEdit } as CanvasSession, ui)
  expect(isOffered(command, as(false))).toBe(false)
  expect(isOffered(command, as(true))).toBe(true)
  command.run(as(true))
  expect(ui.getState().dialog).toBe('usage')
})

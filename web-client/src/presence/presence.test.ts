// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { CaretAwareness } from './caretAwareness'
import { colorsOf } from './colors'
import { LocalPresence } from './local'
import { peopleOf, tagOf } from './people'
import { inkOn, readPeer, safeColor } from './state'

const user = { id: 'u1', name: 'Ann', color: '#e5484d' }

const pair = () => {
  const mine = new Awareness(new Y.Doc())
  const theirs = new Awareness(new Y.Doc())
  const arrive = () => applyAwarenessUpdate(mine, encodeAwarenessUpdate(theirs, [theirs.clientID]), 'wire')
  return { mine, theirs, arrive }
}

describe('awareness for text editors', () => {
  it('passes carets and names, and no mouse', () => {
    const { mine, theirs, arrive } = pair()
    const carets = new CaretAwareness(mine)
    const heard = vi.fn()
    carets.on('change', heard)
    const tell = (state: Record<string, unknown>) => {
      theirs.setLocalState({ user, ...state })
      arrive()
    }
    tell({ pointer: { block: 'a', fx: 0.1, fy: 0.1 } })
    tell({ pointer: { block: 'a', fx: 0.2, fy: 0.1 } })
    expect(heard).toHaveBeenCalledTimes(0)
    tell({ cursor: { anchor: 1, head: 2 } })
    tell({ cursor: { anchor: 1, head: 2 }, pointer: { block: 'a', fx: 0.3, fy: 0.1 } })
    expect(heard).toHaveBeenCalledTimes(1)
    tell({ cursor: { anchor: 1, head: 2 }, user: { ...user, name: 'Anna' } })
    expect(heard).toHaveBeenCalledTimes(2)
    tell({ cursor: null })
    expect(heard).toHaveBeenCalledTimes(3)
    mine.destroy()
    theirs.destroy()
  })
})

describe('our own presence', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is sent at most every 45 ms, the last one always', () => {
    const awareness = new Awareness(new Y.Doc())
    awareness.setLocalState({ user })
    const presence = new LocalPresence(awareness, () => Date.now())
    const sent: unknown[] = []
    awareness.on('update', () => sent.push(awareness.getLocalState()?.pointer))
    for (let ms = 0; ms < 90; ms += 5) {
      presence.setPointer({ block: null, fx: ms, fy: 0 })
      vi.advanceTimersByTime(5)
    }
    vi.advanceTimersByTime(45)
    expect(sent.length).toBeLessThanOrEqual(4)
    expect(sent.at(-1)).toEqual({ block: null, fx: 85, fy: 0 })
    expect(awareness.getLocalState()?.user).toEqual(user)
    presence.dispose()
    awareness.destroy()
  })

  it('goes away after a minute without a move', () => {
    const awareness = new Awareness(new Y.Doc())
    awareness.setLocalState({ user })
    const presence = new LocalPresence(awareness, () => Date.now())
    presence.setPointer({ block: null, fx: 1, fy: 1 })
    vi.advanceTimersByTime(61_000)
    expect(awareness.getLocalState()).toMatchObject({ idle: true, pointer: null })
    presence.dispose()
    awareness.destroy()
  })
})

describe('somebody who only types', () => {
  it('is not away, and is back with the first key', () => {
    vi.useFakeTimers()
    const awareness = new Awareness(new Y.Doc())
    awareness.setLocalState({ user })
    const presence = new LocalPresence(awareness, () => Date.now())
    for (let minute = 0; minute < 3; minute++) {
      presence.stir()
      vi.advanceTimersByTime(50_000)
      expect(awareness.getLocalState()?.idle).not.toBe(true)
    }
    vi.advanceTimersByTime(61_000)
    expect(awareness.getLocalState()?.idle).toBe(true)
    presence.stir()
    vi.advanceTimersByTime(100)
    expect(awareness.getLocalState()?.idle).toBe(false)
    presence.dispose()
    awareness.destroy()
    vi.useRealTimers()
  })
})

describe('states of other programs', () => {
  it('are read without trust', () => {
    expect(readPeer(1, null)).toBeNull()
    expect(readPeer(1, { pointer: {} })).toBeNull()
    expect(
      readPeer(1, {
        user: { name: 7, color: 'red;background:url(x)' },
        pointer: { fx: 'a' },
        selection: [1, 'b'],
        drag: { id: 'b' },
      }),
    ).toEqual({
      client: 1,
      user: { id: '1', name: 'Somebody', color: '#7b61ff' },
      pointer: null,
      selection: ['b'],
      drag: null,
      drags: [],
      view: null,
      idle: false,
    })
  })

  it('may drag several blocks: the first is the one in the hand', () => {
    const drag = (id: string) => ({ id, x: 1, y: 2, w: 3, h: 4 })
    const peer = readPeer(1, { user: { name: 'Ann' }, drag: [drag('a'), { id: 'bad' }, drag('b')] })
    expect(peer?.drag?.id).toBe('a')
    expect(peer?.drags.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(readPeer(1, { user: { name: 'Ann' }, drag: drag('c') })?.drags).toEqual([drag('c')])
  })

  it('may say what they look at', () => {
    expect(readPeer(1, { user: {}, view: { block: 'a', top: 0.5 } })?.view).toEqual({ block: 'a', top: 0.5 })
    expect(readPeer(1, { user: {}, view: { block: 'a', top: Number.NaN } })?.view).toBeNull()
    expect(readPeer(1, { user: {}, view: { block: 7, top: 0 } })?.view).toBeNull()
  })

  it('have colours that can be read', () => {
    expect(safeColor('#e5484d')).toBe('#e5484d')
    expect(safeColor('hsl(10 80% 50%)')).toBe('hsl(10 80% 50%)')
    expect(safeColor('url(//evil)')).toBe('#7b61ff')
    expect(inkOn('#ffe08a')).toBe('#111418')
    expect(inkOn('#1b3a8a')).toBe('#fff')
  })
})

describe('people who are here', () => {
  const person = { id: 'ann', name: 'Ann', color: '#aa0000' }
  const together = (states: Record<number, unknown>): Awareness => {
    const awareness = new Awareness(new Y.Doc())
    for (const [client, state] of Object.entries(states)) {
      awareness.states.set(Number(client), state as Record<string, unknown>)
    }
    return awareness
  }

  it('are people, not windows', () => {
    const awareness = together({
      12: { user: person, idle: true },
      3: { user: person, idle: false },
      7: { user: { id: 'ben', name: 'Ben', color: '#00aa00' }, idle: true },
    })
    expect(peopleOf(awareness)).toEqual([
      { ...person, clients: [3, 12], away: false },
      { id: 'ben', name: 'Ben', color: '#00aa00', clients: [7], away: true },
    ])
    awareness.destroy()
  })

  it('are told apart on their tags: which window, and which of them is ours', () => {
    const here = [{ ...person, clients: [3, 12], away: false }]
    expect(tagOf(here, 'me', 'ann', 12, 'Ann')).toBe('Ann · 2')
    expect(tagOf([{ ...person, clients: [3], away: false }], 'me', 'ann', 3, 'Ann')).toBe('Ann')
    expect(tagOf([{ ...person, clients: [3], away: false }], 'ann', 'ann', 3, 'Ann')).toBe('You, other window')
  })
})

describe('colours of people', () => {
  it('stay as given while they differ', () => {
    const colors = colorsOf([
      { id: 'b', color: '#1d4ed8' },
      { id: 'a', color: '#15803d' },
    ])
    expect(colors).toEqual(
      new Map([
        ['a', '#15803d'],
        ['b', '#1d4ed8'],
      ]),
    )
  })

  it('differ for two people with the same one, in the same way whoever is asked first', () => {
    const [ann, ben] = [
      { id: 'ann', color: '#1d4ed8' },
      { id: 'ben', color: '#1d4ed8' },
    ]
    const colors = colorsOf([ann, ben])
    expect(colors.get('ann')).toBe('#1d4ed8')
    expect(colors.get('ben')).not.toBe('#1d4ed8')
    expect(colorsOf([ben, ann, ben])).toEqual(colors)
  })
})

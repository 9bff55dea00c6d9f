// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { CaretAwareness } from './caretAwareness'
import { LocalPresence } from './local'
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
      idle: false,
    })
  })

  it('have colours that can be read', () => {
    expect(safeColor('#e5484d')).toBe('#e5484d')
    expect(safeColor('hsl(10 80% 50%)')).toBe('hsl(10 80% 50%)')
    expect(safeColor('url(//evil)')).toBe('#7b61ff')
    expect(inkOn('#ffe08a')).toBe('#111418')
    expect(inkOn('#1b3a8a')).toBe('#fff')
  })
})

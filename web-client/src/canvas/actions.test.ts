// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { addBlock, blocksMap, canvasMap, getAt, getPlacement, getSize, LOCAL, setAt, setLocked } from '../doc/schema'
import type { CanvasSession } from '../sync/session'
import { add, commitPlan, duplicate, grow, nudge, redo, remove, reveal, setLocks, storedOf, undo } from './actions'
import { type Cell, layoutOf, withMove, withShift } from './layout'
import { createUi } from './ui'

beforeEach(() => {
  vi.stubGlobal('innerWidth', 1400)
  // Scrolling to a block and focusing it needs a page.
  vi.stubGlobal('requestAnimationFrame', () => 0)
})

/** Somebody on a canvas, as far as actions look at it. */
const person = (doc = new Y.Doc()) => {
  const session = {
    doc,
    awareness: new Awareness(doc),
    undo: new Y.UndoManager([blocksMap(doc), canvasMap(doc)], {
      trackedOrigins: new Set([LOCAL]),
      captureTimeout: 400,
    }),
    user: { id: 'u', name: 'Ann', color: '#123456' },
    canEdit: true,
  } as unknown as CanvasSession
  return { session, doc, ui: createUi() }
}

const four = () => {
  const ann = person()
  const note = (text: string, x: number, y: number): string =>
    addBlock(ann.doc, 'narrative', { text, data_bindings: [] }, [x, y], [6, 4]) as string
  const ids = { a: note('A', 0, 0), b: note('B', 6, 0), c: note('C', 0, 4), d: note('D', 6, 4) }
  ann.session.undo.clear()
  const ben = person(new Y.Doc())
  const meet = (): void => {
    Y.applyUpdate(ben.doc, Y.encodeStateAsUpdate(ann.doc, Y.encodeStateVector(ben.doc)))
    Y.applyUpdate(ann.doc, Y.encodeStateAsUpdate(ben.doc, Y.encodeStateVector(ann.doc)))
  }
  meet()
  return { ann, ben, ids, meet }
}

const cells = (doc: Y.Doc, breakpoint: 'lg' | 'sm' = 'lg'): Cell[] => layoutOf(storedOf(blocksMap(doc)), breakpoint)
const drawn = (doc: Y.Doc, id: string): number[] => {
  const cell = cells(doc).find((one) => one.id === id)
  return cell === undefined ? [] : [cell.x, cell.y]
}
const move = ({ session, doc }: ReturnType<typeof person>, id: string, x: number, y: number): void => {
  const base = cells(doc)
  commitPlan(session, [id], base, withMove(base, id, x, y, 12))
}
const stored = (doc: Y.Doc): string => JSON.stringify(storedOf(blocksMap(doc)))

describe('a drop', () => {
  it('does not push what somebody else holds', () => {
    const { ann, ids } = four()
    const other = new Awareness(new Y.Doc())
    const hold = (drag: unknown): void => {
      ann.session.awareness.states.set(other.clientID, { user: { id: 'ben', name: 'Ben', color: '#ff0000' }, drag })
    }
    const held = { x: 6, y: 4, w: 6, h: 4 }
    hold([
      { id: ids.b, ...held },
      { id: ids.d, ...held },
    ])
    const before = [getAt(blocksMap(ann.doc).get(ids.b) as never), getAt(blocksMap(ann.doc).get(ids.d) as never)]
    move(ann, ids.a, 6, 0)
    expect([getAt(blocksMap(ann.doc).get(ids.b) as never), getAt(blocksMap(ann.doc).get(ids.d) as never)]).toEqual(
      before,
    )
    expect(getAt(blocksMap(ann.doc).get(ids.a) as never)).toEqual([6, 0])
  })

  it('writes nothing when nothing changes, and makes no undo step', () => {
    const { ann, ids } = four()
    const before = stored(ann.doc)
    move(ann, ids.a, 0, 0)
    expect(stored(ann.doc)).toBe(before)
    expect(ann.session.undo.canUndo()).toBe(false)
  })

  it('on a narrow arrangement leaves the wide one alone', () => {
    const { ann, ids } = four()
    const wide = cells(ann.doc)
    const base = cells(ann.doc, 'sm')
    const plan = withShift(base, [ids.a], 0, 8, 6)
    commitPlan(ann.session, [ids.a], base, plan, 'sm')
    expect(new Set(cells(ann.doc, 'sm'))).toEqual(new Set(plan))
    expect(cells(ann.doc)).toEqual(wide)
    expect(getPlacement(blocksMap(ann.doc).get(ids.a) as never, 'sm')).not.toBeNull()
    undo(ann.session)
    expect(cells(ann.doc, 'sm')).toEqual(base)
  })
})

describe('undo of a move', () => {
  it('brings the block back though somebody has pushed it since, and redo leaves all as it was', () => {
    const { ann, ben, ids, meet } = four()
    move(ann, ids.a, 0, 4)
    meet()
    // Whatever way Ben's drop came to write her block.
    setAt(ben.doc, ids.a, [0, 12])
    meet()
    const after = stored(ann.doc)
    undo(ann.session)
    expect(drawn(ann.doc, ids.a)).toEqual([0, 0])
    redo(ann.session)
    expect(stored(ann.doc)).toBe(after)
    undo(ann.session)
    expect(drawn(ann.doc, ids.a)).toEqual([0, 0])
    meet()
    expect(stored(ben.doc)).toBe(stored(ann.doc))
  })

  it('takes back only that step', () => {
    const { ann, ben, ids, meet } = four()
    move(ann, ids.b, 0, 0)
    const first = stored(ann.doc)
    move(ann, ids.a, 6, 0)
    meet()
    setAt(ben.doc, ids.a, [6, 9])
    meet()
    undo(ann.session)
    expect(stored(ann.doc)).toBe(first)
  })

  it('leaves what somebody else moved since where it is', () => {
    const { ann, ben, ids, meet } = four()
    move(ann, ids.a, 6, 0)
    meet()
    move(ben, ids.d, 0, 0)
    meet()
    undo(ann.session)
    expect(getAt(blocksMap(ann.doc).get(ids.d) as never)).toEqual([0, 0])
  })

  it('is undone and redone to the same places, whatever happened to whom', () => {
    let seed = 7
    const next = (below: number): number => {
      seed = (seed * 1664525 + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    for (let run = 0; run < 60; run++) {
      const { ann, ben, ids, meet } = four()
      const all = Object.values(ids)
      const steps = 1 + next(4)
      for (let step = 0; step < steps; step++) {
        move(ann, all[next(4)] ?? ids.a, next(12), next(12))
        meet()
        if (next(2) === 0) move(ben, all[next(4)] ?? ids.a, next(12), next(12))
        meet()
      }
      const before = stored(ann.doc)
      let back = 0
      while (ann.session.undo.canUndo()) {
        undo(ann.session)
        back++
      }
      while (back-- > 0) redo(ann.session)
      expect(stored(ann.doc)).toBe(before)
    }
  })
})

describe('several blocks', () => {
  it('are moved by one step, and one undo takes all of them back', () => {
    const { ann, ids } = four()
    const before = stored(ann.doc)
    nudge(ann.session, ann.ui, [ids.a, ids.b], 'down')
    expect(drawn(ann.doc, ids.c)).toEqual([0, 0])
    expect(drawn(ann.doc, ids.a)).toEqual([0, 4])
    expect(ann.ui.getState().announcement).toBe('Moved 2 blocks.')
    undo(ann.session)
    expect(stored(ann.doc)).toBe(before)
  })

  it('are duplicated below each other in their places, resized, locked and deleted', () => {
    const { ann, ids } = four()
    duplicate(ann.session, ann.ui, [ids.a, ids.b])
    const [first = '', second = ''] = ann.ui.getState().selected
    expect([drawn(ann.doc, first), drawn(ann.doc, second), drawn(ann.doc, ids.c)]).toEqual([
      [0, 4],
      [6, 4],
      [0, 8],
    ])
    grow(ann.session, ann.ui, [first, second], 'down')
    expect(getSize(blocksMap(ann.doc).get(second) as never)).toEqual([6, 5])
    setLocks(ann.session, ann.ui, [first], true)
    nudge(ann.session, ann.ui, [first, second], 'up')
    expect(drawn(ann.doc, second)).toEqual([6, 4])
    remove(ann.session, ann.ui, [first, second])
    expect(blocksMap(ann.doc).size).toBe(4)
  })
})

describe('a new block', () => {
  it('goes to the cell asked for, and others make room in the same step', () => {
    const { ann, ids } = four()
    const before = stored(ann.doc)
    add(ann.session, ann.ui, 'narrative', { text: '', data_bindings: [] }, [6, 4], { cell: [6, 4] })
    const [id = ''] = ann.ui.getState().selected
    expect([drawn(ann.doc, id), drawn(ann.doc, ids.d)]).toEqual([
      [6, 4],
      [6, 8],
    ])
    undo(ann.session)
    expect(stored(ann.doc)).toBe(before)
  })

  it('does not push a locked one', () => {
    const { ann, ids } = four()
    setLocked(ann.doc, ids.c, true)
    add(ann.session, ann.ui, 'narrative', { text: '', data_bindings: [] }, [6, 4], { cell: [0, 4] })
    const [id = ''] = ann.ui.getState().selected
    expect([drawn(ann.doc, ids.c), drawn(ann.doc, id)]).toEqual([
      [0, 4],
      [0, 8],
    ])
  })
})

describe('typing on after adding a text', () => {
  const press = (target: Element, key: string) => {
    const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
    target.dispatchEvent(event)
    return event
  }
  const frames = async (count: number) => {
    for (let at = 0; at < count; at++) await new Promise<void>((resolve) => requestAnimationFrame(() => resolve()))
  }

  it('keeps what is typed before the text is there, and lets it be no command', async () => {
    vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 0))
    vi.stubGlobal('matchMedia', () => ({ matches: true }))
    vi.stubGlobal('CSS', { escape: (text: string) => text })
    const written = vi.fn(() => true)
    document.execCommand = written
    const commands = vi.fn()
    addEventListener('keydown', commands)
    document.body.innerHTML = '<section data-block-id="x" tabindex="0"><div class="frame-body"></div></section>'
    const frame = document.querySelector('section') as HTMLElement
    frame.scrollIntoView = () => undefined
    reveal('x', true)
    press(document.body, 'P')
    await frames(2)
    expect(document.activeElement).toBe(frame)
    press(frame, 'e')
    expect(press(frame, 'Escape').defaultPrevented).toBe(false)
    expect(commands).toHaveBeenCalledTimes(1)
    const text = document.createElement('input')
    frame.querySelector('.frame-body')?.append(text)
    await frames(3)
    expect(document.activeElement).toBe(text)
    expect(written).toHaveBeenCalledWith('insertText', false, 'Pe')
    press(frame, 'n')
    expect(commands).toHaveBeenCalledTimes(2)
    removeEventListener('keydown', commands)
    document.body.innerHTML = ''
  })
})

// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { isSingle, type KeyPress, keyCaps, keysText, matchesKeys } from './keys'

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
})

describe('a key press', () => {
  it('matches Ctrl elsewhere and Cmd on a Mac, never the other one', () => {
    const [ctrl, meta] = [press('k', { ctrlKey: true }), press('k', { metaKey: true })]
    expect([matchesKeys(ctrl, 'mod+k', false), matchesKeys(meta, 'mod+k', false)]).toEqual([true, false])
    expect([matchesKeys(ctrl, 'mod+k', true), matchesKeys(meta, 'mod+k', true)]).toEqual([false, true])
    expect(matchesKeys(press('k'), 'mod+k', false)).toBe(false)
    expect(matchesKeys(press('k', { ctrlKey: true, altKey: true }), 'mod+k', false)).toBe(false)
  })

  it('tells undo from redo', () => {
    const redo = press('Z', { ctrlKey: true, shiftKey: true })
    expect(matchesKeys(redo, 'mod+z', false)).toBe(false)
    expect(matchesKeys(redo, 'mod+shift+z', false)).toBe(true)
  })

  it('means the letter in that place on a keyboard of another alphabet, and with Alt on a Mac', () => {
    expect(matchesKeys(press('я', { code: 'KeyZ', ctrlKey: true }), 'mod+z', false)).toBe(true)
    expect(matchesKeys(press('ç', { code: 'KeyC', altKey: true }), 'alt+c', true)).toBe(true)
    // AZERTY prints z where QWERTY has w: what is printed counts.
    expect(matchesKeys(press('z', { code: 'KeyW', ctrlKey: true }), 'mod+w', false)).toBe(false)
    expect(matchesKeys(press('z', { code: 'KeyW', ctrlKey: true }), 'mod+z', false)).toBe(true)
  })

  it('prints a sign however the layout makes it', () => {
    expect(matchesKeys(press('?', { shiftKey: true, code: 'Slash' }), '?', false)).toBe(true)
    expect(matchesKeys(press('?', { shiftKey: true, code: 'Minus' }), 'shift+/', false)).toBe(true)
    expect(matchesKeys(press('/', { shiftKey: true, code: 'Digit7' }), '/', false)).toBe(true)
    expect(matchesKeys(press('?', { shiftKey: true }), '/', false)).toBe(false)
  })

  it('knows arrows with Alt and Shift', () => {
    const up = press('ArrowUp', { altKey: true, shiftKey: true })
    expect(matchesKeys(up, 'alt+shift+arrowup', false)).toBe(true)
    expect(matchesKeys(up, 'alt+arrowup', false)).toBe(false)
  })
})

describe('keys on screen', () => {
  it('look as the platform writes them', () => {
    expect(keysText('mod+shift+z', false)).toBe('Ctrl+Shift+Z')
    expect(keysText('mod+shift+z', true)).toBe('⇧⌘Z')
    expect(keyCaps('alt+arrowleft', false)).toEqual(['Alt', '←'])
    expect(keysText('shift+/', false)).toBe('?')
    expect(keysText('delete', false)).toBe('Del')
  })

  it('are single when a hand resting on the keyboard can press them', () => {
    expect(['f', '1', '/', '?'].map(isSingle)).toEqual([true, true, true, true])
    expect(['mod+k', 'alt+arrowup', 'escape', 'delete', 'enter'].some(isSingle)).toBe(false)
  })
})

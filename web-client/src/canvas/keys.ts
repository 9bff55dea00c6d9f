/**
 * Keys as text: what a binding like `mod+shift+z` matches and how it is shown; and which elements keep keys to themselves.
 *
 * `mod` is Cmd on a Mac and Ctrl elsewhere. Letters and digits match by what they print, and by their place on the
 * keyboard where that prints something else (another alphabet, or Alt on a Mac). Signs such as `?` match by what they
 * print, however a layout makes them.
 */

export type KeyPress = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

export const isMac = (): boolean =>
  typeof navigator !== 'undefined' && /mac|iphone|ipad/i.test(navigator.platform || navigator.userAgent)

type Binding = { mod: boolean; alt: boolean; shift: boolean; key: string }

const parse = (keys: string): Binding => {
  // "mod++" would end in an empty part.
  const parts = keys.toLowerCase().split('+')
  const key = parts.pop() || '+'
  const binding = { mod: parts.includes('mod'), alt: parts.includes('alt'), shift: parts.includes('shift'), key }
  // The same thing said by keyboard layout; `?` is what it prints.
  return binding.shift && key === '/' ? { ...binding, shift: false, key: '?' } : binding
}

const isSign = (key: string): boolean => key.length === 1 && !/[a-z0-9]/.test(key)

const printed = (press: KeyPress): string => press.key.toLowerCase()
/** The letter or digit printed on an American keyboard in that place. */
const inPlace = (code: string): string | null => /^(?:Key|Digit)([A-Z0-9])$/.exec(code)?.[1]?.toLowerCase() ?? null

export const matchesKeys = (press: KeyPress, keys: string, mac = isMac()): boolean => {
  const want = parse(keys)
  const mod = mac ? press.metaKey : press.ctrlKey
  const other = mac ? press.ctrlKey : press.metaKey
  if (mod !== want.mod || other || press.altKey !== want.alt) return false
  const key = printed(press)
  if (isSign(want.key)) return key === want.key
  if (press.shiftKey !== want.shift) return false
  if (key === want.key) return true
  return want.key.length === 1 && !/^[a-z0-9]$/.test(key) && inPlace(press.code) === want.key
}

/** Printable and without Ctrl, Cmd or Alt: speech input and a resting hand press these by accident (WCAG 2.1.4). */
export const isSingle = (keys: string): boolean => {
  const { mod, alt, key } = parse(keys)
  return !mod && !alt && key.length === 1
}

const NAMES: Record<string, string> = {
  arrowleft: '←',
  arrowright: '→',
  arrowup: '↑',
  arrowdown: '↓',
  escape: 'Esc',
  delete: 'Del',
  enter: 'Enter',
  backspace: 'Backspace',
  tab: 'Tab',
  space: 'Space',
}
const MAC_NAMES: Record<string, string> = { ...NAMES, enter: '↩', backspace: '⌫', delete: '⌦' }

/** One string per keycap, for example `['Ctrl', 'Shift', 'Z']` or `['⌘', '⇧', 'Z']`. */
export const keyCaps = (keys: string, mac = isMac()): string[] => {
  const { mod, alt, shift, key } = parse(keys)
  const name = (mac ? MAC_NAMES : NAMES)[key] ?? key.toUpperCase()
  if (mac) return [...(alt ? ['⌥'] : []), ...(shift ? ['⇧'] : []), ...(mod ? ['⌘'] : []), name]
  return [...(mod ? ['Ctrl'] : []), ...(alt ? ['Alt'] : []), ...(shift ? ['Shift'] : []), name]
}

/** For tooltips and menus. */
export const keysText = (keys: string, mac = isMac()): string => keyCaps(keys, mac).join(mac ? '' : '+')

/** True where a key belongs to a text field, an editor, a menu or a dialog. */
export const takesKeys = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest(
    'input, textarea, select, [contenteditable="true"], [role="menu"], [role="dialog"], [role="listbox"]',
  ) !== null

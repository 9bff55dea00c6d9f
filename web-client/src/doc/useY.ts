/**
 * Reading Y types from React. Owns one hook; refuses writes (those go through `doc/schema.ts`).
 */
import { useCallback, useRef, useSyncExternalStore } from 'react'
import * as Y from 'yjs'

type Deep = Y.AbstractType<unknown>
type Options = {
  /** Also follow keystrokes in nested Y.Texts. Off by default: an editor shows them itself, and a canvas of editors must not re-render for each. */
  text?: boolean
}

/** Deep equality of what selectors return: JSON-like values; anything else compares by identity. */
export const same = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => same(item, b[index]))
  }
  if (Object.getPrototypeOf(a) !== Object.prototype || Object.getPrototypeOf(b) !== Object.prototype) return false
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]))
}

/**
 * `select(type)`, kept up to date. The component renders again only when the selected value differs, so a selector may
 * build new objects freely and need not be memoised.
 */
// biome-ignore lint/suspicious/noExplicitAny: Y types are invariant in their event; any Y type may be observed
export function useY<T extends Y.AbstractType<any>, R>(type: T, select: (type: T) => R, options: Options = {}): R {
  const text = options.text ?? false
  const cache = useRef<{ type: T; select: (type: T) => R; version: number; value: R } | null>(null)
  const version = useRef(0)

  const subscribe = useCallback(
    (notify: () => void) => {
      // A change between render and here was not observed: make the next snapshot recompute.
      version.current++
      const onChange = (events: Y.YEvent<Deep>[]) => {
        if (!text && events.every((event) => event instanceof Y.YTextEvent)) return
        version.current++
        notify()
      }
      const observe = onChange as (events: unknown[]) => void
      type.observeDeep(observe)
      return () => type.unobserveDeep(observe)
    },
    [type, text],
  )

  const snapshot = (): R => {
    const last = cache.current
    if (last !== null && last.type === type && last.select === select && last.version === version.current) {
      return last.value
    }
    const next = select(type)
    const value = last !== null && same(last.value, next) ? last.value : next
    cache.current = { type, select, version: version.current, value }
    return value
  }

  return useSyncExternalStore(subscribe, snapshot, snapshot)
}

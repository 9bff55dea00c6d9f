/**
 * What a narrative's chips are bound to, and what a chip shows. `value` and `error` come from the server alone; here a
 * binding is read, made, changed and taken away. A value that belongs to another question than the one asked now is taken
 * away with the old question: a chip says that it is waiting, never a number that is not true.
 */
import * as Y from 'yjs'
import { type Block, contentOf } from '../../../doc/schema'
import { formatMeasure, type NumberFormat, toNumberFormat } from '../format'
import { parseCalculation } from './calc'
import { CHIP } from './ranges'

export interface Binding {
  source: string
  calculation: string
  value: number | string | null
  error: string | null
  format: NumberFormat
  decimals: number | null
}

export type Bindings = Record<string, Binding>

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export function readBindings(block: Block): Bindings {
  const bindings: Bindings = {}
  const map = contentOf(block).get('data_bindings')
  if (!(map instanceof Y.Map)) return bindings
  for (const [key, one] of map.entries()) {
    if (!(one instanceof Y.Map)) continue
    const value = one.get('value')
    const decimals = one.get('decimals')
    bindings[key] = {
      source: text(one.get('source')),
      calculation: text(one.get('calculation')),
      value: typeof value === 'number' && Number.isFinite(value) ? value : text(value) || null,
      error: text(one.get('error')) || null,
      format: toNumberFormat(one.get('format')),
      decimals: typeof decimals === 'number' && Number.isInteger(decimals) ? decimals : null,
    }
  }
  return bindings
}

/** A block on this canvas a chip may take its number from; what of it a chip needs to know. */
export interface SourceName {
  name: string
  currency: string
}

export type ChipState =
  | { kind: 'value'; text: string }
  | { kind: 'waiting'; why: string }
  | { kind: 'broken'; why: string }

export interface ChipContext {
  bindings: Bindings
  sources: Record<string, SourceName>
  online: boolean
}

export const NO_CONTEXT: ChipContext = { bindings: {}, sources: {}, online: true }

const own = <T>(map: Record<string, T>, key: string): T | undefined => (Object.hasOwn(map, key) ? map[key] : undefined)

/** The binding of a key; keys are people's words, and "constructor" is one. */
export const bindingOf = (bindings: Bindings, key: string): Binding | undefined => own(bindings, key)

/** What a chip shows. `percent`: the text goes on with a percent sign of its own. */
export function chipState(key: string, { bindings, sources, online }: ChipContext, percent = false): ChipState {
  const binding = own(bindings, key)
  if (!binding) return { kind: 'broken', why: `Nothing is bound to “${key}”.` }
  const source = own(sources, binding.source)
  if (!source) {
    return {
      kind: 'broken',
      why:
        binding.source === '' ? 'No block has been chosen as its source.' : 'The block it was computed from is gone.',
    }
  }
  if (binding.error !== null) return { kind: 'broken', why: binding.error }
  const { value } = binding
  if (value === null) {
    return { kind: 'waiting', why: online ? 'Being computed' : 'Not computed yet: offline' }
  }
  return { kind: 'value', text: valueText(value, binding, source.currency, percent) }
}

export function valueText(
  value: number | string,
  binding: Pick<Binding, 'calculation' | 'format' | 'decimals'>,
  currency: string,
  percent = false,
): string {
  if (typeof value === 'string') return value
  const auto = binding.format === 'auto'
  const points = auto && parseCalculation(binding.calculation)?.agg === 'percentage_change'
  const format = points ? 'percent' : binding.format
  const written = formatMeasure(value, { format, decimals: binding.decimals, currency })
  return percent && format === 'percent' ? written.replace(/%$/, '') : written
}

/** The map of bindings; it is there from the start, except in a canvas that was imported without. */
const mapOf = (block: Block): Y.Map<unknown> => {
  const content = contentOf(block)
  const map = content.get('data_bindings')
  if (map instanceof Y.Map) return map
  const made = new Y.Map<unknown>()
  content.set('data_bindings', made)
  return made
}

export type BindingChange = Partial<Pick<Binding, 'source' | 'calculation' | 'format' | 'decimals'>>

/** Makes or changes a binding: its leaves one by one, since somebody else may be changing another of them. */
export function writeBinding(block: Block, key: string, change: BindingChange, origin: unknown): void {
  const { doc } = block
  if (doc === null) return
  doc.transact(() => {
    const map = mapOf(block)
    let binding = map.get(key)
    if (!(binding instanceof Y.Map)) {
      binding = new Y.Map<unknown>()
      map.set(key, binding)
    }
    const one = binding as Y.Map<unknown>
    const asked = JSON.stringify([one.get('source'), one.get('calculation')])
    for (const [name, value] of Object.entries(change)) {
      const plain = value === null || (name === 'format' && value === 'auto')
      if (plain) {
        if (one.has(name)) one.delete(name)
      } else if (one.get(name) !== value) one.set(name, value)
    }
    if (JSON.stringify([one.get('source'), one.get('calculation')]) !== asked) {
      for (const answer of ['value', 'error']) if (one.has(answer)) one.delete(answer)
    }
  }, origin)
}

export function removeBinding(block: Block, key: string, origin: unknown): void {
  const { doc } = block
  const map = contentOf(block).get('data_bindings')
  if (doc === null || !(map instanceof Y.Map) || !map.has(key)) return
  doc.transact(() => map.delete(key), origin)
}

/** The keys a text asks for. Code counts too: better a binding kept that is not needed. */
export function keysIn(markdown: string): Set<string> {
  return new Set([...markdown.matchAll(CHIP)].map((match) => (match[1] ?? '').trim()))
}

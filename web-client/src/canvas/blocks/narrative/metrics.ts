/**
 * Where chips may take their numbers from: the blocks of a canvas that show a dataset, and what may be asked of each.
 */
import * as Y from 'yjs'
import { type Block, blocksMap, blockType, contentOf, getContent } from '../../../doc/schema'
import type { RowSet } from '../../../platform/datasets/cells'
import { blockName } from '../../actions'
import { applyFilters, type Filter, readFilters } from '../filters'
import { sourceOf } from '../source'
import { type BindingChange, type Bindings, bindingOf, keysIn, readBindings, type SourceName } from './bindings'
import { type Calculation, calculate, type Defaults, type Rows } from './calc'

export interface MetricSource {
  id: string
  name: string
  type: string
  datasetId: string
  defaults: Defaults
  filters: Filter[]
  currency: string
}

const TYPES = new Set(['chart', 'table', 'metric'])

function metricSource(id: string, block: Block): MetricSource | null {
  const type = blockType(block)
  if (!TYPES.has(type)) return null
  const config = contentOf(block).get('config')
  const leaf = (name: string): string => {
    const value = config instanceof Y.Map ? config.get(name) : undefined
    return typeof value === 'string' ? value : ''
  }
  return {
    id,
    name: blockName(block),
    type,
    datasetId: sourceOf(block).datasetId,
    defaults: { y: leaf('y_axis'), x: leaf('x_axis'), aggregation: leaf('aggregation') },
    filters: readFilters(getContent(block, ['filters'])),
    currency: leaf('currency') || 'USD',
  }
}

export function findSource(doc: Y.Doc, id: string): MetricSource | null {
  const block = blocksMap(doc).get(id)
  return block === undefined ? null : metricSource(id, block)
}

/** The blocks that have data, as they are read on the page: by row, then column. */
export function metricSources(doc: Y.Doc): MetricSource[] {
  const all = [...blocksMap(doc).entries()].flatMap(([id, block]) => {
    const source = metricSource(id, block)
    if (source === null || source.datasetId === '') return []
    const at = block.get('at')
    const [x, y] = Array.isArray(at) ? (at as number[]) : [0, 0]
    return [{ source, x: x ?? 0, y: y ?? 0 }]
  })
  return all.sort((a, b) => a.y - b.y || a.x - b.x || (a.source.id < b.source.id ? -1 : 1)).map((one) => one.source)
}

/** The blocks some bindings name, with or without data: a block that is gone and one that is empty are two different troubles. */
export function sourceNames(doc: Y.Doc, bindings: Bindings): Record<string, SourceName> {
  const names: Record<string, SourceName> = {}
  for (const { source: id } of Object.values(bindings)) {
    const source = id === '' || Object.hasOwn(names, id) ? null : findSource(doc, id)
    if (source !== null) names[id] = { name: source.name, currency: source.currency }
  }
  return names
}

/**
 * What a text that comes from elsewhere on the canvas brings along: the bindings it asks for and `block` lacks, where all
 * other texts that have one of that name mean the same, and its source is still there. Null for a block yet to be made.
 */
export function carried(doc: Y.Doc, block: Block | null, markdown: string): Map<string, BindingChange> {
  const found = new Map<string, BindingChange>()
  const own = block === null ? {} : readBindings(block)
  const wanted = [...keysIn(markdown)].filter((key) => bindingOf(own, key) === undefined)
  if (wanted.length === 0) return found
  const texts = [...blocksMap(doc).values()].filter((other) => other !== block && blockType(other) === 'narrative')
  const bindings = texts.map(readBindings)
  for (const key of wanted) {
    const meant = new Map<string, BindingChange>()
    for (const one of bindings) {
      const binding = bindingOf(one, key)
      if (binding === undefined) continue
      const { source, calculation, format, decimals } = binding
      meant.set(JSON.stringify([source, calculation, format, decimals]), { source, calculation, format, decimals })
    }
    const [only, other] = meant.values()
    if (only?.source !== undefined && other === undefined && findSource(doc, only.source) !== null) found.set(key, only)
  }
  return found
}

/** The rows a source counts with. */
export const rowsFor = (source: MetricSource, set: RowSet): Rows => ({
  columns: set.columns,
  rows: applyFilters(set.rows, set.columns, [], source.filters),
})

export const previewOf = (calculation: Calculation, source: MetricSource, rows: Rows): number | null =>
  calculate(calculation, source.defaults, rows)

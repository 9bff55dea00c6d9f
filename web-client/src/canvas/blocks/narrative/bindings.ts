/** The values a narrative's chips show. Written by the server; read here, never computed. */
import { type Block, getContent } from '../../../doc/schema'
import { formatNumber } from '../format'

export interface Binding {
  /** What the chip shows, or null when there is no value: the chip is broken and says so. */
  text: string | null
  /** For the tooltip: where the number comes from. */
  origin: string
}

export type Bindings = Record<string, Binding>

export function readBindings(block: Block): Bindings {
  const stored = getContent(block, ['data_bindings'])
  const bindings: Bindings = {}
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return bindings
  for (const [key, value] of Object.entries(stored)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    const calculation = typeof value.calculation === 'string' ? value.calculation.replace(/_/g, ' ') : ''
    bindings[key] = {
      text:
        typeof value.value === 'number'
          ? formatNumber(value.value)
          : typeof value.value === 'string' && value.value !== ''
            ? value.value
            : null,
      origin: calculation ? `${key}: ${calculation}` : key,
    }
  }
  return bindings
}

/**
 * The kinds of blocks there are: what they are called, how large a new one is, and what a new one holds. Plain data with
 * no component in it, so that palettes and imports need not load any block.
 */
import { ChartColumn, type LucideIcon, Table2, TextInitial } from 'lucide-react'
import type { JsonObject } from '../../doc/schema'

export interface BlockType {
  type: string
  label: string
  icon: LucideIcon
  defaultSize: [w: number, h: number]
  /**
   * Everything the block will ever share, empty where it must be: a map or a text that two people made later, each for
   * themselves, would lose one of the two. Arrays of columns and bindings become maps in `doc/schema.ts`.
   */
  createContent: () => JsonObject
}

const noSource = (): JsonObject => ({ type: 'dataset', dataset_id: '', parameters: {} })

export const BLOCK_TYPES: BlockType[] = [
  {
    type: 'chart',
    label: 'Chart',
    icon: ChartColumn,
    defaultSize: [6, 6],
    createContent: () => ({
      chart_type: 'bar',
      title: '',
      data_source: noSource(),
      config: { x_axis: '', y_axis: '', color: '', aggregation: 'sum' },
      style: { theme: 'auto', colors: [] },
    }),
  },
  {
    type: 'narrative',
    label: 'Narrative',
    icon: TextInitial,
    defaultSize: [4, 5],
    createContent: () => ({ text: '', data_bindings: [] }),
  },
  {
    type: 'table',
    label: 'Table',
    icon: Table2,
    defaultSize: [8, 7],
    createContent: () => ({
      title: '',
      data_source: noSource(),
      columns: [],
      pagination: { enabled: false, pageSize: 20 },
      sorting: { enabled: true },
      filtering: { enabled: true },
    }),
  },
]

export const typeOf = (type: string): BlockType | undefined => BLOCK_TYPES.find((one) => one.type === type)

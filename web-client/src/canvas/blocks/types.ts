/**
 * The kinds of blocks there are: what they are called, how large a new one is, and what a new one holds. Plain data with
 * no component in it, so that palettes and imports need not load any block.
 */
import { ChartColumn, Gauge, Heading, Image, type LucideIcon, Minus, Table2, TextInitial } from 'lucide-react'
import type { JsonObject } from '../../doc/schema'

export interface BlockType {
  type: string
  label: string
  icon: LucideIcon
  /** One line for the add menu and the palette: what it is for. */
  description: string
  /** The key that adds one, while nobody types. */
  key: string
  defaultSize: [w: number, h: number]
  /** Smaller than this there is nothing to see in it. */
  min: [w: number, h: number]
  /** Drawn on the canvas itself: no card around it until it is pointed at or selected. */
  quiet?: true
  /** Where one goes on with a new one: in its settings, or writing in it. */
  begins?: 'settings' | 'text'
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
    description: 'Bars, lines, slices or points from a dataset',
    key: '1',
    defaultSize: [6, 6],
    min: [2, 3],
    begins: 'settings',
    createContent: () => ({
      chart_type: 'bar',
      title: '',
      data_source: noSource(),
      filters: [],
      config: {
        x_axis: '',
        y_axis: '',
        color: '',
        aggregation: 'sum',
        time_unit: '',
        stack: 'auto',
        sort: 'auto',
        limit: 0,
        orientation: 'auto',
        x_title: '',
        y_title: '',
        y_min: null,
        y_max: null,
        y_scale: 'linear',
        number_format: 'auto',
        decimals: null,
        currency: 'USD',
        labels: false,
        legend: 'auto',
        smooth: false,
      },
      style: { theme: 'auto', colors: [], decals: false },
    }),
  },
  {
    type: 'narrative',
    label: 'Narrative',
    icon: TextInitial,
    description: 'Text with headings, lists, links and live numbers',
    key: '2',
    defaultSize: [4, 5],
    min: [2, 1],
    begins: 'text',
    createContent: () => ({ text: '', data_bindings: [] }),
  },
  {
    type: 'table',
    label: 'Table',
    icon: Table2,
    description: 'The rows of a dataset, sorted and filtered',
    key: '3',
    defaultSize: [8, 7],
    min: [2, 3],
    begins: 'settings',
    createContent: () => ({
      title: '',
      data_source: noSource(),
      filters: [],
      columns: [],
      pagination: { enabled: false, pageSize: 20 },
      sorting: { enabled: true },
      filtering: { enabled: true },
    }),
  },
  {
    type: 'metric',
    label: 'Metric',
    icon: Gauge,
    description: 'One number, how it changed and its trend',
    key: '4',
    defaultSize: [3, 3],
    min: [2, 2],
    begins: 'settings',
    createContent: () => ({
      title: '',
      data_source: noSource(),
      filters: [],
      config: {
        y_axis: '',
        aggregation: 'sum',
        x_axis: '',
        time_unit: '',
        period: 'all',
        compare: 'previous',
        better: 'up',
        number_format: 'auto',
        decimals: null,
        currency: 'USD',
        unit: '',
        sparkline: true,
      },
    }),
  },
  {
    type: 'heading',
    label: 'Heading',
    icon: Heading,
    description: 'A title that opens a section of the canvas',
    key: '5',
    defaultSize: [12, 1],
    min: [2, 1],
    quiet: true,
    begins: 'text',
    createContent: () => ({ text: '', level: 2, line: true }),
  },
  {
    type: 'image',
    label: 'Image',
    icon: Image,
    description: 'A picture, photo or logo from your device',
    key: '6',
    defaultSize: [4, 5],
    min: [1, 1],
    createContent: () => ({ image_id: '', alt: '', caption: '', fit: 'contain' }),
  },
  {
    type: 'divider',
    label: 'Divider',
    icon: Minus,
    description: 'A line between two sections',
    key: '7',
    defaultSize: [12, 1],
    min: [1, 1],
    quiet: true,
    createContent: () => ({}),
  },
]

export const typeOf = (type: string): BlockType | undefined => BLOCK_TYPES.find((one) => one.type === type)

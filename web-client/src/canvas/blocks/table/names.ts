/** What the formats and alignments of a column are called on the screen. */
import type { Format } from '../format'
import type { Align } from './columns'

export const FORMAT_NAMES: Record<Format, string> = {
  string: 'Text',
  number: 'Number',
  currency: 'Currency',
  percentage: 'Percent',
  date: 'Date',
  boolean: 'Yes / no',
}

export const ALIGN_NAMES: Record<Align, string> = { left: 'Left', center: 'Centre', right: 'Right' }

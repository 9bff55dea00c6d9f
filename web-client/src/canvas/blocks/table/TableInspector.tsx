/** The settings of a table. As with every inspector: one gesture, one transaction, leaves only. */
import { generateNKeysBetween } from 'fractional-indexing'
import { useMemo } from 'react'
import { type Block, blocksMap, edit, getContent, type JsonObject, setContent } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Dataset } from '../../../platform/datasets/api'
import type { Column } from '../../../platform/datasets/cells'
import { DatasetPicker } from '../../../platform/datasets/DatasetPicker'
import { useDataset } from '../../../platform/datasets/hooks'
import { Check, Commit } from '../fields'
import { FORMATS, type Format } from '../format'
import type { InspectorProps } from '../registry'
import { sourceOf } from '../source'
import { columnsFor, type TableColumn, tableColumns } from './columns'

export default function TableInspector({ id, block, session, editable }: InspectorProps) {
  const source = useY(block, sourceOf)
  const dataset = useDataset(source.datasetId)
  const title = useY(block, (one) => getContent(one, ['title']))
  const stored = useY(block, (one) => getContent(one, ['columns']))
  const pages = useY(block, (one) => getContent(one, ['pagination', 'enabled']) === true)
  const filter = useY(block, (one) => getContent(one, ['filtering', 'enabled']) !== false)
  const columns = useMemo(() => {
    const known = dataset.data?.columns ?? []
    return tableColumns(
      stored,
      known,
      known.map((column) => column.name),
    )
  }, [stored, dataset.data])

  const change = (column: TableColumn, leaf: JsonObject) => {
    const doc = block.doc
    if (!doc) return
    edit(doc, () => {
      // A table that showed the dataset's own columns needs them all written down before one of them differs.
      if (isEmpty(stored) && dataset.data) writeColumns(block, dataset.data.columns)
      for (const [key, value] of Object.entries(leaf)) setContent(block, ['columns', column.field, key], value)
    })
  }

  return (
    <div className="insp">
      <Commit
        label="Title"
        value={typeof title === 'string' ? title : ''}
        disabled={!editable}
        onCommit={(text) => setContent(block, ['title'], text)}
      />
      <DatasetPicker
        value={source.datasetId}
        disabled={!editable}
        onPick={(chosen) => {
          if (blocksMap(session.doc).get(id) === block && session.canEdit) applyTableDataset(block, chosen)
        }}
      />
      <Check
        label="Pages"
        checked={pages}
        disabled={!editable}
        onChange={(on) => setContent(block, ['pagination', 'enabled'], on)}
      />
      <Check
        label="Filter box"
        checked={filter}
        disabled={!editable}
        onChange={(on) => setContent(block, ['filtering', 'enabled'], on)}
      />
      {columns.length > 0 && (
        <fieldset className="insp-columns" disabled={!editable}>
          <legend className="ui-field-label">Columns</legend>
          {columns.map((column) => (
            <div key={column.field} className="insp-column">
              <Check
                label={column.header}
                checked={!column.hidden}
                disabled={!editable}
                onChange={(on) => change(column, { hidden: !on })}
              />
              <select
                className="ui-input"
                aria-label={`Format of ${column.header}`}
                value={column.format}
                onChange={(event) => change(column, { type: event.target.value })}
              >
                {FORMATS.map((format) => (
                  <option key={format} value={format}>
                    {FORMAT_NAMES[format]}
                  </option>
                ))}
              </select>
            </div>
          ))}
        </fieldset>
      )}
    </div>
  )
}

const FORMAT_NAMES: Record<Format, string> = {
  string: 'Text',
  number: 'Number',
  currency: 'Currency',
  percentage: 'Percent',
  date: 'Date',
  boolean: 'Yes / no',
}

const isEmpty = (stored: unknown): boolean =>
  typeof stored !== 'object' || stored === null || Object.keys(stored).length === 0

function writeColumns(block: Block, columns: Column[]): void {
  const orders = generateNKeysBetween(null, null, columns.length)
  columnsFor(columns).forEach(({ field, header, type }, index) => {
    setContent(block, ['columns', field], { header, type, order: orders[index] ?? 'a0' })
  })
}

/** Sets the dataset of a table. Its columns are replaced unless the dataset has every one of them. */
export function applyTableDataset(block: Block, dataset: Dataset): void {
  const doc = block.doc
  if (!doc) return
  const stored = getContent(block, ['columns'])
  const fields = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? Object.keys(stored) : []
  const names = new Set(dataset.columns.map((column) => column.name))
  const title = getContent(block, ['title'])
  edit(doc, () => {
    setContent(block, ['data_source'], { type: 'dataset', dataset_id: dataset.id })
    if (fields.length === 0 || !fields.every((field) => names.has(field))) {
      for (const field of fields) setContent(block, ['columns', field], undefined)
      writeColumns(block, dataset.columns)
      setContent(block, ['sorting', 'defaultSort'], undefined)
    }
    if (typeof title !== 'string' || title === '') setContent(block, ['title'], dataset.name)
  })
}

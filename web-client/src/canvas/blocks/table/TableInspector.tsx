/** The settings of a table. As with every inspector: one gesture, one transaction, leaves only. */
import { useMemo } from 'react'
import { type Block, blocksMap, edit, getContent, setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Dataset } from '../../../platform/datasets/api'
import { DatasetPicker } from '../../../platform/datasets/DatasetPicker'
import { useDataset } from '../../../platform/datasets/hooks'
import { Check, Choice, Commit, NumberCommit } from '../fields'
import { sortLeaf } from '../localView'
import type { InspectorProps } from '../registry'
import { SharedFilters } from '../SharedFilters'
import { sourceOf, useSource } from '../source'
import { ColumnList } from './ColumnList'
import { defaultSort, tableColumns } from './columns'
import { writeColumns } from './edits'

const DEFAULT_PAGE = 20
const MAX_PAGE = 1000

export default function TableInspector({ id, block, session, editable }: InspectorProps) {
  const ref = useY(block, sourceOf)
  const dataset = useDataset(ref.datasetId)
  const source = useSource(block)
  const content = useY(block, (one) => ({
    title: getContent(one, ['title']),
    columns: getContent(one, ['columns']),
    pages: getContent(one, ['pagination', 'enabled']) === true,
    pageSize: getContent(one, ['pagination', 'pageSize']),
    filter: getContent(one, ['filtering', 'enabled']) !== false,
    sortable: getContent(one, ['sorting', 'enabled']) !== false,
    sort: getContent(one, ['sorting', 'defaultSort']),
    pinFirst: getContent(one, ['pin_first']) === true,
  }))
  const known = useMemo(() => dataset.data?.columns ?? [], [dataset.data])
  const columns = useMemo(
    () =>
      tableColumns(
        content.columns,
        known,
        known.map((column) => column.name),
      ),
    [content.columns, known],
  )
  const data = useMemo(
    () =>
      source.state === 'ready' ? source.data : { columns: known, order: known.map((column) => column.name), rows: [] },
    [source, known],
  )
  const [rule, ...further] = defaultSort(content.sort, columns)
  const write = (change: () => void): void => step(session, change)
  const set = (path: readonly string[], value: Parameters<typeof setContent>[2]): void =>
    write(() => setContent(block, path, value))

  return (
    <div className="insp">
      <Commit
        label="Title"
        value={typeof content.title === 'string' ? content.title : ''}
        disabled={!editable}
        onCommit={(text) => set(['title'], text)}
      />
      <DatasetPicker
        value={ref.datasetId}
        disabled={!editable}
        onPick={(chosen) => {
          if (blocksMap(session.doc).get(id) === block) write(() => applyTableDataset(block, chosen))
        }}
      />
      {columns.length > 0 && (
        <>
          <ColumnList block={block} known={known} columns={columns} disabled={!editable} write={write} />
          <SharedFilters
            session={session}
            block={block}
            data={data}
            disabled={!editable}
            headerOf={(field) => columns.find((column) => column.field === field)?.header ?? field}
            formatOf={(field) => columns.find((column) => column.field === field)?.format}
          />
          <div className="insp-pair">
            <Choice
              label="Sorted by"
              testId="default-sort"
              value={further.length > 0 ? '\u0000several' : (rule?.id ?? '')}
              disabled={!editable}
              options={[
                { value: '', label: 'As in the data' },
                ...(further.length > 0 ? [{ value: '\u0000several', label: 'Several columns' }] : []),
                ...columns
                  .filter((column) => column.index >= 0)
                  .map((column) => ({ value: column.field, label: column.header })),
              ]}
              onChange={(field) => {
                if (field === '\u0000several') return
                const [first] = field === '' ? [] : defaultSort(field, columns)
                set(['sorting', 'defaultSort'], sortLeaf(first ? [first] : []))
              }}
            />
            {rule && further.length === 0 && (
              <Choice
                label="Direction"
                testId="default-sort-direction"
                value={rule.desc ? 'desc' : 'asc'}
                disabled={!editable}
                options={[
                  { value: 'asc', label: 'Ascending' },
                  { value: 'desc', label: 'Descending' },
                ]}
                onChange={(way) => set(['sorting', 'defaultSort'], sortLeaf([{ id: rule.id, desc: way === 'desc' }]))}
              />
            )}
          </div>
        </>
      )}
      <div className="insp-pair">
        <Check
          label="Pages"
          checked={content.pages}
          disabled={!editable}
          onChange={(on) => set(['pagination', 'enabled'], on)}
        />
        {content.pages && (
          <NumberCommit
            label="Rows on a page"
            value={typeof content.pageSize === 'number' ? content.pageSize : DEFAULT_PAGE}
            disabled={!editable}
            whole
            min={1}
            max={MAX_PAGE}
            onCommit={(size) => set(['pagination', 'pageSize'], size ?? DEFAULT_PAGE)}
          />
        )}
      </div>
      <Check
        label="Readers may sort"
        checked={content.sortable}
        disabled={!editable}
        onChange={(on) => set(['sorting', 'enabled'], on)}
      />
      <Check
        label="Readers may filter and search"
        checked={content.filter}
        disabled={!editable}
        onChange={(on) => set(['filtering', 'enabled'], on)}
      />
      <Check
        label="Keep the first column in view"
        checked={content.pinFirst}
        disabled={!editable}
        onChange={(on) => set(['pin_first'], on)}
      />
    </div>
  )
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
      // A column of both keeps its map, in which somebody may be writing right now.
      for (const field of fields) if (!names.has(field)) setContent(block, ['columns', field], undefined)
      writeColumns(block, dataset.columns)
      setContent(block, ['sorting', 'defaultSort'], undefined)
    }
    if (typeof title !== 'string' || title === '') setContent(block, ['title'], dataset.name)
  })
}

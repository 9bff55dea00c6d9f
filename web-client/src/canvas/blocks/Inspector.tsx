/**
 * The inspector of a block: what it is and what it shows, changed as one gesture at a time. Every gesture is one
 * transaction, so it is one undo step and one update on the wire, and only ever sets leaves.
 */
import { generateNKeysBetween } from 'fractional-indexing'
import { AreaChart, ChartColumn, ChartLine, ChartPie, ChartScatter } from 'lucide-react'
import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useStore } from 'zustand'
import { type Block, blocksMap, blockType, edit, getContent, type JsonObject, setContent } from '../../doc/schema'
import { useY } from '../../doc/useY'
import type { Dataset } from '../../platform/datasets/api'
import type { Column } from '../../platform/datasets/cells'
import { DatasetPicker } from '../../platform/datasets/DatasetPicker'
import { useDataset, useReadRows } from '../../platform/datasets/hooks'
import { TextField } from '../../ui/TextField'
import { AGGREGATIONS, type Aggregation, CHART_TYPES, type ChartType } from './chart/aggregate'
import { readChart } from './chart/fields'
import { isSuggestedTitle, type Suggestion, suggest } from './chart/suggest'
import { FORMATS, type Format } from './format'
import './inspector.css'
import type { InspectorProps } from './registry'
import { sourceOf } from './source'
import { columnsFor, type TableColumn, tableColumns } from './table/columns'

export default function Inspector({ id, block, session }: InspectorProps) {
  const type = useY(block, blockType)
  const editable = useStore(session.store, (state) => state.canEdit)
  const props = { id, block, session, editable }
  switch (type) {
    case 'chart':
      return <ChartInspector {...props} />
    case 'table':
      return <TableInspector {...props} />
    case 'narrative':
      return <NarrativeHelp />
    default:
      return (
        <div className="insp">
          <p className="insp-note">There is nothing to set for a block of type “{type.slice(0, 40)}”.</p>
        </div>
      )
  }
}

type Props = InspectorProps & { editable: boolean }

const CHART_NAMES: Record<ChartType, { label: string; icon: ReactNode }> = {
  bar: { label: 'Bar', icon: <ChartColumn aria-hidden /> },
  line: { label: 'Line', icon: <ChartLine aria-hidden /> },
  area: { label: 'Area', icon: <AreaChart aria-hidden /> },
  scatter: { label: 'Scatter', icon: <ChartScatter aria-hidden /> },
  pie: { label: 'Pie', icon: <ChartPie aria-hidden /> },
}

const AGGREGATION_NAMES: Record<Aggregation, string> = {
  sum: 'Sum',
  avg: 'Average',
  count: 'Count',
  min: 'Minimum',
  max: 'Maximum',
  none: 'None (every row)',
}

function ChartInspector({ id, block, session, editable }: Props) {
  const content = useY(block, readChart)
  const source = useY(block, sourceOf)
  const dataset = useDataset(source.datasetId)
  const pick = usePick({ id, block, session })
  const columns = dataset.data?.columns ?? []
  const set = (path: string[], value: string) => setContent(block, path, value)
  const counted = content.y === ''

  return (
    <div className="insp">
      <h2 className="insp-head">Chart</h2>
      <Commit label="Title" value={content.title} disabled={!editable} onCommit={(title) => set(['title'], title)} />
      <DatasetPicker
        value={source.datasetId}
        disabled={!editable || pick.busy}
        onPick={(chosen) => void pick.run(chosen)}
      />
      <fieldset className="insp-types" disabled={!editable}>
        <legend className="ui-field-label">Chart type</legend>
        {CHART_TYPES.map((type) => (
          <button
            key={type}
            type="button"
            aria-pressed={content.chartType === type}
            data-testid={`chart-type-${type}`}
            onClick={() => set(['chart_type'], type)}
          >
            {CHART_NAMES[type].icon}
            {CHART_NAMES[type].label}
          </button>
        ))}
      </fieldset>
      {source.datasetId !== '' && (
        <>
          <Choice
            label={content.chartType === 'pie' ? 'Slices' : 'X axis'}
            value={content.x}
            disabled={!editable}
            options={fieldOptions(columns, content.x, 'Nothing (all rows together)')}
            onChange={(x) => set(['config', 'x_axis'], x)}
          />
          <Choice
            label={content.chartType === 'pie' ? 'Size' : 'Y axis'}
            value={content.y}
            disabled={!editable}
            options={fieldOptions(columns, content.y, 'Number of rows')}
            onChange={(y) => set(['config', 'y_axis'], y)}
          />
          <Choice
            label="Aggregation"
            value={counted ? 'count' : content.aggregation}
            disabled={!editable || counted}
            options={AGGREGATIONS.map((value) => ({ value, label: AGGREGATION_NAMES[value] }))}
            onChange={(aggregation) => set(['config', 'aggregation'], aggregation)}
          />
          {content.chartType !== 'pie' && (
            <Choice
              label="Colour"
              value={content.color}
              disabled={!editable}
              options={fieldOptions(columns, content.color, 'One colour')}
              onChange={(color) => set(['config', 'color'], color)}
            />
          )}
        </>
      )}
    </div>
  )
}

/** Choosing a dataset for a chart: its rows are read first, so that dataset and fields change in one step. */
function usePick({ id, block, session }: InspectorProps) {
  const readRows = useReadRows()
  const [busy, setBusy] = useState(false)
  const run = async (dataset: Dataset) => {
    setBusy(true)
    let found: Suggestion
    try {
      const rows = await readRows(dataset.id)
      found = suggest(dataset.columns, rows.columns, rows.rows)
    } catch {
      // The chart will show why the rows cannot be read; the columns alone allow a guess.
      found = suggest(dataset.columns, [], [])
    } finally {
      setBusy(false)
    }
    // Somebody may have deleted the block, or this session may have become a viewer's, while the rows were read.
    if (blocksMap(session.doc).get(id) !== block || !session.canEdit) return
    applyDataset(block, dataset, found)
  }
  return { busy, run }
}

/** Sets the dataset of a chart, and new fields unless those it has are all columns of this dataset too. */
export function applyDataset(block: Block, dataset: Dataset, found: Suggestion): void {
  const doc = block.doc
  if (!doc) return
  const now = readChart(block)
  const names = new Set(dataset.columns.map((column) => column.name))
  const used = [now.x, now.y, now.color].filter((name) => name !== '')
  edit(doc, () => {
    setContent(block, ['data_source'], { type: 'dataset', dataset_id: dataset.id })
    if (used.length > 0 && used.every((name) => names.has(name))) return
    const { chart_type, title, ...config } = found
    setContent(block, ['chart_type'], chart_type)
    setContent(block, ['config'], { ...config })
    // A title somebody wrote stays; one that was suggested for other fields would now be wrong.
    if (now.title === '' || isSuggestedTitle(now.title, now.x, now.y)) setContent(block, ['title'], title)
  })
}

function fieldOptions(columns: Column[], value: string, none: string) {
  const options = [{ value: '', label: none }, ...columns.map(({ name }) => ({ value: name, label: name }))]
  if (value !== '' && !columns.some((column) => column.name === value)) {
    options.push({ value, label: columns.length > 0 ? `${value} (not in this dataset)` : value })
  }
  return options
}

function TableInspector({ id, block, session, editable }: Props) {
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
      <h2 className="insp-head">Table</h2>
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

function NarrativeHelp() {
  const rows: [string, string][] = [
    ['# Title', 'Heading, up to ######'],
    ['**bold**', 'Ctrl+B'],
    ['*italic*', 'Ctrl+I'],
    ['`code`', 'Ctrl+E'],
    ['- item', 'List; Enter goes on, Enter twice ends'],
    ['- [ ] task', 'Checkbox'],
    ['> quote', 'Quotation'],
    ['[text](https://…)', 'Link; Ctrl+click opens it'],
    ['{{key}}', 'The value bound to key'],
    ['Esc', 'Leave the text'],
  ]
  return (
    <div className="insp">
      <h2 className="insp-head">Narrative</h2>
      <p className="insp-note">
        The text is Markdown. The line you are on shows its marks, the others show the result.
      </p>
      <dl className="insp-help">
        {rows.map(([mark, meaning]) => (
          <div key={mark}>
            <dt>
              <code>{mark}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

interface CommitProps {
  label: string
  value: string
  disabled: boolean
  onCommit: (value: string) => void
}

/** A text written when the person is done with it: on Enter, on leaving, or when the panel goes away. Escape takes it back. */
function Commit({ label, value, disabled, onCommit }: CommitProps) {
  const [draft, setDraft] = useState<string | null>(null)
  const latest = useRef({ draft, value, onCommit })
  latest.current = { draft, value, onCommit }
  const commit = () => {
    const now = latest.current
    latest.current = { ...now, draft: null }
    if (now.draft !== null && now.draft.trim() !== now.value) now.onCommit(now.draft.trim())
  }
  const commitLatest = useRef(commit)
  commitLatest.current = commit
  // Clicking another block takes this panel away before the field hears that it lost the focus.
  useEffect(() => () => commitLatest.current(), [])
  return (
    <TextField
      label={label}
      value={draft ?? value}
      disabled={disabled}
      maxLength={200}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => {
        commit()
        setDraft(null)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          commit()
          setDraft(null)
        } else if (event.key === 'Escape') {
          latest.current = { ...latest.current, draft: null }
          setDraft(null)
        }
      }}
    />
  )
}

interface ChoiceProps {
  label: string
  value: string
  disabled: boolean
  options: { value: string; label: string }[]
  onChange: (value: string) => void
}

function Choice({ label, value, disabled, options, onChange }: ChoiceProps) {
  const id = useId()
  return (
    <div className="ui-field">
      <label className="ui-field-label" htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        className="ui-input"
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  )
}

interface CheckProps {
  label: string
  checked: boolean
  disabled: boolean
  onChange: (on: boolean) => void
}

function Check({ label, checked, disabled, onChange }: CheckProps) {
  return (
    <label className="insp-check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  )
}

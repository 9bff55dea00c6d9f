/** The settings of a chart. Every gesture is one transaction: one undo step, one update on the wire, leaves only. */
import { AreaChart, ChartColumn, ChartLine, ChartPie, ChartScatter } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { type Block, blocksMap, edit, setContent } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Dataset } from '../../../platform/datasets/api'
import type { Column } from '../../../platform/datasets/cells'
import { DatasetPicker } from '../../../platform/datasets/DatasetPicker'
import { useDataset, useReadRows } from '../../../platform/datasets/hooks'
import { Choice, Commit } from '../fields'
import type { InspectorProps } from '../registry'
import { sourceOf } from '../source'
import { AGGREGATIONS, type Aggregation, CHART_TYPES, type ChartType } from './aggregate'
import { readChart } from './fields'
import { isSuggestedTitle, type Suggestion, suggest } from './suggest'

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

export default function ChartInspector({ id, block, session, editable }: InspectorProps) {
  const content = useY(block, readChart)
  const source = useY(block, sourceOf)
  const dataset = useDataset(source.datasetId)
  const pick = usePick({ id, block, session })
  const columns = dataset.data?.columns ?? []
  const set = (path: string[], value: string) => setContent(block, path, value)
  const counted = content.y === ''

  return (
    <div className="insp">
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
function usePick({ id, block, session }: Pick<InspectorProps, 'id' | 'block' | 'session'>) {
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

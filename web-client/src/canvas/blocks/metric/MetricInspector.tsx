/** The settings of a metric. Every gesture is one transaction: one undo step, one update on the wire, leaves only. */
import { useState } from 'react'
import { type Block, blocksMap, edit, setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Dataset } from '../../../platform/datasets/api'
import { DatasetPicker } from '../../../platform/datasets/DatasetPicker'
import { useDataset, useReadRows, useRows } from '../../../platform/datasets/hooks'
import { TIME_UNITS } from '../../../platform/datasets/periods'
import { Check, Choice, Commit, NumberCommit } from '../fields'
import { NUMBER_FORMATS } from '../format'
import { Group } from '../Group'
import { columnOptions, FOLD_NAMES, NUMBER_FORMAT_NAMES, optionsOf, UNIT_NAMES } from '../labels'
import type { InspectorProps } from '../registry'
import { Segments } from '../Segments'
import { SharedFilters } from '../SharedFilters'
import { sourceOf } from '../source'
import type { MetricAggregation } from './compute'
import { readMetric } from './fields'
import { type MetricSuggestion, suggestMetric } from './suggest'
import { suggestedTitle } from './words'

const AGGREGATION_NAMES: Record<MetricAggregation, string> = {
  ...FOLD_NAMES,
  count: 'Count of values',
  last: 'Latest period',
  first: 'First period',
}

export default function MetricInspector({ id, block, session, editable }: InspectorProps) {
  const content = useY(block, readMetric)
  const source = useY(block, sourceOf)
  const dataset = useDataset(source.datasetId)
  const rows = useRows(source.datasetId)
  const pick = usePick({ id, block, session })
  const columns = dataset.data?.columns ?? []
  const disabled = !editable
  const set = (key: string, value: string | number | boolean | null) =>
    step(session, () => setContent(block, ['config', key], value))
  const counted = content.y === ''
  const dated = columns.find((column) => column.name === content.x)?.type === 'date'
  const folds: MetricAggregation[] = counted
    ? ['count', 'last', 'first']
    : ['sum', 'avg', 'median', 'min', 'max', 'count', 'distinct', 'last', 'first']

  return (
    <div className={source.datasetId === '' ? 'insp' : 'insp insp-parted'}>
      <Commit
        label="Title"
        value={content.title}
        disabled={disabled}
        onCommit={(title) => step(session, () => setContent(block, ['title'], title))}
      />
      <DatasetPicker
        value={source.datasetId}
        disabled={disabled || pick.busy}
        onPick={(chosen) => void pick.run(chosen)}
      />
      {source.datasetId !== '' && (
        <>
          <Group name="Value" open>
            <Choice
              label="Column"
              value={content.y}
              disabled={disabled}
              testId="metric-column"
              options={columnOptions(columns, content.y, 'Number of rows')}
              onChange={(y) => step(session, () => setField(block, { y_axis: y }))}
            />
            <Choice
              label="Calculation"
              value={counted && !folds.includes(content.aggregation) ? 'count' : content.aggregation}
              disabled={disabled}
              testId="metric-aggregation"
              options={
                counted
                  ? [{ value: 'count', label: 'Count' }, ...optionsOf(AGGREGATION_NAMES, ['last', 'first'])]
                  : optionsOf(AGGREGATION_NAMES, folds)
              }
              onChange={(aggregation) => step(session, () => setField(block, { aggregation }))}
            />
            {rows.data && (
              <SharedFilters
                session={session}
                block={block}
                disabled={disabled}
                data={{ columns, order: rows.data.columns, rows: rows.data.rows }}
              />
            )}
          </Group>
          <Group name="Over time" open>
            <div className="insp-pair">
              <Choice
                label="Along"
                value={content.x}
                disabled={disabled}
                testId="metric-along"
                options={columnOptions(columns, content.x, 'Nothing')}
                onChange={(x) => set('x_axis', x)}
              />
              {dated && (
                <Choice
                  label="By"
                  value={content.timeUnit}
                  disabled={disabled}
                  testId="metric-unit"
                  options={optionsOf(UNIT_NAMES, TIME_UNITS)}
                  onChange={(unit) => set('time_unit', unit)}
                />
              )}
            </div>
            {content.x !== '' && (
              <>
                {content.aggregation !== 'first' && content.aggregation !== 'last' && (
                  <Segments
                    label="The number is of"
                    value={content.span}
                    disabled={disabled}
                    options={[
                      { value: 'all', label: 'All rows' },
                      { value: 'last', label: 'Latest period' },
                    ]}
                    onChange={(span) => set('period', span)}
                  />
                )}
                <Segments
                  label="Compare the last with"
                  value={content.compare}
                  disabled={disabled}
                  options={[
                    { value: 'previous', label: 'Previous' },
                    { value: 'first', label: 'First' },
                    { value: 'none', label: 'Nothing' },
                  ]}
                  onChange={(compare) => set('compare', compare)}
                />
                {content.compare !== 'none' && (
                  <Segments
                    label="Which is better"
                    value={content.better}
                    disabled={disabled}
                    options={[
                      { value: 'up', label: 'Higher' },
                      { value: 'down', label: 'Lower' },
                      { value: 'none', label: 'Neither' },
                    ]}
                    onChange={(better) => set('better', better)}
                  />
                )}
                <Check
                  label="Show the line"
                  checked={content.sparkline}
                  disabled={disabled}
                  onChange={(on) => set('sparkline', on)}
                />
              </>
            )}
          </Group>
          <Group name="Number" open>
            <div className="insp-pair">
              <Choice
                label="Format"
                value={content.measure.format}
                disabled={disabled}
                testId="metric-format"
                options={optionsOf(NUMBER_FORMAT_NAMES, NUMBER_FORMATS)}
                onChange={(format) => set('number_format', format)}
              />
              <NumberCommit
                label="Decimals"
                value={content.measure.decimals}
                disabled={disabled}
                placeholder="Automatic"
                min={0}
                max={10}
                whole
                onCommit={(decimals) => set('decimals', decimals)}
              />
            </div>
            <div className="insp-pair">
              {content.measure.format === 'currency' && (
                <Commit
                  label="Currency"
                  value={content.measure.currency}
                  disabled={disabled}
                  onCommit={(currency) => {
                    const code = currency.toUpperCase()
                    // What is no code would be shown as dollars: the field goes back instead.
                    if (/^[A-Z]{3}$/.test(code)) set('currency', code)
                  }}
                />
              )}
              <Commit
                label="Unit"
                value={content.unit}
                disabled={disabled}
                onCommit={(unit) => set('unit', unit.slice(0, 24))}
              />
            </div>
          </Group>
        </>
      )}
    </div>
  )
}

/** Another column or calculation; a title that only named the old one goes with it. */
function setField(block: Block, change: { y_axis?: string; aggregation?: string }): void {
  const before = readMetric(block)
  setContent(block, ['config'], change)
  if (before.title === suggestedTitle(before)) setContent(block, ['title'], suggestedTitle(readMetric(block)))
}

/** Choosing a dataset for a metric: its rows are read first, so that dataset and fields change in one step. */
function usePick({ id, block, session }: Pick<InspectorProps, 'id' | 'block' | 'session'>) {
  const readRows = useReadRows()
  const [busy, setBusy] = useState(false)
  const run = async (dataset: Dataset) => {
    setBusy(true)
    let found: MetricSuggestion
    try {
      const rows = await readRows(dataset.id)
      found = suggestMetric(dataset.columns, rows.columns, rows.rows)
    } catch {
      // The metric will show why the rows cannot be read; the columns alone allow a guess.
      found = suggestMetric(dataset.columns, [], [])
    } finally {
      setBusy(false)
    }
    // Somebody may have deleted the block, or this session may have become a viewer's, while the rows were read.
    if (blocksMap(session.doc).get(id) !== block || !session.canEdit) return
    step(session, () => applyMetricDataset(block, dataset, found))
  }
  return { busy, run }
}

/** Sets the dataset of a metric, and new fields unless those it has are all columns of this dataset too. */
export function applyMetricDataset(block: Block, dataset: Dataset, found: MetricSuggestion): void {
  const doc = block.doc
  if (!doc) return
  const now = readMetric(block)
  const names = new Set(dataset.columns.map((column) => column.name))
  const used = [now.y, now.x].filter((name) => name !== '')
  edit(doc, () => {
    setContent(block, ['data_source'], { type: 'dataset', dataset_id: dataset.id })
    if (used.length > 0 && used.every((name) => names.has(name))) return
    setContent(block, ['config'], { ...found })
    // A title somebody wrote stays; one that was suggested for other fields would now be wrong.
    if (now.title === '' || now.title === suggestedTitle(now)) {
      setContent(block, ['title'], suggestedTitle(readMetric(block)))
    }
  })
}

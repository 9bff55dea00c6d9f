/**
 * The settings of a chart. Every gesture is one transaction: one undo step, one update on the wire, leaves only. The block
 * beside the panel is the preview.
 */
import { AreaChart, ChartColumn, ChartLine, ChartPie, ChartScatter, Lightbulb, X } from 'lucide-react'
import { type ReactNode, useMemo, useState } from 'react'
import { type Block, blocksMap, edit, type Json, setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Dataset } from '../../../platform/datasets/api'
import type { Column } from '../../../platform/datasets/cells'
import { DatasetPicker } from '../../../platform/datasets/DatasetPicker'
import { useDataset, useReadRows, useRows } from '../../../platform/datasets/hooks'
import { TIME_UNITS } from '../../../platform/datasets/periods'
import { Check, Choice, Commit, NumberCommit } from '../fields'
import { NUMBER_FORMATS } from '../format'
import { Group } from '../Group'
import { CURRENCIES, columnOptions, FOLD_NAMES, NUMBER_FORMAT_NAMES, optionsOf, UNIT_NAMES } from '../labels'
import type { InspectorProps } from '../registry'
import { Segments } from '../Segments'
import { sourceOf } from '../source'
import './settings.css'
import { AGGREGATIONS, type Aggregation, CHART_TYPES, type ChartType, SORTS, type Sort } from './aggregate'
import { useDrawn } from './drawn'
import { type ChartContent, readChart } from './fields'
import { hintsFor } from './hints'
import type { Key } from './plot'
import { isSuggestedTitle, refit, type Suggestion, suggest } from './suggest'

const CHART_NAMES: Record<ChartType, { label: string; icon: ReactNode }> = {
  bar: { label: 'Bar', icon: <ChartColumn aria-hidden /> },
  line: { label: 'Line', icon: <ChartLine aria-hidden /> },
  area: { label: 'Area', icon: <AreaChart aria-hidden /> },
  scatter: { label: 'Scatter', icon: <ChartScatter aria-hidden /> },
  pie: { label: 'Pie', icon: <ChartPie aria-hidden /> },
}

const AGGREGATION_NAMES: Record<Aggregation, string> = { ...FOLD_NAMES, none: 'Every row' }

const SORT_NAMES: Record<Sort, string> = {
  auto: 'Automatic',
  label: 'By name',
  '-label': 'By name, reversed',
  '-value': 'Largest first',
  value: 'Smallest first',
}

type Change = (path: string[], value: Json) => void

export default function ChartInspector({ id, block, session, editable }: InspectorProps) {
  const content = useY(block, readChart)
  const source = useY(block, sourceOf)
  const dataset = useDataset(source.datasetId)
  const rows = useRows(source.datasetId)
  const pick = usePick({ id, block, session })
  const drawn = useDrawn(id)
  const [dismissed, setDismissed] = useState<readonly string[]>([])
  const columns = dataset.data?.columns ?? NO_COLUMNS
  const set: Change = (path, value) => step(session, () => setContent(block, path, value))
  const config = (key: string, value: Json) => set(['config', key], value)

  /** Another field, and with it what was only there because of the old one. */
  const setFields = (fields: { x?: string; y?: string }) =>
    step(session, () => {
      const next = { x: fields.x ?? content.x, y: fields.y ?? content.y }
      const { chart_type, title, ...more } = refit(
        content,
        next,
        columns,
        rows.data?.columns ?? [],
        rows.data?.rows ?? [],
      )
      setContent(block, ['config'], { x_axis: next.x, y_axis: next.y, ...more })
      if (chart_type) setContent(block, ['chart_type'], chart_type)
      if (title) setContent(block, ['title'], title)
    })

  const hints = useMemo(
    () => (drawn && columns.length > 0 ? hintsFor(content, columns, drawn.data, drawn.unshown) : []),
    [content, columns, drawn],
  )
  const shownHints = hints.filter((hint) => !dismissed.includes(hint.id))
  const counted = content.y === ''
  const pie = content.chartType === 'pie'
  const dated = columns.find((column) => column.name === content.x)?.type === 'date'
  const continuous = drawn !== undefined && drawn.data.axis !== 'category'

  return (
    <div className="insp insp-parted">
      <Commit label="Title" value={content.title} disabled={!editable} onCommit={(title) => set(['title'], title)} />
      <fieldset className="insp-types" disabled={!editable}>
        <legend className="ui-field-label">Chart type</legend>
        {CHART_TYPES.map((type) => (
          <button
            key={type}
            type="button"
            aria-pressed={content.chartType === type}
            data-testid={`chart-type-${type}`}
            onClick={() => content.chartType !== type && set(['chart_type'], type)}
          >
            {CHART_NAMES[type].icon}
            {CHART_NAMES[type].label}
          </button>
        ))}
      </fieldset>
      {editable && shownHints.length > 0 && (
        <ul className="chart-hints" aria-label="Suggestions">
          {shownHints.map((hint) => (
            <li key={hint.id} data-testid={`chart-hint-${hint.id}`}>
              <Lightbulb aria-hidden size={14} />
              <span>{hint.text}</span>
              <button
                type="button"
                className="chart-hint-do"
                onClick={() =>
                  step(session, () => {
                    if (hint.change.chart_type) setContent(block, ['chart_type'], hint.change.chart_type)
                    if (hint.change.config) setContent(block, ['config'], hint.change.config)
                  })
                }
              >
                {hint.label}
              </button>
              <button
                type="button"
                className="chart-hint-x"
                aria-label={`Dismiss: ${hint.text}`}
                onClick={() => setDismissed([...dismissed, hint.id])}
              >
                <X aria-hidden size={12} />
              </button>
            </li>
          ))}
        </ul>
      )}

      <Group name="Data" open>
        <DatasetPicker
          value={source.datasetId}
          disabled={!editable || pick.busy}
          onPick={(chosen) => void pick.run(chosen)}
        />
        {source.datasetId !== '' && (
          <>
            <div className={dated && content.aggregation !== 'none' ? 'insp-pair' : undefined}>
              <Choice
                label={pie ? 'Slices' : 'X axis'}
                value={content.x}
                disabled={!editable}
                testId="chart-x"
                options={columnOptions(columns, content.x, 'Nothing (all rows together)')}
                onChange={(x) => setFields({ x })}
              />
              {dated && content.aggregation !== 'none' && (
                <Choice
                  label="Group by"
                  value={content.timeUnit}
                  disabled={!editable}
                  testId="chart-unit"
                  options={optionsOf(UNIT_NAMES, TIME_UNITS)}
                  onChange={(unit) => config('time_unit', unit)}
                />
              )}
            </div>
            <div className="insp-pair">
              <Choice
                label={pie ? 'Size' : 'Y axis'}
                value={content.y}
                disabled={!editable}
                testId="chart-y"
                options={columnOptions(columns, content.y, 'Number of rows')}
                onChange={(y) => setFields({ y })}
              />
              <Choice
                label="Aggregation"
                value={counted ? 'count' : content.aggregation}
                disabled={!editable || counted}
                testId="chart-aggregation"
                options={optionsOf(AGGREGATION_NAMES, AGGREGATIONS)}
                onChange={(aggregation) => config('aggregation', aggregation)}
              />
            </div>
            {!pie && (
              <Choice
                label="Colour by"
                value={content.color}
                disabled={!editable}
                testId="chart-color"
                options={columnOptions(columns, content.color, 'One colour')}
                onChange={(color) => config('color', color)}
              />
            )}
            <div className="insp-pair">
              <Choice
                label="Sort"
                value={content.sort}
                disabled={!editable || continuous}
                testId="chart-sort"
                options={optionsOf(SORT_NAMES, SORTS)}
                onChange={(sort) => config('sort', sort)}
              />
              <NumberCommit
                label={continuous && content.color !== '' ? 'Most series' : 'Show at most'}
                value={content.limit === 0 ? null : content.limit}
                disabled={!editable || (continuous && content.color === '')}
                placeholder="All"
                min={0}
                max={1000}
                whole
                onCommit={(limit) => config('limit', limit ?? 0)}
              />
            </div>
          </>
        )}
      </Group>

      <Group name="Look" open>
        {(content.chartType === 'bar' || content.chartType === 'area') && (
          <Segments
            label="Stacking"
            value={content.stack}
            disabled={!editable}
            options={[
              { value: 'auto', label: 'Auto' },
              { value: 'none', label: 'None' },
              { value: 'stacked', label: 'Stacked' },
              { value: 'percent', label: '100%' },
            ]}
            onChange={(stack) => config('stack', stack)}
          />
        )}
        {content.chartType === 'bar' && (
          <Segments
            label="Direction"
            value={content.orientation}
            disabled={!editable}
            options={[
              { value: 'auto', label: 'Auto' },
              { value: 'vertical', label: 'Upright' },
              { value: 'horizontal', label: 'Lying' },
            ]}
            onChange={(orientation) => config('orientation', orientation)}
          />
        )}
        <Segments
          label="Legend"
          value={content.legend}
          disabled={!editable}
          options={[
            { value: 'auto', label: 'Auto' },
            { value: 'top', label: 'Top' },
            { value: 'right', label: 'Right' },
            { value: 'hidden', label: 'Hidden' },
          ]}
          onChange={(legend) => config('legend', legend)}
        />
        <Check
          label="Value labels"
          checked={content.labels}
          disabled={!editable}
          onChange={(on) => config('labels', on)}
        />
        {(content.chartType === 'line' || content.chartType === 'area') && (
          <Check
            label="Smooth lines"
            checked={content.smooth}
            disabled={!editable}
            onChange={(on) => config('smooth', on)}
          />
        )}
        <Check
          label="Decals (patterns beside colours)"
          checked={content.decals}
          disabled={!editable}
          onChange={(on) => set(['style', 'decals'], on)}
        />
        {drawn && drawn.keys.length > 0 && (
          <Colours
            content={content}
            keys={drawn.keys}
            editable={editable}
            onChange={(colors) => set(['style', 'colors'], colors)}
          />
        )}
      </Group>

      {!pie && (
        <Group name="Axes" open={false}>
          <div className="insp-pair">
            <Commit
              label="X title"
              value={content.xTitle}
              placeholder={content.x || 'None'}
              disabled={!editable}
              onCommit={(title) => config('x_title', title)}
            />
            <Commit
              label="Y title"
              value={content.yTitle}
              placeholder={drawn?.data.measure ?? 'Automatic'}
              disabled={!editable}
              onCommit={(title) => config('y_title', title)}
            />
          </div>
          <div className="insp-pair">
            <NumberCommit
              label="Y from"
              value={content.yMin}
              placeholder="Auto"
              disabled={!editable || content.stack === 'percent'}
              onCommit={(value) => config('y_min', value)}
            />
            <NumberCommit
              label="Y to"
              value={content.yMax}
              placeholder="Auto"
              disabled={!editable || content.stack === 'percent'}
              onCommit={(value) => config('y_max', value)}
            />
          </div>
          <Segments
            label="Y scale"
            value={content.scale}
            disabled={!editable}
            options={[
              { value: 'linear', label: 'Linear' },
              { value: 'log', label: 'Logarithmic' },
            ]}
            onChange={(scale) => config('y_scale', scale)}
          />
        </Group>
      )}

      <Group name="Numbers" open={false}>
        <div className="insp-pair">
          <Choice
            label="Format"
            value={content.measure.format}
            disabled={!editable}
            testId="chart-format"
            options={optionsOf(NUMBER_FORMAT_NAMES, NUMBER_FORMATS)}
            onChange={(format) => config('number_format', format)}
          />
          <NumberCommit
            label="Decimals"
            value={content.measure.decimals}
            placeholder="Auto"
            min={0}
            max={10}
            whole
            disabled={!editable}
            onCommit={(decimals) => config('decimals', decimals)}
          />
        </div>
        {content.measure.format === 'currency' && (
          <Choice
            label="Currency"
            value={content.measure.currency}
            disabled={!editable}
            options={[...new Set<string>([...CURRENCIES, content.measure.currency])].map((value) => ({
              value,
              label: value,
            }))}
            onChange={(currency) => config('currency', currency)}
          />
        )}
        {content.measure.format === 'percent' && <p className="insp-note">25 is written as 25%, as in tables.</p>}
      </Group>
    </div>
  )
}

const NO_COLUMNS: Column[] = []
/** Series beyond these keep the palette's colours: a list longer than this is no choice any more. */
const COLOURED = 12
const PALETTE = [1, 2, 3, 4, 5, 6, 7, 8]
const PALETTE_NAMES = ['Blue', 'Orange', 'Green', 'Plum', 'Violet', 'Olive', 'Sky', 'Red']

/** A colour of the palette for each series. Names of the palette are kept, so that both themes have their own shade. */
function Colours({
  content,
  keys,
  editable,
  onChange,
}: {
  content: ChartContent
  keys: readonly Key[]
  editable: boolean
  onChange: (colors: string[]) => void
}) {
  const [open, setOpen] = useState<number | null>(null)
  const swatch = (key: Key): string => {
    const chosen = content.colors[key.index] ?? ''
    if (chosen !== '') return chosen.startsWith('chart-') ? `var(--${chosen})` : chosen
    return key.other ? 'var(--border-strong)' : `var(--chart-${(key.index % 10) + 1})`
  }
  const choose = (key: Key, color: string) => {
    const next = Array.from(
      { length: Math.max(content.colors.length, key.index + 1) },
      (_, at) => content.colors[at] ?? '',
    )
    next[key.index] = color
    while (next.at(-1) === '') next.pop()
    onChange(next)
  }
  return (
    <fieldset className="chart-colours" disabled={!editable}>
      <legend className="ui-field-label">Colours</legend>
      {keys.slice(0, COLOURED).map((key) => (
        <div key={key.index}>
          <button
            type="button"
            className="chart-colour"
            aria-expanded={open === key.index}
            onClick={() => setOpen(open === key.index ? null : key.index)}
          >
            <i style={{ background: swatch(key) }} aria-hidden="true" />
            <span>{key.name}</span>
          </button>
          {open === key.index && (
            <div className="chart-palette">
              {PALETTE.map((number) => (
                <button
                  key={number}
                  type="button"
                  aria-label={`${key.name}: ${PALETTE_NAMES[number - 1]}`}
                  title={PALETTE_NAMES[number - 1]}
                  aria-pressed={content.colors[key.index] === `chart-${number}`}
                  style={{ background: `var(--chart-${number})` }}
                  onClick={() => choose(key, `chart-${number}`)}
                />
              ))}
              <button
                type="button"
                className="chart-palette-auto"
                disabled={(content.colors[key.index] ?? '') === ''}
                onClick={() => choose(key, '')}
              >
                Automatic
              </button>
            </div>
          )}
        </div>
      ))}
    </fieldset>
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
    step(session, () => applyDataset(block, dataset, found))
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

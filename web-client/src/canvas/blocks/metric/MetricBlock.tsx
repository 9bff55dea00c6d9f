/**
 * One number from a dataset, large: what it is, how it changed, how it went. Which number is decided in compute.ts, in which
 * words in words.ts.
 */
import { ArrowDownRight, ArrowUpRight, ChartSpline, Download, ListFilter, Minus, Table2 } from 'lucide-react'
import { type CSSProperties, useMemo, useState } from 'react'
import type { BlockProps } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { MAX_ROWS } from '../../../platform/datasets/api'
import { noteExport } from '../../../platform/transfer/note'
import { useBlockActions } from '../blockActions'
import { csvBlob, fileName, saveBlob } from '../download'
import { FilterBar, FilterButton } from '../FilterBar'
import { applyFilters, type Filter, filterParts } from '../filters'
import { formatNumber } from '../format'
import { useView } from '../localView'
import { type SourceData, useSource } from '../source'
import { Empty, Failed, NoSource, Notes, Stale } from '../states'
import { headerOf } from '../table/columns'
import { compute, type MetricResult, type Period } from './compute'
import { type MetricContent, readMetric } from './fields'
import './metric.css'
import { Sparkline } from './Sparkline'
import { type ChangeWords, changeWords, describeMetric, periodLabel, suggestedTitle, valueText, written } from './words'

export default function MetricBlock({ id, block, session, readOnly }: BlockProps) {
  const content = useY(block, readMetric)
  const source = useSource(block)
  const { filters, own } = useView(session, id, block)
  const [tabular, setTabular] = useState(false)
  const data = source.state === 'ready' ? source.data : null
  const rows = useMemo(() => (data ? applyFilters(data.rows, data.order, data.columns, filters) : []), [data, filters])
  const result = useMemo(() => (data ? compute(content, data.columns, data.order, rows) : null), [content, data, rows])
  const title = content.title || (data ? suggestedTitle(content) : 'Metric')
  const listed = result !== null && result.periods.length > 1

  useBlockActions(
    id,
    listed
      ? [
          tabular
            ? { label: 'View as number', icon: ChartSpline, run: () => setTabular(false), testId: 'metric-as-number' }
            : { label: 'View as table', icon: Table2, run: () => setTabular(true), testId: 'metric-as-table' },
          {
            label: 'Download CSV',
            icon: Download,
            run: () => {
              save(title, content, result)
              noteExport(session.canvasId, id, 'csv')
            },
            testId: 'download-csv',
          },
        ]
      : [],
  )

  const filterProps = data && { session, id, block, readOnly, data, name: title, headerOf }
  return (
    <section className="blk metric">
      <header className="blk-head metric-head">
        <h2 className="blk-title" data-empty={content.title === '' && !data ? '' : undefined} title={title}>
          {title}
        </h2>
        {filters.length > 0 && data && (
          <span
            className="metric-filtered"
            role="img"
            aria-label={`Filtered: ${filterWords(filters, data)}`}
            title={`Only where ${filterWords(filters, data)}`}
          >
            <ListFilter aria-hidden />
          </span>
        )}
        {filterProps && <FilterButton {...filterProps} />}
      </header>
      {filterProps && (
        // What somebody filters for themselves is always in sight, with the way back; what the canvas says where there is room.
        <div className="metric-filters" data-own={own ? '' : undefined}>
          <FilterBar {...filterProps} />
        </div>
      )}
      {source.state === 'ready' && source.error !== null && <Stale error={source.error} retry={source.retry} />}
      <div className="blk-body metric-body">
        {source.state === 'none' && <NoSource foreign={source.kind === 'foreign'} readOnly={readOnly} />}
        {source.state === 'loading' && (
          <div className="metric-skeleton" role="status" aria-label="Loading">
            <i />
            <i />
          </div>
        )}
        {source.state === 'error' && <Failed error={source.error} retry={source.retry} retrying={source.retrying} />}
        {result &&
          (result.missing.length > 0 ? (
            <Empty>
              The dataset has no column {result.missing.map((name) => `“${name}”`).join(', ')}. Choose another for this
              metric.
            </Empty>
          ) : tabular && listed ? (
            <Listed content={content} result={result} title={title} />
          ) : (
            <Figure content={content} result={result} blank={rows.length === 0} filtered={filters.length > 0} />
          ))}
      </div>
      {data && result && result.missing.length === 0 && <Notes notes={notesOf(result, data)} />}
    </section>
  )
}

const filterWords = (filters: readonly Filter[], data: SourceData): string =>
  filters
    .map((filter) => {
      const { verb, value } = filterParts(filter, data.columns)
      return `${headerOf(filter.field)} ${verb} ${value}`.trim()
    })
    .join(', ')

interface FigureProps {
  content: MetricContent
  result: MetricResult
  blank: boolean
  filtered: boolean
}

function Figure({ content, result, blank, filtered }: FigureProps) {
  const text = valueText(result.value, content)
  const full = result.value === null ? text : written(result.value, content)
  const change = result.change && changeWords(result.change, content, result)
  const drawn = content.sparkline && result.periods.length > 1
  const read = (period: Period) => ({
    label: periodLabel(period, result.xType, result.unit, content.x),
    value: written(period.value, content),
  })
  // How much room the number asks for, so that its size can be worked out from the room there is.
  const style = { '--chars': Math.max(3, text.length + content.unit.length * 0.5) } as CSSProperties
  return (
    <div className="metric-figure" style={style} data-spark={drawn ? '' : undefined}>
      <div className="metric-words">
        <p
          className="metric-value"
          data-blank={result.value === null ? '' : undefined}
          title={full}
          data-testid="metric-value"
        >
          {text}
          {content.unit !== '' && result.value !== null && <span className="metric-unit">{content.unit}</span>}
        </p>
        {change ? (
          <Changed change={change} />
        ) : (
          <p className="metric-of">
            {blank
              ? filtered
                ? 'No rows pass the filters'
                : 'The dataset has no rows'
              : result.of
                ? periodLabel(result.of, result.xType, result.unit, content.x)
                : ''}
          </p>
        )}
      </div>
      {drawn ? (
        <Sparkline periods={result.periods} label={describeMetric(content, result)} read={read} />
      ) : (
        <span className="visually-hidden">{describeMetric(content, result)}</span>
      )}
    </div>
  )
}

const ARROWS = { up: ArrowUpRight, down: ArrowDownRight, same: Minus }

function Changed({ change }: { change: ChangeWords }) {
  const Arrow = ARROWS[change.direction]
  return (
    <p
      className="metric-change"
      data-verdict={change.verdict}
      data-direction={change.direction}
      data-testid="metric-change"
      title={`${change.sentence}.`}
    >
      <span className="metric-amount">
        <Arrow aria-hidden />
        <span className="visually-hidden">{change.direction === 'same' ? '' : change.direction} </span>
        {change.amount}
      </span>{' '}
      <span className="metric-against">{change.against}</span>
    </p>
  )
}

/** Rows of the list; a reader who needs more has the table block. */
const LISTED = 500

/** The periods as rows, the newest first. */
function Listed({ content, result, title }: { content: MetricContent; result: MetricResult; title: string }) {
  const rows = result.periods.slice(-LISTED).reverse()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="metric-table" tabIndex={0} aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{headerOf(content.x)}</th>
            <th scope="col">{suggestedTitle(content)}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((period) => (
            <tr key={`${period.at} ${period.cell}`}>
              <th scope="row">{periodLabel(period, result.xType, result.unit, content.x)}</th>
              <td>{written(period.value, content)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function save(title: string, content: MetricContent, result: MetricResult): void {
  const label = (period: Period) =>
    result.xType === 'date' && result.unit !== '' ? new Date(period.at).toISOString().slice(0, 10) : period.cell
  const rows = result.periods.map((period) => [label(period), period.value])
  saveBlob(fileName(title, 'metric', 'csv'), csvBlob([content.x, suggestedTitle(content)], rows))
}

function notesOf(result: MetricResult, data: SourceData): string[] {
  const notes: string[] = []
  if (data.truncated) {
    notes.push(`First ${formatNumber(data.rows.length)} of ${formatNumber(Math.max(data.total, MAX_ROWS))} rows`)
  }
  if (result.noNumber > 0) {
    notes.push(`${formatNumber(result.noNumber)} ${result.noNumber === 1 ? 'row holds' : 'rows hold'} no number`)
  }
  if (result.noPlace > 0 && result.periods.length > 0) {
    notes.push(`${formatNumber(result.noPlace)} ${result.noPlace === 1 ? 'row belongs' : 'rows belong'} to no period`)
  }
  return notes
}

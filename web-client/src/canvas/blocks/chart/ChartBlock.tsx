/**
 * A chart on a dataset. Owns what stands around the picture: title, filters, states, notes, files, the table behind it.
 * What is drawn is decided in aggregate.ts, plot.ts and options.ts; Drawing.tsx draws it.
 */
import { ChartColumn, Copy, FileDown, ImageDown, Table2 } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { BlockProps } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { MAX_ROWS } from '../../../platform/datasets/api'
import { noteExport } from '../../../platform/transfer/note'
import { IconButton } from '../../../ui/Button'
import { toast } from '../../../ui/Toast'
import { type BlockAction, useBlockActions } from '../blockActions'
import { csvBlob, fileName, saveBlob } from '../download'
import { FilterBar, FilterButton } from '../FilterBar'
import { applyFilters } from '../filters'
import { formatNumber } from '../format'
import { useView } from '../localView'
import { type SourceData, useSource } from '../source'
import { Empty, Failed, Loading, NoSource, Notes, Stale } from '../states'
import { type Aggregated, aggregate, type ChartFields, isBlank } from './aggregate'
import './chart.css'
import { Drawing, legendSide, type Size, useDecals } from './Drawing'
import { tellDrawn } from './drawn'
import { type ChartContent, NO_FIELDS, PLAIN_STYLE, readChart } from './fields'
import { drawPicture } from './picture'
import { keysOf, type Plotted, plot } from './plot'
import { TableView } from './TableView'
import { lightColors } from './theme'
import { asTable } from './words'

export default function ChartBlock({ id, block, session, readOnly }: BlockProps) {
  const content = useY(block, readChart)
  const source = useSource(block)
  const { view, filters, set } = useView(session, id, block)
  const [tabular, setTabular] = useState(false)
  const decals = useDecals(content)
  const size = useRef<Size | null>(null)
  const section = useRef<HTMLElement>(null)
  const ready = source.state === 'ready' ? source.data : null

  const { chartType, x, y, color, aggregation, timeUnit, sort, limit } = content
  const folded = useMemo(
    () =>
      ready
        ? fold(
            { chartType, x, y, color, aggregation, timeUnit, sort, limit },
            ready,
            applyFilters(ready.rows, ready.order, ready.columns, filters),
          )
        : null,
    [ready, filters, chartType, x, y, color, aggregation, timeUnit, sort, limit],
  )
  // While other rows are read, the last picture stays, with the settings it was drawn with.
  const last = useRef<{ content: ChartContent; folded: Folded; source: SourceData } | null>(null)
  if (folded && ready) last.current = { content, folded, source: ready }
  else if (source.state === 'none') last.current = null
  const kept = folded && ready ? { content, folded, source: ready } : source.state === 'loading' ? last.current : null
  const waiting = source.state === 'loading' && kept !== null

  const hidden = useMemo(() => new Set(view.hidden), [view.hidden])
  const { content: settings, folded: parts } = kept ?? NOTHING
  const plotted = useMemo(() => (parts ? plot(settings, parts.data, hidden) : null), [settings, parts, hidden])
  const drawable = kept !== null && plotted !== null && !kept.folded.blank && kept.folded.missing.length === 0

  useEffect(() => {
    if (!folded || !plotted) return
    tellDrawn(id, { data: folded.data, keys: keysOf(content, folded.data, NONE), unshown: plotted.unshown })
    return () => tellDrawn(id, null)
  }, [id, folded, plotted, content])

  const picture = () => {
    const element = section.current
    if (!kept || !plotted || !element) return Promise.reject(new Error('There is nothing to draw.'))
    const all = keysOf(kept.content, kept.folded.data, hidden).filter((key) => !hidden.has(key.name))
    const { width, height } = size.current ?? { width: 640, height: 360 }
    return drawPicture({
      content: kept.content,
      data: kept.folded.data,
      plotted,
      keys: legendSide(kept.content, all.length, null) === null ? [] : all,
      width: Math.max(width, element.clientWidth),
      height,
      colors: lightColors(element),
      decals,
    })
  }
  const failed = () => toast('The picture could not be made.')
  const actions: BlockAction[] = drawable
    ? [
        {
          label: tabular ? 'View as chart' : 'View as table',
          icon: tabular ? ChartColumn : Table2,
          testId: 'chart-view',
          run: () => setTabular(!tabular),
        },
        {
          label: 'Download PNG',
          icon: ImageDown,
          testId: 'chart-png',
          run: () =>
            void picture().then((blob) => {
              saveBlob(fileName(content.title, 'Chart', 'png'), blob)
              noteExport(session.canvasId, id, 'png')
            }, failed),
        },
        {
          label: 'Download CSV',
          icon: FileDown,
          testId: 'chart-csv',
          run: () => {
            const table = asTable(kept.content, plotted, kept.folded.data)
            saveBlob(fileName(content.title, 'Chart', 'csv'), csvBlob(table.head, table.rows))
            noteExport(session.canvasId, id, 'csv')
          },
        },
        ...(CAN_COPY
          ? [
              {
                label: 'Copy as image',
                icon: Copy,
                testId: 'chart-copy',
                run: () =>
                  void navigator.clipboard.write([new ClipboardItem({ 'image/png': picture() })]).then(
                    () => toast('Copied as an image.'),
                    () => toast('The image could not be copied.'),
                  ),
              },
            ]
          : []),
      ]
    : []
  useBlockActions(id, actions)

  const name = content.title || 'Chart'
  return (
    <section ref={section} className="blk chart">
      <header className="blk-head">
        <h2 className="blk-title" data-empty={content.title === '' ? '' : undefined} title={content.title}>
          {name}
        </h2>
        {kept && (
          <FilterButton session={session} id={id} block={block} readOnly={readOnly} data={kept.source} name={name} />
        )}
        {drawable && (
          <IconButton
            size="small"
            className="blk-action"
            label={tabular ? 'View as chart' : 'View as table'}
            icon={tabular ? <ChartColumn aria-hidden size={15} /> : <Table2 aria-hidden size={15} />}
            aria-pressed={tabular}
            onClick={() => setTabular(!tabular)}
          />
        )}
      </header>
      {kept && <FilterBar session={session} id={id} block={block} readOnly={readOnly} data={kept.source} name={name} />}
      {source.state === 'ready' && source.error !== null && <Stale error={source.error} retry={source.retry} />}
      <div className="blk-body" data-waiting={waiting ? '' : undefined} aria-busy={waiting || undefined}>
        {source.state === 'none' && <NoSource foreign={source.kind === 'foreign'} readOnly={readOnly} />}
        {source.state === 'loading' && !kept && <Loading kind="bars" />}
        {source.state === 'error' && <Failed error={source.error} retry={source.retry} retrying={source.retrying} />}
        {kept &&
          plotted &&
          (kept.folded.missing.length > 0 ? (
            <Empty>
              The dataset has no column {kept.folded.missing.map((column) => `“${column}”`).join(', ')}. Choose other
              fields for this chart.
            </Empty>
          ) : kept.folded.blank ? (
            <Empty>
              {kept.source.rows.length === 0
                ? 'The dataset has no rows.'
                : filters.length > 0 && kept.folded.rows === 0
                  ? 'No row passes the filters.'
                  : 'The chosen fields hold no numbers to draw. Choose other fields or another aggregation.'}
            </Empty>
          ) : tabular ? (
            <TableView content={kept.content} plotted={plotted} data={kept.folded.data} />
          ) : (
            <Drawing
              content={kept.content}
              data={kept.folded.data}
              plotted={plotted}
              hidden={hidden}
              onHidden={(names) => set({ hidden: names })}
              sizeRef={size}
            />
          ))}
        {waiting && <span className="chart-waiting" role="status" aria-label="Loading" />}
      </div>
      {drawable && <Notes notes={notesOf(kept.folded, plotted, kept.source)} />}
    </section>
  )
}

const NOTHING = { content: { ...PLAIN_STYLE, ...NO_FIELDS, title: '' }, folded: null }
const NONE: ReadonlySet<string> = new Set()
const CAN_COPY = typeof ClipboardItem !== 'undefined' && typeof navigator.clipboard?.write === 'function'

interface Folded {
  data: Aggregated
  /** Rows that passed the filters. */
  rows: number
  blank: boolean
  missing: string[]
}

function fold(fields: ChartFields, source: SourceData, rows: SourceData['rows']): Folded {
  const missing = [fields.x, fields.y, fields.color].filter((name) => name !== '' && !source.order.includes(name))
  const data = aggregate(fields, source.columns, source.order, rows)
  return { data, rows: rows.length, blank: isBlank(data), missing }
}

/** Whatever is not drawn is said. */
function notesOf({ data }: Folded, plotted: Plotted, source: SourceData): string[] {
  const notes: string[] = []
  const say = (count: number, one: string, many: string) => {
    if (count > 0) notes.push(`${formatNumber(count)} ${count === 1 ? one : many}`)
  }
  if (source.truncated) {
    notes.push(`First ${formatNumber(source.rows.length)} of ${formatNumber(Math.max(source.total, MAX_ROWS))} rows`)
  }
  if (data.axis === 'category') say(data.hiddenCategories, 'more not shown', 'more not shown')
  else say(data.hiddenCategories, 'more point not shown', 'more points not shown')
  say(data.hiddenSeries, 'more series not shown', 'more series not shown')
  const folded = data.foldedCategories + data.foldedSeries
  if (folded > 0) notes.push(`“Other” stands for ${formatNumber(folded)}`)
  say(data.skippedRows, 'row has no value to draw', 'rows have no value to draw')
  say(
    plotted.unshown,
    'value at or below zero has no place on a logarithmic scale',
    'values at or below zero have no place on a logarithmic scale',
  )
  return notes
}

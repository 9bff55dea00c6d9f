/**
 * A chart on a dataset. Owns the ECharts instance: made once, resized with the block, recoloured with the theme,
 * disposed with it. What is drawn is decided in aggregate.ts and options.ts.
 */
import { BarChart, LineChart, PieChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { ChartColumn, Table2 } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { BlockProps } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { MAX_ROWS } from '../../../platform/datasets/api'
import { IconButton } from '../../../ui/Button'
import { formatNumber } from '../format'
import { type SourceData, useSource } from '../source'
import { Empty, Failed, Loading, NoSource, Notes, Stale } from '../states'
import { type Aggregated, aggregate, isBlank } from './aggregate'
import './chart.css'
import { type ChartContent, readChart } from './fields'
import { asTable, chartOption, describe } from './options'
import { chartTheme, onThemeChange, readColors } from './theme'

use([BarChart, LineChart, PieChart, ScatterChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])

/** Rows of the table view; a reader who needs more has the table block. */
const TABLE_ROWS = 500

export default function ChartBlock({ block, readOnly }: BlockProps) {
  const content = useY(block, readChart)
  const source = useSource(block)
  const [tabular, setTabular] = useState(false)
  const data = source.state === 'ready' ? source.data : null
  const drawn = useMemo(() => (data ? draw(content, data) : null), [content, data])

  return (
    <section className="blk chart">
      <header className="blk-head">
        <h2 className="blk-title" data-empty={content.title === '' ? '' : undefined} title={content.title}>
          {content.title || 'Chart'}
        </h2>
        {drawn && !drawn.blank && drawn.missing.length === 0 && (
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
      {source.state === 'ready' && source.error !== null && <Stale error={source.error} retry={source.retry} />}
      <div className="blk-body">
        {source.state === 'none' && <NoSource foreign={source.kind === 'foreign'} readOnly={readOnly} />}
        {source.state === 'loading' && <Loading kind="bars" />}
        {source.state === 'error' && <Failed error={source.error} retry={source.retry} retrying={source.retrying} />}
        {drawn &&
          (drawn.missing.length > 0 ? (
            <Empty>
              The dataset has no column {drawn.missing.map((name) => `“${name}”`).join(', ')}. Choose other fields for
              this chart.
            </Empty>
          ) : drawn.blank ? (
            <Empty>
              {data && data.rows.length === 0
                ? 'The dataset has no rows.'
                : 'The chosen fields hold no numbers to draw. Choose other fields or another aggregation.'}
            </Empty>
          ) : tabular ? (
            <Tabular content={content} data={drawn.data} />
          ) : (
            <Drawing content={content} data={drawn.data} />
          ))}
      </div>
      {drawn && !drawn.blank && drawn.missing.length === 0 && <Notes notes={drawn.notes} />}
    </section>
  )
}

interface Drawn {
  data: Aggregated
  blank: boolean
  missing: string[]
  notes: string[]
}

function draw(content: ChartContent, source: SourceData): Drawn {
  const missing = [content.x, content.y, content.color].filter((name) => name !== '' && !source.order.includes(name))
  const data = aggregate(content, source.columns, source.order, source.rows)
  const notes: string[] = []
  if (source.truncated) {
    notes.push(`First ${formatNumber(source.rows.length)} of ${formatNumber(Math.max(source.total, MAX_ROWS))} rows`)
  }
  if (data.hiddenCategories > 0) {
    notes.push(
      data.axis === 'category'
        ? `${formatNumber(data.hiddenCategories)} more not shown`
        : `${formatNumber(data.hiddenCategories)} more points not shown`,
    )
  }
  if (data.foldedSeries > 0) notes.push(`“Other” stands for ${formatNumber(data.foldedSeries)}`)
  if (data.skippedRows > 0) {
    notes.push(`${formatNumber(data.skippedRows)} ${data.skippedRows === 1 ? 'row has' : 'rows have'} no value to draw`)
  }
  return { data, blank: isBlank(data), missing, notes }
}

function Drawing({ content, data }: { content: ChartContent; data: Aggregated }) {
  const box = useRef<HTMLDivElement>(null)
  const chart = useRef<EChartsType | null>(null)
  const [size, setSize] = useState<{ width: number; height: number } | null>(null)
  const label = useMemo(() => describe(content, data, content.title), [content, data])

  useEffect(() => {
    const element = box.current
    if (!element) return
    const made = init(element, chartTheme(readColors(element)), { renderer: 'canvas' })
    chart.current = made
    let frame = 0
    const observer = new ResizeObserver(() => {
      // One resize per frame: a drag of the corner reports many.
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => {
        const { clientWidth: width, clientHeight: height } = element
        if (width === 0 || height === 0) return
        made.resize()
        setSize((old) => (old && old.width === width && old.height === height ? old : { width, height }))
      })
    })
    observer.observe(element)
    const stop = onThemeChange(() => made.setTheme(chartTheme(readColors(element))))
    return () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
      stop()
      made.dispose()
      chart.current = null
    }
  }, [])

  useEffect(() => {
    if (!chart.current || !size) return
    const animate = !window.matchMedia('(prefers-reduced-motion: reduce)').matches
    chart.current.setOption(chartOption(content, data, { ...size, colors: content.colors, animate }), {
      notMerge: true,
    })
  }, [content, data, size])

  return <div ref={box} className="chart-canvas" role="img" aria-label={label} data-testid="chart-canvas" />
}

function Tabular({ content, data }: { content: ChartContent; data: Aggregated }) {
  const table = useMemo(() => asTable(content, data, TABLE_ROWS), [content, data])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="chart-table" tabIndex={0} aria-label={`${content.title || 'Chart'} as a table`}>
      <table>
        <thead>
          <tr>
            {table.head.map((name, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two series may share a name
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows are drawn whole and have no identity
            <tr key={at}>
              {row.map((value, index) =>
                index === 0 ? (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <th key={index} scope="row">
                    {value}
                  </th>
                ) : (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <td key={index}>{value}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {table.more > 0 && <p className="blk-notes">{formatNumber(table.more)} more rows are not listed here.</p>}
    </section>
  )
}

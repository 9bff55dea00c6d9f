/**
 * The tooltip of a chart, built from text nodes: names and values of a dataset are not to be trusted as HTML.
 * Owns what a point says: all series at that place, the largest first, with their total where they add up.
 */
import { formatMeasure, formatNumber } from '../format'
import type { Aggregated } from './aggregate'
import type { ChartContent } from './fields'
import type { ChartLook } from './options'
import { colorOf, type Plotted } from './plot'
import { labelOf, pointLabel, shareText } from './words'

interface Hit {
  seriesId?: string
  dataIndex: number
}

interface Line {
  color: string
  name: string
  value: string
  share: string
}

/** More lines than this and the tooltip is taller than the chart. */
const MAX_LINES = 12

export function tipOf(content: ChartContent, data: Aggregated, plotted: Plotted, look: ChartLook) {
  const byId = new Map(plotted.series.map((series) => [String(series.index), series]))
  const write = (value: number) => formatMeasure(value, content.measure)
  const many = plotted.series.length > 1

  const pieTip = (hit: Hit): HTMLElement | string => {
    const series = plotted.series[0]
    const value = series?.raw[hit.dataIndex]
    const index = series?.xs[hit.dataIndex]
    if (!series || index === undefined || value === null || value === undefined) return ''
    const whole = series.raw.reduce<number>((sum, one) => sum + (one ?? 0), 0)
    const other = data.foldedCategories > 0 && index === data.categories.length - 1
    return box(labelOf(data.categories[index] ?? null, data.xType, content.x, data.unit), [
      {
        color: colorOf(content.colors, look.palette, look.neutral, { index, other }),
        name: data.measure,
        value: write(value),
        share: whole > 0 ? shareText(value / whole) : '',
      },
    ])
  }

  const pointTip = (hit: Hit): HTMLElement | string => {
    const series = byId.get(hit.seriesId ?? '')
    const x = series?.xs[hit.dataIndex]
    if (!series || x === undefined) return ''
    return box(many ? series.name : '', [
      { color: '', name: content.xTitle || content.x, value: pointLabel(x, data, content), share: '' },
      { color: '', name: content.yTitle || data.measure, value: valueText(series.raw[hit.dataIndex]), share: '' },
    ])
  }
  const valueText = (value: number | null | undefined) => (value === null || value === undefined ? '–' : write(value))

  const axisTip = (hits: Hit[]): HTMLElement | string => {
    const found = hits.flatMap((hit) => {
      const series = byId.get(hit.seriesId ?? '')
      const value = series?.raw[hit.dataIndex]
      return series && value !== null && value !== undefined ? [{ series, value, at: hit.dataIndex }] : []
    })
    const first = found[0]
    const at = first ?? (hits[0] ? { series: byId.get(hits[0].seriesId ?? ''), at: hits[0].dataIndex } : null)
    const x = at?.series?.xs[at.at]
    if (x === undefined) return ''
    found.sort((a, b) => b.value - a.value)
    const lines = found.slice(0, MAX_LINES).map(({ series, value, at: index }): Line => {
      const drawn = series.drawn[index]
      return {
        color: colorOf(content.colors, look.palette, look.neutral, series),
        name: series.name,
        value: write(value),
        share: plotted.percent && drawn !== null && drawn !== undefined ? shareText(Math.abs(drawn) / 100) : '',
      }
    })
    const rest = found.length - lines.length
    const total = found.reduce((sum, one) => sum + one.value, 0)
    return box(
      pointLabel(x, data, content),
      lines,
      rest > 0 ? `and ${formatNumber(rest)} more` : '',
      plotted.stacked && found.length > 1 ? { color: '', name: 'Total', value: write(total), share: '' } : undefined,
    )
  }

  return (hit: Hit | Hit[]): HTMLElement | string => {
    if (content.chartType === 'pie') return Array.isArray(hit) ? '' : pieTip(hit)
    if (content.chartType === 'scatter') return Array.isArray(hit) ? '' : pointTip(hit)
    return axisTip(Array.isArray(hit) ? hit : [hit])
  }
}

function box(title: string, lines: Line[], rest = '', total?: Line): HTMLElement {
  const root = element('div', 'chart-tip')
  if (title) root.append(element('strong', 'chart-tip-title', title))
  const shares = lines.some((line) => line.share !== '')
  const add = (line: Line, className: string) => {
    const row = element('div', className)
    const swatch = element('i', 'chart-tip-swatch')
    if (line.color) swatch.style.background = line.color
    else swatch.hidden = true
    row.append(swatch, element('span', 'chart-tip-name', line.name), element('b', 'chart-tip-value', line.value))
    if (shares) row.append(element('span', 'chart-tip-share', line.share))
    root.append(row)
  }
  for (const line of lines) add(line, 'chart-tip-line')
  if (rest) root.append(element('div', 'chart-tip-rest', rest))
  if (total) add(total, 'chart-tip-line chart-tip-total')
  return root
}

function element(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag)
  made.className = className
  if (text) made.textContent = text
  return made
}

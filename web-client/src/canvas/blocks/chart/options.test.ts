import { describe, expect, it } from 'vitest'
import type { Cell, Column } from '../../../platform/datasets/cells'
import { aggregate } from './aggregate'
import { type ChartContent, NO_FIELDS, PLAIN_STYLE } from './fields'
import { chartOption, niceStep, ring } from './options'
import { colorOf, keysOf, plot } from './plot'
import { tipOf } from './tip'
import { asTable, describe as describeChart, shareText } from './words'

const columns: Column[] = [
  { name: 'region', type: 'string' },
  { name: 'sales', type: 'number' },
  { name: 'year', type: 'number' },
  { name: 'day', type: 'date' },
]
const order = columns.map((column) => column.name)
const rows: Cell[][] = [
  ['West', 1000, 2001, '2024-01-10'],
  ['East', 2500.5, 2002, '2024-02-10'],
  ['<img src=x onerror=alert(1)>', 10, 2003, '2024-03-10'],
]
const make = (change: Partial<ChartContent>, cells = rows, hidden: string[] = []) => {
  const content: ChartContent = { ...NO_FIELDS, ...PLAIN_STYLE, title: '', x: 'region', y: 'sales', ...change }
  const data = aggregate(content, columns, order, cells)
  return { content, data, plotted: plot(content, data, new Set(hidden)) }
}
const look = {
  width: 420,
  height: 300,
  palette: ['#111111', '#222222', '#333333'],
  neutral: '#999999',
  surface: '#ffffff',
  animate: false,
  decals: false,
}
type Drawn = {
  xAxis: Record<string, unknown>
  yAxis: Record<string, unknown>
  series: {
    stack?: string
    data: unknown[]
    itemStyle: { color?: string; decal?: { symbol: string } }
    label?: unknown
  }[]
}
const draw = (one: ReturnType<typeof make>, at = look) =>
  chartOption(one.content, one.data, one.plotted, at) as unknown as Drawn

describe('a chart in words', () => {
  it('says what it is and where it is highest and lowest', () => {
    const { content, data, plotted } = make({ title: 'Sales' }, rows.slice(0, 2))
    expect(describeChart(content, plotted, data)).toBe(
      'Bar chart, Sales: sum of sales by region. 2 values; highest 2,500.5 at East, lowest 1,000 at West.',
    )
  })

  it('says over which time and which way it goes, in the chart’s own number format', () => {
    const { content, data, plotted } = make({
      chartType: 'line',
      x: 'day',
      timeUnit: 'month',
      measure: { format: 'currency', decimals: 0, currency: 'EUR' },
    })
    const text = describeChart(content, plotted, data)
    expect(text).toContain('sum of sales by day in months')
    expect(text).toContain('From Jan 2024 to Mar 2024')
    expect(text).toContain('Falls from €1,000 to €10 (−99%)')
  })

  it('names its series, the way they are stacked, and a scale that is not linear', () => {
    const stacked = make({ x: 'year', color: 'region', stack: 'percent' })
    const text = describeChart(stacked.content, stacked.plotted, stacked.data)
    expect(text).toMatch(/^Bar chart in percent.*3 series: <img src=x onerror=alert\(1\)>, East, West/)
    const log = make({ scale: 'log' })
    expect(describeChart(log.content, log.plotted, log.data)).toContain('Logarithmic scale')
  })

  it('writes years as years', () => {
    const { content, data, plotted } = make({ chartType: 'line', x: 'year' })
    expect(describeChart(content, plotted, data)).toContain('lowest 10 at 2003')
  })

  it('writes shares that a person believes', () => {
    expect([0, 0.0004, 0.004, 0.066, 0.336, 1].map(shareText)).toEqual(['0%', '<0.1%', '0.4%', '6.6%', '34%', '100%'])
  })
})

describe('a chart as a table', () => {
  it('has a line per x and a column per series, as values and as text', () => {
    const { content, data, plotted } = make({ x: 'year', chartType: 'line', color: 'region' })
    const table = asTable(content, plotted, data)
    expect(table.head).toEqual(['year', '<img src=x onerror=alert(1)>', 'East', 'West'])
    expect(table.rows).toEqual([
      [2001, null, null, 1000],
      [2002, null, 2500.5, null],
      [2003, 10, null, null],
    ])
    expect(table.rows[0]?.map((_, index) => table.text(table.rows[0] ?? [], index))).toEqual([
      '2001',
      '–',
      '–',
      '1,000',
    ])
  })

  it('writes dates as a dataset does, and leaves hidden series out', () => {
    const { content, data, plotted } = make({ chartType: 'line', x: 'day', color: 'region' }, rows, ['East'])
    const table = asTable(content, plotted, data)
    expect(table.head).not.toContain('East')
    expect(table.rows.map((row) => row[0])).toEqual(['2024-01-10', '2024-03-10'])
  })
})

describe('what is plotted', () => {
  const two: Cell[][] = [
    ['West', 30, 2001, null],
    ['East', 10, 2001, null],
    ['West', 1, 2002, null],
    ['East', 7, 2002, null],
  ]

  it('sums to 100 where a stack is in percent, and keeps the values it stands for', () => {
    for (const chartType of ['bar', 'area'] as const) {
      const { plotted } = make({ chartType, x: 'year', color: 'region', stack: 'percent' }, two)
      expect(plotted.series.map((series) => series.drawn)).toEqual([
        [25, 87.5],
        [75, 12.5],
      ])
      expect(plotted.series.map((series) => series.raw)).toEqual([
        [10, 7],
        [30, 1],
      ])
    }
  })

  it('makes the whole of what is shown: hiding a series leaves 100', () => {
    const { plotted } = make({ x: 'year', color: 'region', stack: 'percent' }, two, ['East'])
    expect(plotted.series.map((series) => series.drawn)).toEqual([[100, 100]])
    expect(plotted.series[0]?.index).toBe(1)
  })

  it('leaves out and counts what a logarithmic scale has no place for', () => {
    const values: Cell[][] = [
      ['a', 0, 1, null],
      ['b', -5, 1, null],
      ['c', 50, 1, null],
    ]
    const one = make({ scale: 'log' }, values)
    expect(one.plotted.series[0]?.drawn).toEqual([null, null, 50])
    expect(one.plotted.unshown).toBe(2)
    expect(draw(one).yAxis).toMatchObject({ type: 'log', min: 10 })
    // Nothing above zero: there is no such scale, and the chart must not fail for it.
    const none = make({ scale: 'log' }, values.slice(0, 2))
    expect(draw(none).yAxis).toMatchObject({ type: 'value' })
  })

  it('stacks sums and not averages, unless somebody asks', () => {
    const stacks = (change: Partial<ChartContent>) =>
      draw(make({ x: 'year', color: 'region', ...change })).series.map((series) => series.stack)
    expect(stacks({})).toEqual(['all', 'all', 'all'])
    expect(stacks({ aggregation: 'avg' })).toEqual([undefined, undefined, undefined])
    expect(stacks({ aggregation: 'avg', stack: 'stacked' })).toEqual(['all', 'all', 'all'])
    expect(stacks({ stack: 'none' })).toEqual([undefined, undefined, undefined])
    expect(stacks({ scale: 'log' })).toEqual([undefined, undefined, undefined])
  })

  it('keeps the colour of a series when others are hidden', () => {
    const colours = (hidden: string[]) =>
      draw(make({ x: 'year', color: 'region' }, two, hidden)).series.map((series) => series.itemStyle.color)
    expect(colours([])).toEqual(['#111111', '#222222'])
    expect(colours(['East'])).toEqual(['#222222'])
  })

  it('gives a pie its shares, of what is shown', () => {
    const pie = make({ chartType: 'pie' }, two)
    const shares = (hidden: string[]) => keysOf(pie.content, pie.data, new Set(hidden)).map((key) => key.share)
    expect(shares([])).toEqual([31 / 48, 17 / 48])
    expect(shares(['East'])[0]).toBe(1)
  })
})

describe('colours', () => {
  const palette = ['#111111', '#222222', '#333333']
  it('are the palette’s, its names, or somebody’s own; what stands for the rest is grey', () => {
    expect(colorOf([], palette, 'grey', { index: 4, other: false })).toBe('#222222')
    expect(colorOf(['', 'chart-3'], palette, 'grey', { index: 1, other: false })).toBe('#333333')
    expect(colorOf(['#abcdef'], palette, 'grey', { index: 0, other: true })).toBe('#abcdef')
    expect(colorOf([], palette, 'grey', { index: 2, other: true })).toBe('grey')
  })
})

describe('the option', () => {
  it('lays bars on their side when their names do not fit beside each other, or when asked', () => {
    expect(draw(make({})).yAxis).toMatchObject({ type: 'category' })
    expect(draw(make({}, rows.slice(0, 2))).xAxis).toMatchObject({ type: 'category' })
    expect(draw(make({ orientation: 'vertical' })).xAxis).toMatchObject({ type: 'category' })
    expect(draw(make({ orientation: 'horizontal' }, rows.slice(0, 2))).yAxis).toMatchObject({ type: 'category' })
  })

  it('writes its axes in the chart’s number format and under the titles somebody gave', () => {
    const one = make(
      { measure: { format: 'currency', decimals: null, currency: 'GBP' }, yTitle: 'Turnover', xTitle: 'Where' },
      rows.slice(0, 2),
    )
    const { xAxis, yAxis } = draw(one)
    expect(xAxis.name).toBe('Where')
    expect(yAxis.name).toBe('Turnover')
    expect((yAxis.axisLabel as { formatter: (value: number) => string }).formatter(2500)).toBe('£2,500')
  })

  it('keeps limits somebody set only where they leave something to see', () => {
    const limits = (change: Partial<ChartContent>) => {
      const { yAxis } = draw(make(change, rows.slice(0, 2)))
      return [yAxis.min, yAxis.max]
    }
    expect(limits({ yMin: 100, yMax: 5000 })).toEqual([100, 5000])
    expect(limits({ yMin: 10, yMax: 5 })).toEqual([undefined, undefined])
    expect(limits({ yMin: 1e9 })).toEqual([undefined, undefined])
    expect(limits({ yMin: -5, scale: 'log' })).toEqual([100, undefined])
  })

  it('draws patterns where they are asked for', () => {
    const plain = draw(make({ x: 'year', color: 'region' }))
    const decals = draw(make({ x: 'year', color: 'region' }), { ...look, decals: true })
    expect(plain.series.every((series) => series.itemStyle.decal === undefined)).toBe(true)
    expect(new Set(decals.series.map((series) => JSON.stringify(series.itemStyle.decal))).size).toBe(3)
  })

  it('thins 50,000 points out without losing their peaks', () => {
    const cells: Cell[][] = Array.from({ length: 50_000 }, (_, index) => ['', index, index, null])
    const one = make({ chartType: 'line', x: 'year', aggregation: 'none' }, cells)
    expect(draw(one).series[0]).toMatchObject({ sampling: 'lttb', showSymbol: false })
  })

  it('draws every type, every stack and every scale without data', () => {
    for (const chartType of ['bar', 'line', 'area', 'scatter', 'pie'] as const) {
      for (const stack of ['auto', 'percent'] as const) {
        for (const scale of ['linear', 'log'] as const) {
          const one = make({ chartType, stack, scale, x: 'year', color: 'region', labels: true }, [])
          expect(() => draw(one)).not.toThrow()
        }
      }
    }
  })

  it('leaves a ring some room at any size', () => {
    for (const [width, height] of [
      [60, 40],
      [200, 120],
      [1000, 600],
    ] as const) {
      const { inner, outer } = ring(width, height, true)
      expect(inner).toBeGreaterThan(0)
      expect(outer).toBeGreaterThan(inner)
    }
  })
})

describe('a tooltip', () => {
  const hit = (index: number, dataIndex = 0) => ({ seriesId: String(index), dataIndex })
  it('lists all series, the largest first, with their total, and takes no HTML from the data', () => {
    const cells: Cell[][] = [
      ['East', 5, 2001, null],
      ['<b>West</b>', 20, 2001, null],
    ]
    const { content, data, plotted } = make({ x: 'year', color: 'region' }, cells)
    const tip = tipOf(content, data, plotted, look)([hit(0), hit(1)]) as HTMLElement
    expect(tip.querySelector('b')?.className).toBe('chart-tip-value')
    expect([...tip.querySelectorAll('.chart-tip-line')].map((line) => line.textContent)).toEqual([
      '<b>West</b>20',
      'East5',
      'Total25',
    ])
    expect(tip.querySelector('.chart-tip-title')?.textContent).toBe('2001')
  })

  it('says the share beside the value where the stack is in percent', () => {
    const { content, data, plotted } = make({ x: 'year', stack: 'percent' }, rows.slice(0, 1))
    const tip = tipOf(content, data, plotted, look)(hit(0)) as HTMLElement
    expect(tip.textContent).toContain('1,000')
    expect(tip.textContent).toContain('100%')
  })
})

describe('steps', () => {
  it('are round', () => {
    expect(niceStep(50, 4)).toBe(20)
    expect(niceStep(23, 8)).toBe(5)
    expect(niceStep(0.9, 5)).toBeCloseTo(0.2)
    expect(niceStep(0, 5)).toBe(1)
  })
})

/**
 * The line under a metric: how it went, with the last point marked. Drawn stretched to its box, so the marks that must stay
 * round are elements over it. The pointer or the arrow keys read single values.
 */
import { type KeyboardEvent, type PointerEvent, useId, useMemo, useState } from 'react'
import '../../../ui/figures.css'
import { nearest, type Period, type Spark, sparkOf, thin } from './compute'

/** Points drawn at most; a block is not wider than this many pixels by much. */
const MOST_POINTS = 600

interface SparklineProps {
  periods: Period[]
  /** What the line shows, for those who do not see it. */
  label: string
  read: (period: Period) => { label: string; value: string }
}

const pathOf = (points: readonly Spark[]): string =>
  points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${round(x * 100)} ${round(y * 100)}`).join('')
const round = (value: number) => Math.round(value * 100) / 100

export function Sparkline({ periods, label, read }: SparklineProps) {
  const points = useMemo(() => sparkOf(periods), [periods])
  const line = useMemo(() => pathOf(thin(points, MOST_POINTS)), [points])
  const [chosen, setChosen] = useState<number | null>(null)
  const fill = useId()
  const last = points.length - 1
  const at = chosen === null ? null : Math.min(chosen, last)
  const end = points[last]
  const point = at === null ? undefined : points[at]
  const period = at === null ? undefined : periods[at]
  const words = period && read(period)

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    if (box.width > 0) setChosen(nearest(points, (event.clientX - box.left) / box.width))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // With a modifier they move the block.
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const from = at ?? last
    const to = { ArrowLeft: from - (at === null ? 0 : 1), ArrowRight: from + 1, Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    event.stopPropagation()
    setChosen(Math.max(0, Math.min(last, to)))
  }

  return (
    <div
      className="spark"
      role="img"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: its values are read with the arrow keys
      tabIndex={0}
      data-testid="sparkline"
      onPointerMove={onPointerMove}
      onPointerLeave={() => setChosen(null)}
      onBlur={() => setChosen(null)}
      onKeyDown={onKeyDown}
    >
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
        <defs>
          <linearGradient id={fill} x1="0" x2="0" y1="0" y2="1">
            <stop offset="0" stopColor="var(--chart-1)" stopOpacity="0.24" />
            <stop offset="1" stopColor="var(--chart-1)" stopOpacity="0.02" />
          </linearGradient>
        </defs>
        <path d={`${line}V130H${round((points[0]?.x ?? 0) * 100)}Z`} fill={`url(#${fill})`} />
        <path d={line} className="spark-line" vectorEffect="non-scaling-stroke" />
      </svg>
      {end && <i className="spark-end" style={{ left: `${end.x * 100}%`, top: `${end.y * 100}%` }} />}
      {point && words && (
        <>
          <i className="spark-guide" style={{ left: `${point.x * 100}%` }} />
          <i className="spark-at" style={{ left: `${point.x * 100}%`, top: `${point.y * 100}%` }} />
          <div
            className="figure-tip"
            data-testid="spark-tip"
            style={{ left: `${point.x * 100}%`, translate: `${-point.x * 100}% 0` }}
          >
            <span>{words.label}</span> <b>{words.value}</b>
          </div>
        </>
      )}
      <span className="visually-hidden" aria-live="polite">
        {words ? `${words.label}: ${words.value}` : ''}
      </span>
    </div>
  )
}

/**
 * One bar for each day. Drawn stretched to its box, with what must not be stretched (words, the tip) as elements around
 * it. The pointer, a finger or the arrow keys read single days.
 */
import { type KeyboardEvent, type PointerEvent, useMemo, useState } from 'react'
import { formatTick } from '../../canvas/blocks/format'
import type { Usage } from './api'
import { barsOf, dayText, labelled, type Measure, summary } from './shape'

/** The part of its day that a bar leaves free. */
const GAP = 0.24

export function DayChart({ usage, measure }: { usage: Usage; measure: Measure }) {
  const { days } = usage
  const { ticks, heights } = useMemo(() => barsOf(days, measure), [days, measure])
  const labels = useMemo(() => labelled(days), [days])
  const [chosen, setChosen] = useState<number | null>(null)
  const last = days.length - 1
  const at = chosen === null ? null : Math.min(chosen, last)
  const words = at === null ? null : dayText(days, at, measure)
  /** The middle of a day, from the left. */
  const middle = (index: number): number => ((index + 0.5) / days.length) * 100

  const onPointer = (event: PointerEvent<HTMLElement>): void => {
    const box = event.currentTarget.getBoundingClientRect()
    if (box.width === 0) return
    const index = Math.floor(((event.clientX - box.left) / box.width) * days.length)
    setChosen(Math.max(0, Math.min(last, index)))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const from = at ?? last
    const to = { ArrowLeft: from - (at === null ? 0 : 1), ArrowRight: from + 1, Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    setChosen(Math.max(0, Math.min(last, to)))
  }

  return (
    <div className="usage-chart">
      <div className="usage-y" aria-hidden="true">
        {ticks.toReversed().map((tick) => (
          <span key={tick}>{formatTick(tick)}</span>
        ))}
      </div>
      <div
        className="usage-plot"
        role="img"
        aria-label={summary(usage, measure)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its days are read with the arrow keys
        tabIndex={0}
        data-testid="usage-chart"
        onPointerDown={onPointer}
        onPointerMove={onPointer}
        onPointerLeave={(event) => {
          // A finger that was lifted has chosen.
          if (event.pointerType === 'mouse') setChosen(null)
        }}
        onBlur={() => setChosen(null)}
        onKeyDown={onKeyDown}
      >
        <svg viewBox={`0 0 ${days.length} 100`} preserveAspectRatio="none" aria-hidden="true">
          {ticks.map((tick, index) => {
            const y = 100 - (index / (ticks.length - 1)) * 100
            return <path key={tick} className="usage-line" d={`M0 ${y}H${days.length}`} />
          })}
          {heights.map(
            (height, index) =>
              height > 0 && (
                <rect
                  key={days[index]?.date}
                  className="usage-bar"
                  data-at={index === at ? '' : undefined}
                  x={index + GAP / 2}
                  y={100 - height * 100}
                  width={1 - GAP}
                  height={height * 100}
                />
              ),
          )}
        </svg>
        {at !== null && words !== null && (
          <>
            <i className="usage-at" style={{ left: `${(at / days.length) * 100}%`, width: `${100 / days.length}%` }} />
            <div
              className="figure-tip"
              data-testid="usage-tip"
              style={{ left: `${middle(at)}%`, translate: `${-middle(at)}% 0` }}
            >
              <span>{words.day}</span> <b>{words.count}</b>
            </div>
          </>
        )}
        <span className="visually-hidden" aria-live="polite">
          {words === null ? '' : `${words.day}: ${words.count}`}
        </span>
      </div>
      <div className="usage-x" aria-hidden="true">
        {labels.map(({ index, text }) =>
          index === last && days.length > labels.length ? (
            <span key={index} data-end="">
              {text}
            </span>
          ) : (
            <span key={index} style={{ left: `${middle(index)}%` }}>
              {text}
            </span>
          ),
        )}
      </div>
    </div>
  )
}

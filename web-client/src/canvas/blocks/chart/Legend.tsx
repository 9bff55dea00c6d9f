/**
 * The legend of a chart. Real buttons rather than a part of the picture: it is read aloud, worked by keyboard, wraps, and
 * is never cut. What one hides is hidden for oneself.
 */
import { useId } from 'react'
import type { ChartContent } from './fields'
import { dashOf, shapeOf } from './marks'
import { colorOf, type Key } from './plot'
import type { ThemeColors } from './theme'
import { shareText } from './words'

interface LegendProps {
  content: ChartContent
  keys: readonly Key[]
  hidden: ReadonlySet<string>
  colors: ThemeColors
  decals: boolean
  side: 'top' | 'right' | 'bottom'
  onHidden: (names: string[]) => void
  onPoint: (key: Key | null) => void
}

export function Legend({ content, keys, hidden, colors, decals, side, onHidden, onPoint }: LegendProps) {
  const hint = useId()
  const toggle = (key: Key, alone: boolean) => {
    onPoint(null)
    const names = keys.map((one) => one.name)
    const others = names.filter((name) => name !== key.name)
    if (alone) {
      const already = !hidden.has(key.name) && others.every((name) => hidden.has(name))
      onHidden(already ? [] : others)
      return
    }
    const next = hidden.has(key.name)
      ? [...hidden].filter((name) => name !== key.name)
      : [...hidden, key.name].filter((name) => names.includes(name))
    // A chart of nothing says nothing: hiding the last one brings all back.
    onHidden(names.every((name) => next.includes(name)) ? [] : next)
  }
  return (
    <div className="chart-legend" data-side={side} data-testid="chart-legend">
      <ul aria-label="Legend" aria-describedby={hint}>
        {keys.map((key) => {
          const shown = !hidden.has(key.name)
          return (
            <li key={`${key.index}`}>
              <button
                type="button"
                aria-pressed={shown}
                title={`${key.name}: ${shown ? 'hide' : 'show'} for me. Double-click or Shift+click for this one only.`}
                data-testid="legend-item"
                onClick={(event) => toggle(key, event.shiftKey)}
                onDoubleClick={() => toggle(key, true)}
                onPointerEnter={() => shown && onPoint(key)}
                onPointerLeave={() => onPoint(null)}
              >
                <Swatch
                  type={content.chartType}
                  color={colorOf(content.colors, colors.palette, colors.faint, key)}
                  index={key.index}
                  decals={decals}
                />
                <span className="chart-legend-name">{key.name}</span>
                {key.share !== null && <span className="chart-legend-share">{shown ? shareText(key.share) : '–'}</span>}
              </button>
            </li>
          )
        })}
        {hidden.size > 0 && (
          <li>
            <button type="button" className="chart-legend-all" onClick={() => onHidden([])}>
              Show all
            </button>
          </li>
        )}
      </ul>
      <span id={hint} className="visually-hidden">
        Press to hide or show for yourself. Shift and press to show one only.
      </span>
    </div>
  )
}

/** The mark of a series, as the picture draws it. */
export function Swatch({
  type,
  color,
  index,
  decals,
}: {
  type: ChartContent['chartType']
  color: string
  index: number
  decals: boolean
}) {
  if (type === 'line' && decals) {
    const dash = dashOf(index)
    return (
      <svg className="chart-swatch" width="18" height="10" viewBox="0 0 18 10" aria-hidden="true">
        <path
          d="M0 5h18"
          stroke={color}
          strokeWidth="2"
          strokeDasharray={dash === 'solid' ? undefined : dash.join(' ')}
        />
        <Shape index={index} color={color} x={9} />
      </svg>
    )
  }
  if (type === 'scatter' && decals) {
    return (
      <svg className="chart-swatch" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        <Shape index={index} color={color} x={5} />
      </svg>
    )
  }
  const shape = type === 'line' ? 'line' : type === 'scatter' || type === 'pie' ? 'dot' : 'box'
  return (
    <i
      className="chart-swatch"
      data-shape={shape}
      data-decal={decals ? index % 8 : undefined}
      style={{ backgroundColor: color }}
      aria-hidden="true"
    />
  )
}

function Shape({ index, color, x }: { index: number; color: string; x: number }) {
  const shape = shapeOf(index)
  if (shape === 'rect') return <rect x={x - 3.5} y={1.5} width={7} height={7} fill={color} />
  if (shape === 'roundRect') return <rect x={x - 3.5} y={1.5} width={7} height={7} rx={2} fill={color} />
  if (shape === 'triangle') return <path d={`M${x} 1 ${x + 4} 8.5H${x - 4}Z`} fill={color} />
  if (shape === 'diamond') return <path d={`M${x} .5 ${x + 3.5} 5 ${x} 9.5 ${x - 3.5} 5Z`} fill={color} />
  if (shape === 'arrow') return <path d={`M${x} 1 ${x + 4} 9 ${x} 6.5 ${x - 4} 9Z`} fill={color} />
  if (shape === 'pin') return <path d={`M${x} 9.5 ${x - 3.5} 4a3.5 3.5 0 1 1 7 0Z`} fill={color} />
  return <circle cx={x} cy={5} r={3.5} fill={color} />
}

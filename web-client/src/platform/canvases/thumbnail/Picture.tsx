/** Draws the picture of a canvas. Everything in it is decoration: the card says in words what it shows. */
import { useEffect, useState } from 'react'
import { shownNow, thumbnail } from './load'
import { HEIGHT, type Mark, type Paint, WIDTH } from './model'

const NAMES: Record<string, string> = {
  text: 'var(--text)',
  muted: 'var(--text-3)',
  faint: 'var(--bg-active)',
  line: 'var(--border)',
  accent: 'var(--accent)',
}
const paint = (color: Paint): string =>
  /^c\d+$/.test(color) ? `var(--chart-${color.slice(1)})` : (NAMES[color] ?? color)

type Props = { id: string; updatedAt: string }

export default function Picture({ id, updatedAt }: Props) {
  const [marks, setMarks] = useState<Mark[] | null>(() => shownNow(id) ?? null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let here = true
    const show = (next: Mark[]): void => {
      if (here) setMarks(next)
    }
    thumbnail(id, updatedAt, show).then(show, () => {
      if (here) setFailed(true)
    })
    return () => {
      here = false
    }
  }, [id, updatedAt])
  if (marks === null) return failed ? <span className="thumb-none">No preview</span> : null
  if (marks.length === 0) return <span className="thumb-none">Empty canvas</span>
  return (
    <svg
      className="thumb-picture"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMidYMin slice"
      aria-hidden="true"
      data-testid="thumbnail"
      data-marks={marks.length}
    >
      {marks.map((mark, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: marks are drawn anew as a whole
        <Drawn key={index} mark={mark} />
      ))}
    </svg>
  )
}

function Drawn({ mark }: { mark: Mark }) {
  switch (mark.k) {
    case 'card':
      return <rect className="thumb-card" x={mark.x} y={mark.y} width={mark.w} height={mark.h} rx={2.6} />
    case 'fill':
      return <path d={mark.d} style={{ fill: paint(mark.c) }} opacity={mark.o} />
    case 'line':
      return (
        <path
          d={mark.d}
          style={{ stroke: paint(mark.c) }}
          strokeWidth={mark.w}
          fill="none"
          strokeLinejoin="round"
          strokeLinecap="round"
          opacity={mark.o}
        />
      )
    case 'text':
      return (
        <text x={mark.x} y={mark.y} fontSize={mark.s} fontWeight={mark.b ? 620 : 460} style={{ fill: paint(mark.c) }}>
          {mark.t}
        </text>
      )
  }
}

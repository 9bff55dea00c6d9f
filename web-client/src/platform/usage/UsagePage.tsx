/** How the canvases of the organization are used, and which of them most. */
import { ChevronLeft } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import type { Me } from '../../app/me'
import { formatTick } from '../../canvas/blocks/format'
import { type Range, type TopCanvas, useUsage } from './api'
import { MEASURES } from './shape'
import { UsageView } from './UsageView'

export default function UsagePage({ me }: { me: Me }) {
  const [range, setRange] = useState<Range>(30)
  const read = useUsage(range)
  useEffect(() => {
    document.title = 'Usage · Jabiru'
  }, [])
  return (
    <div className="page">
      <header className="page-bar usage-top">
        <Link className="usage-back" href="/">
          <ChevronLeft aria-hidden /> All canvases
        </Link>
        <span className="page-organization">{me.organization.name}</span>
      </header>
      <main className="page-main usage-main">
        <h1>Usage</h1>
        <UsageView read={read} range={range} onRange={setRange} quiet="Nobody has opened a canvas in these days">
          {({ top_canvases }) => top_canvases.length > 0 && <Top canvases={top_canvases} />}
        </UsageView>
      </main>
    </div>
  )
}

function Top({ canvases }: { canvases: TopCanvas[] }) {
  const most = Math.max(1, ...canvases.map(({ views }) => views))
  return (
    <section className="usage-most" aria-labelledby="usage-most">
      <h2 id="usage-most">Most viewed canvases</h2>
      <table data-testid="usage-top">
        <thead>
          <tr>
            <th scope="col">Canvas</th>
            {MEASURES.map(({ measure, label }) => (
              <th key={measure} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {canvases.map((canvas) => (
            <tr key={canvas.id}>
              <th scope="row">
                <i style={{ width: `${(canvas.views / most) * 100}%` }} />
                <Link href={`/c/${canvas.id}`}>{canvas.name === '' ? 'Untitled canvas' : canvas.name}</Link>
              </th>
              {MEASURES.map(({ measure }) => (
                <td key={measure} data-none={canvas[measure] === 0 ? '' : undefined}>
                  {formatTick(canvas[measure])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

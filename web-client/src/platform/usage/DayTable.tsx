/** The days as rows, the newest first: for whoever wants the numbers or does not see the picture. */
import { formatTick } from '../../canvas/blocks/format'
import type { Usage } from './api'
import { longDay, MEASURES, type Measure, rangeText } from './shape'

export function DayTable({ usage, measure }: { usage: Usage; measure: Measure }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="usage-table" tabIndex={0} aria-label={`Usage by day, ${rangeText(usage)}`}>
      <table data-testid="usage-table">
        <thead>
          <tr>
            <th scope="col">Day</th>
            {MEASURES.map(({ measure: one, label }) => (
              <th key={one} scope="col" data-chosen={one === measure ? '' : undefined}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {usage.days.toReversed().map((day) => (
            <tr key={day.date}>
              <th scope="row">{longDay(day.date)}</th>
              {MEASURES.map(({ measure: one }) => (
                <td
                  key={one}
                  data-chosen={one === measure ? '' : undefined}
                  data-none={day[one] === 0 ? '' : undefined}
                >
                  {formatTick(day[one])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** A chart as the rows behind it: sorted by any column, for whoever wants the numbers or does not see the picture. */
import { ArrowDown, ArrowUp } from 'lucide-react'
import { useMemo, useState } from 'react'
import { type Cell, compareCells } from '../../../platform/datasets/cells'
import { formatNumber } from '../format'
import type { Aggregated } from './aggregate'
import type { ChartContent } from './fields'
import type { Plotted } from './plot'
import { asTable } from './words'

/** A reader who needs more rows than this has the file, or the table block. */
const ROWS = 500

interface Sorted {
  column: number
  descending: boolean
}

export function TableView({ content, plotted, data }: { content: ChartContent; plotted: Plotted; data: Aggregated }) {
  const table = useMemo(() => asTable(content, plotted, data), [content, plotted, data])
  const [sort, setSort] = useState<Sorted | null>(null)
  const rows = useMemo(() => {
    if (!sort) return table.rows
    const type = sort.column === 0 ? data.xType : 'number'
    const compare = (a: Cell[], b: Cell[]) => {
      const [x, y] = [a[sort.column] ?? null, b[sort.column] ?? null]
      // What is empty stands last in both directions.
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
      return compareCells(x, y, type) * (sort.descending ? -1 : 1)
    }
    return [...table.rows].sort(compare)
  }, [table, sort, data.xType])
  const by = (column: number) =>
    setSort((old) =>
      old?.column !== column
        ? { column, descending: column > 0 }
        : old.descending === column > 0
          ? { column, descending: !old.descending }
          : null,
    )
  const shown = rows.slice(0, ROWS)

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="chart-table" tabIndex={0} aria-label={`${content.title || 'Chart'} as a table`}>
      <table>
        <thead>
          <tr>
            {table.head.map((name, index) => {
              const own = sort?.column === index ? sort : null
              return (
                <th
                  // biome-ignore lint/suspicious/noArrayIndexKey: two series may share a name
                  key={index}
                  scope="col"
                  aria-sort={own ? (own.descending ? 'descending' : 'ascending') : undefined}
                >
                  <button type="button" onClick={() => by(index)}>
                    <span>{name}</span>
                    {own && (own.descending ? <ArrowDown aria-hidden size={12} /> : <ArrowUp aria-hidden size={12} />)}
                  </button>
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows are drawn whole and have no identity
            <tr key={at}>
              {row.map((_, index) =>
                index === 0 ? (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <th key={index} scope="row">
                    {table.text(row, index)}
                  </th>
                ) : (
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  <td key={index}>{table.text(row, index)}</td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && (
        <p className="blk-notes">
          {formatNumber(rows.length - ROWS)} more rows are not listed here. Download CSV holds them all.
        </p>
      )}
    </section>
  )
}

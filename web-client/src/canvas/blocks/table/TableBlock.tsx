/**
 * A table over a dataset: a real <table> whose body holds only the rows in view. Sorting, filtering and paging are the
 * reader's own and are not written to the canvas; the canvas says which columns there are and how they read.
 */
import {
  columnFilteringFeature,
  createFilteredRowModel,
  createPaginatedRowModel,
  createSortedRowModel,
  globalFilteringFeature,
  rowPaginationFeature,
  rowSortingFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, ChevronLeft, ChevronRight, ChevronsUpDown, Search, X } from 'lucide-react'
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { type Block, type BlockProps, getContent, type Json } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { type Cell, compareCells } from '../../../platform/datasets/cells'
import { IconButton } from '../../../ui/Button'
import { formatCell, formatNumber, isNumeric } from '../format'
import { type SourceData, useSource } from '../source'
import { Empty, Failed, Loading, NoSource, Notes, Stale } from '../states'
import { decimalsOf, defaultSort, estimateWidth, type TableColumn, tableColumns } from './columns'
import './table.css'

const features = tableFeatures({
  columnFilteringFeature,
  globalFilteringFeature,
  rowSortingFeature,
  rowPaginationFeature,
  filteredRowModel: createFilteredRowModel(),
  sortedRowModel: createSortedRowModel(),
  paginatedRowModel: createPaginatedRowModel(),
})

const ROW = 30
const DEFAULT_PAGE = 20
const MAX_PAGE = 1000
/** Without pagination there is one page with everything the client reads. */
const ONE_PAGE = 1_000_000

interface TableContent {
  title: string
  columns: Json
  pageSize: number | null
  sortable: boolean
  sort: Json
  filterable: boolean
}

function readTable(block: Block): TableContent {
  const title = getContent(block, ['title'])
  const size = getContent(block, ['pagination', 'pageSize'])
  const pages = getContent(block, ['pagination', 'enabled']) === true
  return {
    title: typeof title === 'string' ? title : '',
    columns: getContent(block, ['columns']),
    pageSize: !pages
      ? null
      : typeof size === 'number' && size >= 1
        ? Math.min(MAX_PAGE, Math.floor(size))
        : DEFAULT_PAGE,
    sortable: getContent(block, ['sorting', 'enabled']) !== false,
    sort: getContent(block, ['sorting', 'defaultSort']),
    filterable: getContent(block, ['filtering', 'enabled']) !== false,
  }
}

export default function TableBlock({ id, block, readOnly }: BlockProps) {
  const content = useY(block, readTable)
  const source = useSource(block)
  const data = source.state === 'ready' ? source.data : null
  const columns = useMemo(
    () => (data ? tableColumns(content.columns, data.columns, data.order) : null),
    [content.columns, data],
  )

  return (
    <section className="blk tbl">
      {data && columns?.some((column) => !column.hidden) ? (
        <Grid
          key={id}
          content={content}
          columns={columns}
          data={data}
          stale={source.state === 'ready' && source.error ? <Stale error={source.error} retry={source.retry} /> : null}
        />
      ) : (
        <>
          <header className="blk-head">
            <h2 className="blk-title" data-empty={content.title === '' ? '' : undefined}>
              {content.title || 'Table'}
            </h2>
          </header>
          <div className="blk-body">
            {source.state === 'none' && <NoSource foreign={source.kind === 'foreign'} readOnly={readOnly} />}
            {source.state === 'loading' && <Loading kind="lines" />}
            {source.state === 'error' && (
              <Failed error={source.error} retry={source.retry} retrying={source.retrying} />
            )}
            {data && <Empty>All columns of this table are hidden.</Empty>}
          </div>
        </>
      )}
    </section>
  )
}

interface GridProps {
  content: TableContent
  columns: TableColumn[]
  data: SourceData
  stale: React.ReactNode
}

function Grid({ content, columns, data, stale }: GridProps) {
  const shown = useMemo(() => columns.filter((column) => !column.hidden), [columns])
  const widths = useMemo(() => shown.map((column) => estimateWidth(column, data.rows)), [shown, data.rows])
  const digits = useMemo(() => shown.map((column) => decimalsOf(column, data.rows)), [shown, data.rows])
  const [sorting, setSorting] = useState(() => defaultSort(content.sort, columns))
  const [typed, setTyped] = useState('')
  const filter = useDeferredValue(typed.trim())
  const [pagination, setPagination] = useState({ pageIndex: 0, pageSize: content.pageSize ?? ONE_PAGE })

  useEffect(() => {
    setPagination({ pageIndex: 0, pageSize: content.pageSize ?? ONE_PAGE })
  }, [content.pageSize])

  // The canvas's default is followed until the reader has sorted for themselves.
  const ownSort = useRef(false)
  useEffect(() => {
    if (!ownSort.current) setSorting(defaultSort(content.sort, columns))
  }, [content.sort, columns])

  const definitions = useMemo(
    () =>
      shown.map((column) => ({
        id: column.field,
        // Empty cells come last whichever way the column is sorted.
        accessorFn: (row: Cell[]) => (row[column.index] === '' ? undefined : (row[column.index] ?? undefined)),
        sortUndefined: 'last' as const,
        sortFn: (a: { original: Cell[] }, b: { original: Cell[] }) =>
          compareCells(a.original[column.index], b.original[column.index], column.type),
        sortDescFirst: isNumeric(column.format),
      })),
    [shown],
  )
  const search = useMemo(() => {
    const byId = new Map(shown.map((column) => [column.field, column]))
    return (row: { original: Cell[] }, columnId: string, wanted: unknown): boolean => {
      const column = byId.get(columnId)
      if (!column) return false
      const cell = row.original[column.index]
      if (cell === null || cell === undefined) return false
      const needle = String(wanted).toLowerCase()
      return (
        String(cell).toLowerCase().includes(needle) ||
        (typeof cell !== 'string' &&
          formatCell(cell, column.format, { name: column.field }).toLowerCase().includes(needle))
      )
    }
  }, [shown])

  const table = useTable({
    features,
    columns: definitions,
    data: data.rows,
    state: { sorting: content.sortable ? sorting : [], globalFilter: filter, pagination },
    onSortingChange: (next) => {
      ownSort.current = true
      setSorting(next)
    },
    onPaginationChange: setPagination,
    globalFilterFn: search,
    getColumnCanGlobalFilter: () => true,
    enableSorting: content.sortable,
    enableMultiSort: false,
  })

  const rows = table.getRowModel().rows
  const scroll = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = Math.max(0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0))

  // A new order, filter or page starts at its top.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are the causes, not inputs
  useEffect(() => {
    scroll.current?.scrollTo({ top: 0 })
  }, [sorting, filter, pagination.pageIndex])

  const total = widths.reduce((sum, width) => sum + width, 0)
  const found = table.getFilteredRowModel().rows.length
  const missing = shown.filter((column) => column.index < 0)
  const notes: string[] = []
  if (data.truncated) notes.push(`First ${formatNumber(data.rows.length)} of ${formatNumber(data.total)} rows`)
  if (missing.length > 0) {
    notes.push(`The dataset has no column ${missing.map((column) => `“${column.field}”`).join(', ')}`)
  }
  const first = pagination.pageIndex * pagination.pageSize
  const pages = table.getPageCount()

  return (
    <>
      <header className="blk-head">
        <h2 className="blk-title" data-empty={content.title === '' ? '' : undefined} title={content.title}>
          {content.title || 'Table'}
        </h2>
        {content.filterable && (
          <div className="tbl-filter">
            <Search aria-hidden />
            <input
              type="text"
              className="ui-input"
              placeholder="Filter rows"
              aria-label={`Filter ${content.title || 'table'}`}
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value)
                setPagination((old) => ({ ...old, pageIndex: 0 }))
              }}
              onKeyDown={(event) => {
                if (event.key === 'Escape' && typed !== '') {
                  event.stopPropagation()
                  setTyped('')
                }
              }}
            />
            {typed !== '' && (
              <button type="button" aria-label="Clear filter" onClick={() => setTyped('')}>
                <X aria-hidden />
              </button>
            )}
          </div>
        )}
      </header>
      {stale}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section ref={scroll} className="tbl-scroll" tabIndex={0} aria-label={content.title || 'Table'}>
        <table style={{ minWidth: total }} aria-rowcount={found + 1}>
          <colgroup>
            {shown.map((column, index) => (
              <col key={column.field} style={{ width: widths[index] }} />
            ))}
          </colgroup>
          <thead>
            <tr aria-rowindex={1}>
              {shown.map((column) => (
                <Head
                  key={column.field}
                  column={column}
                  sortable={content.sortable && column.index >= 0}
                  sorted={table.getColumn(column.field)?.getIsSorted() ?? false}
                  toggle={() => table.getColumn(column.field)?.toggleSorting()}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && <Spacer height={before} span={shown.length} />}
            {items.map((item) => {
              const row = rows[item.index]
              return row ? (
                <tr
                  key={row.id}
                  aria-rowindex={first + item.index + 2}
                  data-odd={item.index % 2 === 1 ? '' : undefined}
                >
                  {shown.map((column, at) => (
                    <BodyCell
                      key={column.field}
                      column={column}
                      cell={row.original[column.index]}
                      digits={digits[at]}
                    />
                  ))}
                </tr>
              ) : null
            })}
            {after > 0 && <Spacer height={after} span={shown.length} />}
          </tbody>
        </table>
        {rows.length === 0 && (
          <p className="tbl-none" role="status">
            {data.rows.length === 0 ? 'The dataset has no rows.' : `No row contains “${filter}”.`}
          </p>
        )}
      </section>
      <footer className="tbl-foot">
        <span role="status">
          {filter !== '' && `${formatNumber(found)} of `}
          {formatNumber(data.rows.length)} {data.rows.length === 1 ? 'row' : 'rows'}
        </span>
        <Notes notes={notes} />
        {content.pageSize !== null && pages > 1 && (
          <nav aria-label={`Pages of ${content.title || 'table'}`}>
            <IconButton
              size="small"
              label="Previous page"
              icon={<ChevronLeft aria-hidden size={15} />}
              disabled={!table.getCanPreviousPage()}
              onClick={() => table.previousPage()}
            />
            <span>
              Page {formatNumber(pagination.pageIndex + 1)} of {formatNumber(pages)}
            </span>
            <IconButton
              size="small"
              label="Next page"
              icon={<ChevronRight aria-hidden size={15} />}
              disabled={!table.getCanNextPage()}
              onClick={() => table.nextPage()}
            />
          </nav>
        )}
      </footer>
    </>
  )
}

interface HeadProps {
  column: TableColumn
  sortable: boolean
  sorted: false | 'asc' | 'desc'
  toggle: () => void
}

function Head({ column, sortable, sorted, toggle }: HeadProps) {
  const side = isNumeric(column.format) ? 'end' : undefined
  const order = sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : sortable ? 'none' : undefined
  return (
    <th scope="col" aria-sort={order} data-side={side} title={column.header}>
      {sortable ? (
        <button type="button" onClick={toggle} data-sorted={sorted === false ? undefined : ''}>
          <span>{column.header}</span>
          {sorted === 'asc' ? (
            <ArrowUp aria-hidden />
          ) : sorted === 'desc' ? (
            <ArrowDown aria-hidden />
          ) : (
            <ChevronsUpDown aria-hidden />
          )}
        </button>
      ) : (
        <span>{column.header}</span>
      )}
    </th>
  )
}

interface BodyCellProps {
  column: TableColumn
  cell: Cell | undefined
  digits: number | undefined
}

function BodyCell({ column, cell, digits }: BodyCellProps) {
  const text = formatCell(cell, column.format, { name: column.field, digits })
  return (
    <td data-side={isNumeric(column.format) ? 'end' : undefined} title={text.length > 24 ? text : undefined}>
      {text}
    </td>
  )
}

/** Stands for the rows above or below those in view, so that the scroll bar is true. */
function Spacer({ height, span }: { height: number; span: number }) {
  return (
    <tr aria-hidden className="tbl-spacer">
      <td colSpan={span} style={{ height }} />
    </tr>
  )
}

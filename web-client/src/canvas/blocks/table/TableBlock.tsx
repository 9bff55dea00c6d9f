/**
 * A table over a dataset: a real <table> whose body holds only the rows in view.
 *
 * What a reader does (sort, filter, search, page, and without permission to edit also widths) is their own and is never
 * written to the canvas. What the columns are, in which order and how they read is the canvas's: an editor changes it at
 * the header, one transaction a gesture. Owns no rule: rows.ts, filters.ts and columns.ts have them, edits.ts writes.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { ChevronLeft, ChevronRight, Copy, Download, Search, X } from 'lucide-react'
import { memo, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { type Block, type BlockProps, getContent, type Json, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { Cell } from '../../../platform/datasets/cells'
import { noteExport } from '../../../platform/transfer/note'
import { Button, IconButton } from '../../../ui/Button'
import { toast } from '../../../ui/Toast'
import { useBlockActions } from '../blockActions'
import { csvBlob, fileName, rowsToTabs, saveBlob } from '../download'
import { FilterBar, FilterButton, OwnView, useFilterPopover } from '../FilterBar'
import { applyFilters } from '../filters'
import { formatCell, formatNumber, NO_VALUE } from '../format'
import { type SortRule, useView } from '../localView'
import { type SourceData, useSource } from '../source'
import { Empty, Failed, Loading, NoSource, Notes, Stale } from '../states'
import {
  alignOf,
  cellOptions,
  columnWidths,
  decimalsOf,
  defaultSort,
  estimateWidth,
  type TableColumn,
  tableColumns,
  toggleSort,
} from './columns'
import { changeColumn } from './edits'
import { Header } from './Header'
import { searchRows, sortRows } from './rows'
import './table.css'

const ROW = 30
const DEFAULT_PAGE = 20
const MAX_PAGE = 1000

interface TableContent {
  title: string
  columns: Json
  /** Rows on a page; null shows all of them in one. */
  pageSize: number | null
  sortable: boolean
  sort: Json
  filterable: boolean
  pinFirst: boolean
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
    pinFirst: getContent(block, ['pin_first']) === true,
  }
}

export default function TableBlock(props: BlockProps) {
  const { block, session, readOnly } = props
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
          {...props}
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
            {data && columns && (
              <Empty>
                All columns of this table are hidden.
                {!readOnly && columns.length > 0 && (
                  <Button
                    onClick={() => {
                      const first = columns[0]
                      if (first) {
                        step(session, () => changeColumn(block, data.columns, first.field, { hidden: undefined }))
                      }
                    }}
                  >
                    Show the first one
                  </Button>
                )}
              </Empty>
            )}
          </div>
        </>
      )}
    </section>
  )
}

const inOrder = (rules: readonly SortRule[], headerOf: (field: string) => string): string =>
  rules.length === 0
    ? 'No longer sorted.'
    : `Sorted by ${rules.map(({ id, desc }) => `${headerOf(id)}, ${desc ? 'descending' : 'ascending'}`).join(', then by ')}.`

interface GridProps extends BlockProps {
  content: TableContent
  columns: TableColumn[]
  data: SourceData
  stale: React.ReactNode
}

function Grid({ id, block, session, readOnly, content, columns, data, stale }: GridProps) {
  const name = content.title || 'Table'
  const { view, shared, filters, own, set, reset } = useView(session, id, block)
  const shown = useMemo(() => columns.filter((column) => !column.hidden), [columns])
  const searchable = content.filterable ? view.search : ''

  // The order is one's own as soon as one has chosen any; until then the canvas's is followed.
  const sort = useMemo(() => {
    if (!content.sortable) return []
    return (view.sort ?? defaultSort(content.sort, columns)).filter((rule) =>
      columns.some((column) => column.field === rule.id),
    )
  }, [content.sortable, content.sort, view.sort, columns])

  // Typing stays quick over 100,000 rows: what was asked last is worked out when there is time for it.
  const asked = useMemo(() => ({ filters, search: searchable, sort }), [filters, searchable, sort])
  const wanted = useDeferredValue(asked)
  const matching = useMemo(
    () => searchRows(applyFilters(data.rows, data.order, data.columns, wanted.filters), wanted.search, shown),
    [data, wanted.filters, wanted.search, shown],
  )
  const rows = useMemo(
    () => sortRows(matching, data.rows, wanted.sort, columns),
    [matching, data.rows, wanted.sort, columns],
  )

  const [page, setPage] = useState(0)
  const size = content.pageSize ?? Math.max(1, rows.length)
  const pages = Math.max(1, Math.ceil(rows.length / size))
  const at = Math.min(page, pages - 1)
  const first = at * size
  const visible = useMemo(
    () => (content.pageSize === null ? rows : rows.slice(first, first + size)),
    [rows, content.pageSize, first, size],
  )

  // State and not only a ref: what is drawn inside needs the element, and renders before a parent's ref is set.
  const [element, setElement] = useState<HTMLElement | null>(null)
  const scroll = useRef(element)
  scroll.current = element
  const room = useWidth(element)
  const estimates = useMemo(() => shown.map((column) => estimateWidth(column, data.rows)), [shown, data.rows])
  const digits = useMemo(() => shown.map((column) => decimalsOf(column, data.rows)), [shown, data.rows])
  const [held, setHeld] = useState<{ field: string; width: number } | null>(null)
  const widths = columnWidths(
    estimates,
    shown.map((column) => (held?.field === column.field ? held.width : (view.widths[column.field] ?? column.width))),
    room,
  )
  const [said, say] = useState('')
  const total = widths.reduce((sum, width) => sum + width, 0)

  // A new order, filter or page starts at its top.
  const start = useRef({ wanted, at })
  useEffect(() => {
    if (start.current.wanted === wanted && start.current.at === at) return
    start.current = { wanted, at }
    scroll.current?.scrollTo({ top: 0 })
  }, [wanted, at])

  const headerOf = (field: string): string => columns.find((column) => column.field === field)?.header ?? field
  const formatOf = (field: string) => columns.find((column) => column.field === field)?.format
  const filterProps = { session, id, block, readOnly, data, name, headerOf, formatOf }
  const { open: openFilter, popover } = useFilterPopover(filterProps)

  const exported = (): [string[], (Cell | undefined)[][]] => [
    shown.map((column) => column.header),
    rows.map((row) => shown.map((column) => row[column.index] ?? null)),
  ]
  useBlockActions(id, [
    {
      label: 'Download CSV',
      icon: Download,
      testId: 'table-csv',
      run: () => {
        saveBlob(fileName(content.title, 'Table', 'csv'), csvBlob(...exported()))
        noteExport(session.canvasId, id, 'csv')
      },
    },
    {
      label: 'Copy rows',
      icon: Copy,
      testId: 'table-copy',
      run: () => {
        const [heads, cells] = exported()
        copyText(rowsToTabs([heads, ...cells])).then(
          () => toast(`Copied ${formatNumber(cells.length)} ${cells.length === 1 ? 'row' : 'rows'}.`),
          () => toast('The browser did not allow copying.'),
        )
      },
    },
  ])

  const missing = shown.filter((column) => column.index < 0)
  const notes: string[] = []
  if (data.truncated) notes.push(`First ${formatNumber(data.rows.length)} of ${formatNumber(data.total)} rows`)
  if (missing.length > 0) {
    notes.push(`The dataset has no column ${missing.map((column) => `“${column.field}”`).join(', ')}`)
  }
  const filtered = filters.length > 0 || searchable.trim() !== ''
  const differs = view.filters.length > 0 || view.off.length > 0

  return (
    <>
      <header className="blk-head">
        <h2 className="blk-title" data-empty={content.title === '' ? '' : undefined} title={content.title}>
          {name}
        </h2>
        {content.filterable && (
          <>
            <FilterButton {...filterProps} />
            <SearchBox
              name={name}
              value={view.search}
              onChange={(search) => {
                set({ search })
                setPage(0)
              }}
            />
          </>
        )}
      </header>
      <FilterBar {...filterProps} />
      {popover}
      {stale}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section ref={setElement} className="tbl-scroll" tabIndex={0} aria-label={name} data-testid="table-scroll">
        <table
          style={{ width: Math.max(total, room) }}
          aria-rowcount={rows.length + 1}
          data-pin={content.pinFirst ? '' : undefined}
        >
          <colgroup>
            {shown.map((column, index) => (
              <col key={column.field} style={{ width: widths[index] }} />
            ))}
            <col />
          </colgroup>
          <Header
            block={block}
            session={session}
            readOnly={readOnly}
            data={data}
            columns={columns}
            shown={shown}
            widths={widths}
            digits={digits}
            pinFirst={content.pinFirst}
            sortable={content.sortable}
            filterable={content.filterable}
            sort={sort}
            ownWidths={view.widths}
            scroll={scroll}
            onSort={(column, also) => {
              const next = toggleSort(sort, column, also)
              set({ sort: next })
              setPage(0)
              say(inOrder(next, headerOf))
            }}
            onOrder={(next) => {
              set({ sort: next })
              setPage(0)
              say(inOrder(next, headerOf))
            }}
            onFilter={(anchor, field) => openFilter(anchor, null, field)}
            onHold={setHeld}
            onOwnWidths={(next) => set({ widths: next })}
            say={say}
          />
          <Body scroll={element} rows={visible} first={first} shown={shown} digits={digits} />
        </table>
        {rows.length === 0 && (
          <div className="tbl-none" role="status">
            {data.rows.length === 0 ? (
              <p>The dataset has no rows.</p>
            ) : (
              <>
                <p>No row matches.</p>
                {filtered && (
                  <Button
                    data-testid="clear-filters"
                    onClick={() => {
                      set({ filters: [], off: shared, search: '' })
                      element?.focus({ preventScroll: true })
                    }}
                  >
                    Clear filters
                  </Button>
                )}
              </>
            )}
          </div>
        )}
      </section>
      <div className="visually-hidden" role="status" data-testid="table-said">
        {said}
      </div>
      <footer className="tbl-foot">
        <span role="status" data-testid="row-count">
          {rows.length !== data.rows.length && `${formatNumber(rows.length)} of `}
          {formatNumber(data.rows.length)} {data.rows.length === 1 ? 'row' : 'rows'}
        </span>
        <Notes notes={notes} />
        {own && !differs && (view.sort !== null || Object.keys(view.widths).length > 0) && (
          <OwnView session={session} id={id} block={block} readOnly={readOnly || view.sort === null} reset={reset} />
        )}
        {pages > 1 && (
          <nav aria-label={`Pages of ${name}`}>
            <IconButton
              size="small"
              label="Previous page"
              icon={<ChevronLeft aria-hidden size={15} />}
              disabled={at === 0}
              onClick={() => setPage(at - 1)}
            />
            <span>
              Page {formatNumber(at + 1)} of {formatNumber(pages)}
            </span>
            <IconButton
              size="small"
              label="Next page"
              icon={<ChevronRight aria-hidden size={15} />}
              disabled={at >= pages - 1}
              onClick={() => setPage(at + 1)}
            />
          </nav>
        )}
      </footer>
    </>
  )
}

/** The inner width of an element, known before the first paint. */
function useWidth(element: HTMLElement | null): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    if (element === null) return
    const read = (): void => setWidth(element.clientWidth)
    read()
    const observer = new ResizeObserver(read)
    observer.observe(element)
    return () => observer.disconnect()
  }, [element])
  return width
}

const copyText = (text: string): Promise<void> =>
  navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'))

function SearchBox({ name, value, onChange }: { name: string; value: string; onChange: (value: string) => void }) {
  return (
    <div className="tbl-filter" data-filled={value === '' ? undefined : ''}>
      <Search aria-hidden />
      <input
        type="text"
        className="ui-input"
        placeholder="Find"
        aria-label={`Find in ${name}`}
        data-testid="table-search"
        autoComplete="off"
        maxLength={200}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value !== '') {
            event.stopPropagation()
            onChange('')
          }
        }}
      />
      {value !== '' && (
        <button type="button" aria-label="Clear the search" onClick={() => onChange('')}>
          <X aria-hidden />
        </button>
      )}
    </div>
  )
}

interface BodyProps {
  scroll: HTMLElement | null
  rows: Cell[][]
  /** Rows on the pages before this one. */
  first: number
  shown: TableColumn[]
  digits: (number | undefined)[]
}

/** Scrolling renders only this; a column that is being made wider does not. */
const Body = memo(function Body({ scroll, rows, first, shown, digits }: BodyProps) {
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll,
    estimateSize: () => ROW,
    overscan: 12,
  })
  const items = virtual.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = Math.max(0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0))
  return (
    // biome-ignore lint/a11y/useKeyWithMouseEvents: a cut-off text is read whole by whoever does not point at it
    <tbody onMouseOver={tellWhole}>
      {before > 0 && <Spacer height={before} span={shown.length + 1} />}
      {items.map((item) => {
        const row = rows[item.index]
        return row ? (
          <tr key={item.index} aria-rowindex={first + item.index + 2}>
            {shown.map((column, at) => (
              <BodyCell key={column.field} column={column} cell={row[column.index]} digits={digits[at]} />
            ))}
            <td className="tbl-rest" aria-hidden />
          </tr>
        ) : null
      })}
      {after > 0 && <Spacer height={after} span={shown.length + 1} />}
    </tbody>
  )
})

/** A text that does not fit is told whole when one points at it. Measured then, not for every cell that is drawn. */
function tellWhole(event: React.MouseEvent): void {
  const cell = event.target instanceof Element ? event.target.closest('td') : null
  if (cell === null || cell.title !== '' || cell.scrollWidth <= cell.clientWidth) return
  cell.title = cell.textContent ?? ''
}

interface BodyCellProps {
  column: TableColumn
  cell: Cell | undefined
  digits: number | undefined
}

function BodyCell({ column, cell, digits }: BodyCellProps) {
  const text = formatCell(cell, column.format, cellOptions(column, digits))
  const align = alignOf(column)
  return (
    <td key={text} data-align={align === 'left' ? undefined : align} data-null={text === NO_VALUE ? '' : undefined}>
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

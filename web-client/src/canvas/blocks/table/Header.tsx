/**
 * The head of a table: sorting by a press, moving a column by dragging or Alt and arrows, making it wider at its edge or
 * with Alt, Shift and arrows, and a menu with all of it in words.
 *
 * A gesture is drawn while it lasts and written once, at its end. What is written is decided from the columns as they are
 * then, since others may have changed them meanwhile.
 */
import { ArrowDown, ArrowUp, ChevronDown } from 'lucide-react'
import { lazy, type RefObject, Suspense, useLayoutEffect, useRef, useState } from 'react'
import { createPortal } from 'react-dom'
import { type Block, step } from '../../../doc/schema'
import type { CanvasSession } from '../../../sync/session'
import type { SortRule } from '../localView'
import type { SourceData } from '../source'
import { alignOf, clampWidth, type TableColumn } from './columns'
import { changeColumn, moveColumn, stepTarget } from './edits'
import { fitWidth } from './fit'
import { useColumnGestures } from './useColumnGestures'

const ColumnMenu = lazy(() => import('./ColumnMenu'))

/** Pixels a column grows by with each press of a key. */
const STEP = 16

export interface HeaderProps {
  block: Block
  session: CanvasSession
  readOnly: boolean
  data: SourceData
  columns: TableColumn[]
  shown: TableColumn[]
  widths: number[]
  digits: (number | undefined)[]
  pinFirst: boolean
  sortable: boolean
  filterable: boolean
  sort: SortRule[]
  ownWidths: Record<string, number>
  scroll: RefObject<HTMLElement | null>
  onSort: (column: TableColumn, also: boolean) => void
  onOrder: (sort: SortRule[]) => void
  onFilter: (anchor: HTMLElement, field: string) => void
  /** A width that is being chosen, or null when that has ended. */
  onHold: (held: { field: string; width: number } | null) => void
  onOwnWidths: (widths: Record<string, number>) => void
  /** What to tell those who do not see what happened. */
  say: (text: string) => void
}

/** What can be done to a column, by whatever means. Each is one step to undo. */
export interface ColumnActions {
  write: (change: () => void) => void
  setWidth: (column: TableColumn, width: number) => void
  widen: (column: TableColumn, by: number) => void
  fit: (column: TableColumn) => void
  step: (column: TableColumn, by: -1 | 1) => void
  rename: (column: TableColumn) => void
}

export function Header(props: HeaderProps) {
  const { block, session, readOnly, data, shown, widths, digits, sort, scroll, say } = props
  const row = useRef<HTMLTableRowElement>(null)
  const latest = useRef(props)
  latest.current = props
  const [drag, setDrag] = useState<{ field: string; before: string | null } | null>(null)
  const [menu, setMenu] = useState<{ field: string; anchor: HTMLElement } | null>(null)
  const [renaming, setRenaming] = useState<string | null>(null)
  /** The column whose header keeps the focus when the columns change places. */
  const focused = useRef<string | null>(null)

  const headerOf = (field: string): HTMLElement | null =>
    row.current?.querySelector<HTMLElement>(`[data-field="${CSS.escape(field)}"]`) ?? null
  const focus = (field: string): void =>
    headerOf(field)?.querySelector<HTMLElement>('.tbl-name')?.focus({ preventScroll: true })

  // The browser drops the focus of an element that is put elsewhere in the document.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns are the cause, not an input
  useLayoutEffect(() => {
    if (focused.current === null) return
    focus(focused.current)
    headerOf(focused.current)?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' })
    focused.current = null
  }, [shown])

  const write = (change: () => void): void => {
    if (!latest.current.readOnly) step(session, change)
  }

  const actions: ColumnActions = {
    write,
    setWidth: (column, width) => {
      const exact = clampWidth(width)
      const { readOnly: local, ownWidths, onOwnWidths } = latest.current
      if (local) onOwnWidths({ ...ownWidths, [column.field]: exact })
      else write(() => changeColumn(block, data.columns, column.field, { width: exact }))
      say(`${column.header} is ${exact} pixels wide.`)
    },
    widen: (column, by) => actions.setWidth(column, (widths[shown.indexOf(column)] ?? 0) + by),
    fit: (column) => {
      const cell = scroll.current?.querySelector('tbody td:not(.tbl-rest)') ?? row.current
      actions.setWidth(column, fitWidth(column, data.rows, digits[shown.indexOf(column)], cell))
    },
    step: (column, by) => {
      const fields = latest.current.shown.map((one) => one.field)
      const before = stepTarget(fields, column.field, by)
      if (before === undefined || readOnly) return
      focused.current = column.field
      write(() => moveColumn(block, data.columns, column.field, before))
      say(`${column.header} is now column ${fields.indexOf(column.field) + by + 1} of ${fields.length}.`)
    },
    rename: (column) => setRenaming(column.field),
  }

  const gestures = useColumnGestures({
    head: row,
    scroll,
    widthOf: (field) => widths[shown.findIndex((column) => column.field === field)] ?? 0,
    onDrag: setDrag,
    onDrop: (field, before) => {
      const now = latest.current.shown
      // Both may be gone since the drag began.
      const gone = (name: string): boolean => !now.some((column) => column.field === name)
      if (gone(field) || (before !== null && gone(before))) return
      write(() => moveColumn(block, data.columns, field, before))
      say(`${now.find((column) => column.field === field)?.header ?? field} moved.`)
    },
    onHold: props.onHold,
    onWidth: actions.setWidth,
  })

  const openMenu = (field: string): void => {
    const anchor = headerOf(field)
    if (anchor) setMenu({ field, anchor })
  }

  const keys = (event: React.KeyboardEvent, column: TableColumn): void => {
    const side = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (event.altKey && side !== 0) {
      if (event.shiftKey) gestures.widen(column, side * STEP)
      else actions.step(column, side)
    } else if (side !== 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const next = shown[shown.indexOf(column) + side]
      if (next === undefined) return
      focus(next.field)
      headerOf(next.field)?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    } else if (event.key === 'ArrowDown' || event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')) {
      openMenu(column.field)
    } else if (event.key === 'Enter' && event.shiftKey) {
      if (props.sortable) props.onSort(column, true)
    } else if (event.key === 'F2' && !readOnly) setRenaming(column.field)
    else return
    // On a canvas the same keys move and resize the block.
    event.preventDefault()
    event.stopPropagation()
  }

  const menuColumn = menu && shown.find((column) => column.field === menu.field)
  return (
    <thead data-dragging={drag ? '' : undefined}>
      <tr ref={row} aria-rowindex={1}>
        {shown.map((column, index) => {
          const place = sort.findIndex((one) => one.id === column.field)
          const desc = sort[place]?.desc
          const sortable = props.sortable && column.index >= 0
          const align = alignOf(column)
          const last = index === shown.length - 1
          return (
            <th
              key={column.field}
              scope="col"
              data-field={column.field}
              data-testid="column-header"
              data-align={align === 'left' ? undefined : align}
              data-held={drag?.field === column.field ? '' : undefined}
              data-drop={
                drag?.before === column.field ? 'before' : drag && drag.before === null && last ? 'after' : undefined
              }
              aria-sort={desc === undefined ? (sortable ? 'none' : undefined) : desc ? 'descending' : 'ascending'}
              onContextMenu={(event) => {
                event.preventDefault()
                openMenu(column.field)
              }}
            >
              {renaming === column.field && !readOnly ? (
                <Rename
                  column={column}
                  onDone={(header, refocus) => {
                    setRenaming(null)
                    if (header !== null) write(() => changeColumn(block, data.columns, column.field, { header }))
                    if (refocus) requestAnimationFrame(() => focus(column.field))
                  }}
                />
              ) : (
                <div className="tbl-head">
                  <button
                    type="button"
                    className="tbl-name"
                    title={column.header}
                    aria-keyshortcuts={readOnly ? undefined : 'Alt+ArrowLeft Alt+ArrowRight'}
                    onPointerDown={(event) => {
                      if (!readOnly) gestures.drag(event, column)
                    }}
                    onClick={(event) => {
                      if (sortable && !gestures.wasDrag()) props.onSort(column, event.shiftKey)
                    }}
                    onKeyDown={(event) => keys(event, column)}
                    onKeyUp={gestures.widened}
                    onBlur={gestures.widened}
                  >
                    <span>{column.header}</span>
                    {desc === undefined ? null : desc ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />}
                    {desc !== undefined && sort.length > 1 && <small aria-hidden>{place + 1}</small>}
                  </button>
                  <button
                    type="button"
                    className="tbl-menu"
                    aria-label={`Options of ${column.header}`}
                    aria-haspopup="menu"
                    aria-expanded={menu?.field === column.field}
                    data-testid="column-menu"
                    // The header beside it opens the same menu with the down key: one stop for each column is enough.
                    tabIndex={-1}
                    onClick={() => openMenu(column.field)}
                  >
                    <ChevronDown aria-hidden />
                  </button>
                </div>
              )}
              {/* The keyboard has Alt, Shift and arrows, and the menu, for the same. */}
              <span
                className="tbl-edge"
                aria-hidden
                data-testid="column-edge"
                onPointerDown={(event) => gestures.resize(event, column)}
                onDoubleClick={() => actions.fit(column)}
              />
            </th>
          )
        })}
        <td className="tbl-rest" aria-hidden />
      </tr>
      {menu &&
        menuColumn &&
        createPortal(
          <Suspense fallback={null}>
            <ColumnMenu
              {...props}
              column={menuColumn}
              anchor={menu.anchor}
              actions={actions}
              onClose={() => setMenu(null)}
              onFocus={() => focus(menu.field)}
            />
          </Suspense>,
          document.body,
        )}
    </thead>
  )
}

/** The header as a field. Enter and leaving keep the text, Escape does not; an empty one goes back to the column's name. */
function Rename({
  column,
  onDone,
}: {
  column: TableColumn
  onDone: (header: string | null, refocus: boolean) => void
}) {
  const done = useRef(false)
  const end = (header: string | null, refocus: boolean): void => {
    if (done.current) return
    done.current = true
    onDone(header === column.header ? null : header, refocus)
  }
  return (
    <input
      // biome-ignore lint/a11y/noAutofocus: it takes the place of the header one was on
      autoFocus
      className="tbl-rename"
      aria-label={`Header of ${column.field}`}
      data-testid="column-rename"
      defaultValue={column.header}
      maxLength={200}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => end(event.currentTarget.value.trim(), false)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') end(event.currentTarget.value.trim(), true)
        else if (event.key === 'Escape') {
          event.stopPropagation()
          end(null, true)
        }
      }}
    />
  )
}

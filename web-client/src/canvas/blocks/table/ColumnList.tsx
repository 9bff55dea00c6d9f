/**
 * The columns of a table in its settings: shown or not, in which order, called what, written how. Rows are put in order by
 * their grip, with the pointer or with Alt and the up and down keys. Writes through edits.ts, one step a gesture.
 */
import { ChevronRight, Eye, EyeOff, GripVertical } from 'lucide-react'
import { useLayoutEffect, useRef, useState } from 'react'
import type { Block } from '../../../doc/schema'
import type { Column } from '../../../platform/datasets/cells'
import { Choice, Commit, NumberCommit } from '../fields'
import { FORMATS, isNumeric } from '../format'
import { CURRENCIES } from '../labels'
import { ALIGNS, MAX_DECIMALS, MAX_WIDTH, MIN_WIDTH, type TableColumn } from './columns'
import { changeColumn, moveColumn, stepTarget } from './edits'
import { ALIGN_NAMES, FORMAT_NAMES } from './names'

interface ColumnListProps {
  block: Block
  /** The dataset's columns. */
  known: readonly Column[]
  columns: TableColumn[]
  disabled: boolean
  /** Runs a change as one step to undo. */
  write: (change: () => void) => void
}

export function ColumnList({ block, known, columns, disabled, write }: ColumnListProps) {
  const [open, setOpen] = useState<string | null>(null)
  const [drop, setDrop] = useState<{ field: string; before: string | null } | null>(null)
  const list = useRef<HTMLUListElement>(null)
  const focused = useRef<string | null>(null)
  const fields = columns.map((column) => column.field)

  const gripOf = (field: string): HTMLElement | null =>
    list.current?.querySelector<HTMLElement>(`[data-column="${CSS.escape(field)}"] .cols-grip`) ?? null

  // An element that is put elsewhere loses the focus.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the columns are the cause, not an input
  useLayoutEffect(() => {
    if (focused.current !== null) gripOf(focused.current)?.focus()
    focused.current = null
  }, [columns])

  const change = (field: string, leaves: Parameters<typeof changeColumn>[3]): void =>
    write(() => changeColumn(block, known, field, leaves))
  const move = (field: string, before: string | null): void => {
    focused.current = field
    write(() => moveColumn(block, known, field, before))
  }

  /** Follows the pointer from a grip; the row before which it is let go decides. */
  const drag = (event: React.PointerEvent<HTMLElement>, field: string): void => {
    if (event.button !== 0 || disabled) return
    const grip = event.currentTarget
    grip.setPointerCapture(event.pointerId)
    let before: string | null | undefined
    const onMove = (moved: PointerEvent): void => {
      const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-column]') ?? [])]
      const under = rows.find((row) => {
        const { top, height } = row.getBoundingClientRect()
        return moved.clientY < top + height / 2
      })
      before = under?.dataset.column ?? null
      setDrop({ field, before })
    }
    const end = (ended: Event): void => {
      grip.removeEventListener('pointermove', onMove)
      grip.removeEventListener('pointerup', end)
      grip.removeEventListener('pointercancel', end)
      grip.removeEventListener('keydown', onKey)
      setDrop(null)
      if (ended.type === 'pointerup' && before !== undefined && before !== field) move(field, before)
    }
    const onKey = (key: KeyboardEvent): void => {
      if (key.key === 'Escape') end(key)
    }
    grip.addEventListener('pointermove', onMove)
    grip.addEventListener('pointerup', end)
    grip.addEventListener('pointercancel', end)
    grip.addEventListener('keydown', onKey)
  }

  return (
    <fieldset disabled={disabled}>
      <legend className="ui-field-label">Columns</legend>
      <ul ref={list} className="cols" data-testid="column-list">
        {columns.map((column, index) => {
          const { field } = column
          const isOpen = open === field
          return (
            <li
              key={field}
              data-column={field}
              data-hidden={column.hidden ? '' : undefined}
              data-held={drop?.field === field ? '' : undefined}
              data-drop={
                drop?.before === field
                  ? 'before'
                  : drop && drop.before === null && index === columns.length - 1
                    ? 'after'
                    : undefined
              }
            >
              <div className="cols-row">
                <button
                  type="button"
                  className="cols-grip"
                  aria-label={`Move ${column.header}`}
                  aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown"
                  title="Drag, or Alt and the up and down keys"
                  onPointerDown={(event) => drag(event, field)}
                  onKeyDown={(event) => {
                    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : null
                    if (by === null) return
                    event.preventDefault()
                    event.stopPropagation()
                    if (!event.altKey) {
                      const next = fields[index + by]
                      if (next !== undefined) gripOf(next)?.focus()
                      return
                    }
                    const before = stepTarget(fields, field, by)
                    if (before !== undefined) move(field, before)
                  }}
                >
                  <GripVertical aria-hidden />
                </button>
                <button
                  type="button"
                  className="cols-name"
                  aria-expanded={isOpen}
                  title={column.index < 0 ? `The dataset has no column “${field}”` : field}
                  onClick={() => setOpen(isOpen ? null : field)}
                >
                  <ChevronRight aria-hidden />
                  <span>{column.header}</span>
                  <i>{column.index < 0 ? 'missing' : FORMAT_NAMES[column.format]}</i>
                </button>
                <button
                  type="button"
                  className="cols-eye"
                  aria-label={`Show ${column.header}`}
                  aria-pressed={!column.hidden}
                  title={column.hidden ? 'Show' : 'Hide'}
                  onClick={() => change(field, { hidden: column.hidden ? undefined : true })}
                >
                  {column.hidden ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
                </button>
              </div>
              {isOpen && (
                <div className="cols-more">
                  <Commit
                    label="Header"
                    value={column.header}
                    disabled={disabled}
                    onCommit={(header) => change(field, { header })}
                  />
                  <div className="insp-pair">
                    <Choice
                      label="Format"
                      value={column.format}
                      disabled={disabled}
                      options={FORMATS.map((format) => ({ value: format, label: FORMAT_NAMES[format] }))}
                      onChange={(type) => change(field, { type })}
                    />
                    <Choice
                      label="Align"
                      value={column.align ?? ''}
                      disabled={disabled}
                      options={[
                        { value: '', label: 'Auto' },
                        ...ALIGNS.map((align) => ({ value: align, label: ALIGN_NAMES[align] })),
                      ]}
                      onChange={(align) => change(field, { align: align === '' ? undefined : align })}
                    />
                    {isNumeric(column.format) && (
                      <NumberCommit
                        label="Decimals"
                        value={column.decimals}
                        placeholder="Auto"
                        disabled={disabled}
                        whole
                        min={0}
                        max={MAX_DECIMALS}
                        onCommit={(decimals) => change(field, { decimals: decimals ?? undefined })}
                      />
                    )}
                    {column.format === 'currency' && (
                      <Choice
                        label="Currency"
                        value={column.currency}
                        disabled={disabled}
                        options={[...new Set<string>([column.currency, ...CURRENCIES])].map((code) => ({
                          value: code,
                          label: code,
                        }))}
                        onChange={(currency) => change(field, { currency })}
                      />
                    )}
                    <NumberCommit
                      label="Width"
                      value={column.width}
                      placeholder="Auto"
                      disabled={disabled}
                      whole
                      min={MIN_WIDTH}
                      max={MAX_WIDTH}
                      onCommit={(width) => change(field, { width: width ?? undefined })}
                    />
                  </div>
                </div>
              )}
            </li>
          )
        })}
      </ul>
    </fieldset>
  )
}

/** One filter being made or changed, in a small window at its chip: a column, a comparison, a value. Loaded when first opened. */
import { Check } from 'lucide-react'
import { Popover as Radix } from 'radix-ui'
import { useId, useMemo, useRef, useState } from 'react'
import { asTime, type Column } from '../../platform/datasets/cells'
import { Button } from '../../ui/Button'
import {
  type Filter,
  type FilterOp,
  type FilterValue,
  needsValue,
  opsFor,
  opWords,
  parseValue,
  suggestions,
} from './filters'
import { type Format, formatCell, formatNumber, formatOf } from './format'
import type { SourceData } from './source'

interface EditorProps {
  anchor: HTMLElement
  old: Filter | null
  field?: string | undefined
  data: Pick<SourceData, 'columns' | 'order' | 'rows'>
  headerOf: (field: string) => string
  formatOf: (field: string) => Format | undefined
  onApply: (filter: Filter) => void
  onClose: () => void
}

/** Values shown at once; typing finds the others. */
const LISTED = 100

type Scalar = string | number | boolean

const scalarsOf = (value: FilterValue | undefined): Scalar[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value]

export default function FilterEditor(props: EditorProps) {
  const { anchor, old, data, headerOf, onApply, onClose } = props
  // A filter on a column that is gone may still be changed to another.
  const columns = useMemo<Column[]>(() => {
    const own = old?.field
    return own === undefined || data.columns.some((column) => column.name === own)
      ? data.columns
      : [...data.columns, { name: own, type: 'string' }]
  }, [data.columns, old])
  const [field, setField] = useState(
    // Most filters are on a word; an id or an amount is what one looks for with the other fields.
    () => old?.field ?? props.field ?? (columns.find((column) => column.type === 'string') ?? columns[0])?.name ?? '',
  )
  const type = columns.find((column) => column.name === field)?.type ?? 'string'
  const ops = opsFor(type)
  const [wantedOp, setOp] = useState<FilterOp>(old?.op ?? ops[0] ?? '=')
  const op = ops.includes(wantedOp) || old?.op === wantedOp ? wantedOp : (ops[0] ?? '=')
  const [chosen, setChosen] = useState<Scalar[]>(() => scalarsOf(old?.value))
  const [text, setText] = useState(() =>
    old === null || type === 'boolean' ? '' : String(scalarsOf(old.value)[0] ?? ''),
  )
  const [problem, setProblem] = useState('')
  const id = useId()

  // Choosing out of a list where there is one to choose from; typing where a person thinks of a bound or a part.
  const listed = type !== 'number' && type !== 'date' ? op === 'in' || op === '=' || op === '!=' : op === 'in'
  const many = op === 'in'

  const apply = (value: FilterValue): void => onApply({ field, op, value })
  const submit = (): void => {
    if (!needsValue(op)) apply('')
    else if (listed) {
      const first = chosen[0]
      if (first === undefined) setProblem('Choose a value.')
      else apply(many ? chosen : first)
    } else {
      const value = parseValue(text, op === 'contains' ? 'string' : type)
      if (value === null) setProblem(type === 'number' && op !== 'contains' ? 'Type a number.' : 'Type a value.')
      else apply(value)
    }
  }

  return (
    <Radix.Root
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Radix.Anchor virtualRef={{ current: anchor }} />
      <Radix.Portal>
        <Radix.Content
          className="flt-editor"
          align="start"
          sideOffset={6}
          collisionPadding={8}
          aria-label={old === null ? 'New filter' : 'Change the filter'}
          data-testid="filter-editor"
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            // Somebody else may have taken away what it was opened from.
            const frame = anchor.isConnected ? anchor : document.querySelector<HTMLElement>('.frame-selected')
            frame?.focus({ preventScroll: true })
          }}
          // React bubbles out of the portal to the block: what is pressed here ends here.
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault()
              submit()
            }}
          >
            <div className="flt-editor-row">
              <select
                className="ui-input"
                aria-label="Column"
                data-testid="filter-field"
                value={field}
                onChange={(event) => {
                  setField(event.target.value)
                  setChosen([])
                  setText('')
                  setProblem('')
                }}
              >
                {columns.map((column) => (
                  <option key={column.name} value={column.name}>
                    {headerOf(column.name)}
                  </option>
                ))}
              </select>
              <select
                className="ui-input"
                aria-label="Comparison"
                data-testid="filter-op"
                value={op}
                onChange={(event) => {
                  const next = event.target.value as FilterOp
                  setOp(next)
                  if (next !== 'in') setChosen((now) => now.slice(0, 1))
                  setProblem('')
                }}
              >
                {(ops.includes(op) ? ops : [op, ...ops]).map((one) => (
                  <option key={one} value={one}>
                    {opWords(one, type)}
                  </option>
                ))}
              </select>
            </div>
            {needsValue(op) &&
              (listed ? (
                <Values
                  key={field}
                  {...props}
                  field={field}
                  type={type}
                  many={many}
                  chosen={chosen}
                  onChange={(next) => {
                    setChosen(next)
                    setProblem('')
                  }}
                  onSubmit={submit}
                />
              ) : (
                <input
                  key={`${field}-${type}`}
                  className="ui-input"
                  aria-label="Value"
                  aria-invalid={problem !== '' ? true : undefined}
                  aria-describedby={`${id}-note`}
                  data-testid="filter-value"
                  type={type === 'date' && op !== 'contains' && !/T/.test(text) ? 'date' : 'text'}
                  inputMode={type === 'number' ? 'decimal' : 'text'}
                  autoComplete="off"
                  maxLength={200}
                  value={text}
                  onChange={(event) => {
                    setText(event.target.value)
                    setProblem('')
                  }}
                />
              ))}
            <p
              id={`${id}-note`}
              className={problem === '' ? 'flt-note' : 'flt-problem'}
              role={problem === '' ? undefined : 'alert'}
            >
              {problem === '' ? <Range {...props} field={field} type={type} /> : problem}
            </p>
            <div className="flt-editor-foot">
              <Button kind="quiet" onClick={onClose}>
                Cancel
              </Button>
              <Button kind="primary" type="submit" data-testid="filter-apply">
                {old === null ? 'Add filter' : 'Change'}
              </Button>
            </div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

type OfColumn = Pick<EditorProps, 'data' | 'formatOf'> & { field: string; type: Column['type'] }

/** From where to where the values of a column go: what a bound is chosen by. */
function Range({ data, field, type, formatOf: formatIn }: OfColumn) {
  const range = useMemo(() => {
    if (type !== 'number' && type !== 'date') return null
    const index = data.order.indexOf(field)
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (const row of data.rows) {
      const cell = row[index]
      const value = type === 'date' ? asTime(cell) : typeof cell === 'number' ? cell : null
      if (value === null) continue
      if (value < low) low = value
      if (value > high) high = value
    }
    return low > high ? null : { low, high }
  }, [data, field, type])
  if (range === null) return null
  const format = formatIn(field) ?? formatOf(type)
  const words = (value: number): string =>
    type === 'date' ? formatCell(new Date(value).toISOString(), 'date') : formatCell(value, format, { name: field })
  return `${words(range.low)} to ${words(range.high)}`
}

type ValuesProps = OfColumn & {
  many: boolean
  chosen: Scalar[]
  onChange: (chosen: Scalar[]) => void
  onSubmit: () => void
}

/** The values there are, the most frequent first, with a field that finds one among them. */
function Values({ data, field, type, formatOf: formatIn, many, chosen, onChange, onSubmit }: ValuesProps) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const [typed, setTyped] = useState('')
  const [active, setActive] = useState(0)
  const all = useMemo(() => {
    const format = formatIn(field) ?? formatOf(type)
    return suggestions(data.rows, data.order.indexOf(field)).map((one) => ({
      ...one,
      text: formatCell(one.value, format, { name: field }),
    }))
  }, [data, field, type, formatIn])

  const options = useMemo(() => {
    const needle = typed.trim().toLowerCase()
    const found = all.filter((one) => one.text.toLowerCase().includes(needle)).slice(0, LISTED)
    const own = parseValue(typed, type)
    // A value the rows here do not have may still come, or be among the many that are not listed.
    const isNew = own !== null && !found.some((one) => one.value === own || one.text === typed.trim())
    return isNew ? [...found, { value: own, count: 0, text: typed.trim() }] : found
  }, [all, typed, type])

  const toggle = (value: Scalar): void => {
    if (!many) onChange([value])
    else onChange(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value])
  }
  const go = (next: number): void => {
    const at = Math.max(0, Math.min(options.length - 1, next))
    setActive(at)
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' })
  }

  return (
    <div className="flt-values">
      <input
        className="ui-input"
        role="combobox"
        aria-label="Value"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={options.length > 0 ? `${id}-${active}` : undefined}
        placeholder={chosen.length > 0 && many ? `${formatNumber(chosen.length)} chosen` : 'Find a value'}
        autoComplete="off"
        maxLength={200}
        data-testid="filter-value"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value)
          setActive(0)
        }}
        onKeyDown={(event) => {
          const option = options[active]
          if (event.key === 'ArrowDown') go(active + 1)
          else if (event.key === 'ArrowUp') go(active - 1)
          else if (event.key === 'Enter' && option !== undefined && (event.ctrlKey || event.metaKey)) onSubmit()
          else if (event.key === 'Enter' && option !== undefined && !chosen.includes(option.value)) {
            toggle(option.value)
            setTyped('')
            setActive(all.findIndex((one) => one.value === option.value))
          } else if (event.key === ' ' && typed === '' && option !== undefined) toggle(option.value)
          else return
          event.preventDefault()
        }}
      />
      <div
        ref={list}
        id={`${id}-list`}
        role="listbox"
        aria-label="Values"
        aria-multiselectable={many}
        className="flt-list"
        tabIndex={-1}
      >
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which points here with aria-activedescendant
          <div
            key={`${typeof option.value}:${option.value}`}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={chosen.includes(option.value)}
            data-active={index === active ? '' : undefined}
            data-testid="filter-option"
            onClick={() => {
              setActive(index)
              toggle(option.value)
            }}
            onDoubleClick={onSubmit}
          >
            <Check aria-hidden />
            <span>{option.text}</span>
            {option.count > 0 ? <i aria-hidden>{formatNumber(option.count)}</i> : <i>no rows</i>}
          </div>
        ))}
        {options.length === 0 && <p className="flt-note">The column has no values.</p>}
      </div>
    </div>
  )
}

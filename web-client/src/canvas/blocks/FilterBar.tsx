/**
 * The filters of a block as chips: "Region is West ×". Every gesture here changes only what this person sees; an editor
 * may then save it for everybody.
 *
 * `FilterButton` stands in the block's head and shows itself on hover and focus; `FilterBar` is the row of chips and takes
 * no room until there is a filter. Owns neither the rules (filters.ts) nor where a view is kept (localView.ts).
 */
import { ListFilter, Plus, RotateCcw, Users, X } from 'lucide-react'
import { lazy, Suspense, useRef, useState } from 'react'
import type { Block } from '../../doc/schema'
import type { CanvasSession } from '../../sync/session'
import { IconButton, join } from '../../ui/Button'
import { type Filter, filterParts, sameFilter } from './filters'
import type { Format } from './format'
import { saveForEverybody, useView } from './localView'
import type { SourceData } from './source'
import './filterBar.css'

const FilterEditor = lazy(() => import('./FilterEditor'))

export interface FilterProps {
  session: CanvasSession
  id: string
  block: Block
  readOnly: boolean
  data: Pick<SourceData, 'columns' | 'order' | 'rows'>
  /** What the block is called, for those who do not see where the chips stand. */
  name: string
  /** How a column is called here; its name in the dataset when the block does not say. */
  headerOf?: ((field: string) => string) | undefined
  formatOf?: ((field: string) => Format | undefined) | undefined
}

interface EditorRequest {
  anchor: HTMLElement
  /** The filter that is changed, or null for a new one. */
  old: Filter | null
  field?: string | undefined
}

/** What stands where: the shared ones in their order, also those one has switched off, then one's own. */
type Chip = { filter: Filter; kind: 'shared' | 'off' | 'own' }

const same = (list: readonly Filter[], filter: Filter): boolean => list.some((one) => sameFilter(one, filter))
const without = (list: readonly Filter[], filter: Filter): Filter[] => list.filter((one) => !sameFilter(one, filter))

/** The changes a person can make to the filters they see. */
function useFilterEdits(props: Pick<FilterProps, 'session' | 'id' | 'block'>) {
  const { view, shared, own, set, reset } = useView(props.session, props.id, props.block)
  const remove = (filter: Filter): void => {
    if (same(shared, filter)) set({ off: [...without(view.off, filter), filter] })
    else set({ filters: without(view.filters, filter) })
  }
  const put = (old: Filter | null, next: Filter): void => {
    if (old !== null && sameFilter(old, next)) return
    const off = old !== null && same(shared, old) ? [...without(view.off, old), old] : view.off
    // What everybody filters by already is switched on again, not added a second time.
    if (same(shared, next)) set({ off: without(off, next), filters: old ? without(view.filters, old) : view.filters })
    else if (old !== null && same(view.filters, old)) {
      set({ filters: view.filters.map((one) => (sameFilter(one, old) ? next : one)) })
    } else set({ off, filters: [...without(view.filters, next), next] })
  }
  const restore = (filter: Filter): void => set({ off: without(view.off, filter) })
  return { view, shared, own, remove, put, restore, reset }
}

/** Opens the editor of one filter at an element, with a column chosen if the caller knows it. */
export function useFilterPopover(props: FilterProps): {
  open: (anchor: HTMLElement, old?: Filter | null, field?: string) => void
  popover: React.ReactNode
} {
  const [request, setRequest] = useState<EditorRequest | null>(null)
  const { put } = useFilterEdits(props)
  return {
    open: (anchor, old = null, field) => setRequest({ anchor, old, field }),
    popover: request !== null && (
      <Suspense fallback={null}>
        <FilterEditor
          key={request.old === null ? 'new' : JSON.stringify(request.old)}
          anchor={request.anchor}
          old={request.old}
          field={request.field}
          data={props.data}
          headerOf={props.headerOf ?? ((field) => field)}
          formatOf={props.formatOf ?? (() => undefined)}
          onClose={() => setRequest(null)}
          onApply={(filter) => {
            put(request.old, filter)
            setRequest(null)
          }}
        />
      </Suspense>
    ),
  }
}

/** "Filter" in the head of a block. */
export function FilterButton(props: FilterProps) {
  const { open, popover } = useFilterPopover(props)
  return (
    <>
      <IconButton
        size="small"
        className="flt-button"
        label={`Add a filter to ${props.name}`}
        title="Filter"
        aria-haspopup="dialog"
        icon={<ListFilter aria-hidden />}
        data-testid="filter-add"
        onClick={(event) => open(event.currentTarget)}
      />
      {popover}
    </>
  )
}

export function FilterBar(props: FilterProps) {
  const { view, shared, remove, restore, reset } = useFilterEdits(props)
  const { open, popover } = useFilterPopover(props)
  const bar = useRef<HTMLFieldSetElement>(null)
  const chips: Chip[] = [
    ...shared.map((filter): Chip => ({ filter, kind: same(view.off, filter) ? 'off' : 'shared' })),
    ...view.filters.filter((filter) => !same(shared, filter)).map((filter): Chip => ({ filter, kind: 'own' })),
  ]
  if (chips.length === 0) return popover || null
  const mine = chips.some((chip) => chip.kind !== 'shared')

  /** Left and right go from chip to chip; every button is also reached with Tab. */
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0 || event.altKey || !(event.target instanceof HTMLElement)) return
    const all = [...(bar.current?.querySelectorAll<HTMLElement>('button') ?? [])]
    const next = all[all.indexOf(event.target.closest('button') ?? event.target) + step]
    if (next === undefined) return
    event.preventDefault()
    next.focus()
  }

  /** The chip that goes away must not take the focus with it to nowhere. */
  const removeAt = (index: number): void => {
    const chip = chips[index]
    if (chip === undefined) return
    // With the last chip the bar goes, too: it cannot be asked then what it stood in.
    const frame = bar.current?.closest<HTMLElement>('[data-block-id]')
    remove(chip.filter)
    requestAnimationFrame(() => {
      const left = bar.current?.querySelectorAll<HTMLElement>('.flt-chip-main')
      const at = left?.[Math.min(index, left.length - 1)]
      ;(at ?? frame)?.focus({ preventScroll: true })
    })
  }

  return (
    <fieldset
      ref={bar}
      className="flt"
      aria-label={`Filters of ${props.name}`}
      data-testid="filter-bar"
      onKeyDown={onKeyDown}
    >
      {chips.map((chip, index) => (
        <FilterChip
          key={JSON.stringify(chip.filter)}
          chip={chip}
          props={props}
          onEdit={(anchor) => (chip.kind === 'off' ? restore(chip.filter) : open(anchor, chip.filter))}
          onRemove={() => removeAt(index)}
        />
      ))}
      <button
        type="button"
        className="flt-more"
        aria-haspopup="dialog"
        data-testid="filter-more"
        onClick={(event) => open(event.currentTarget)}
      >
        <Plus aria-hidden /> Filter
      </button>
      {mine && <OwnView {...props} reset={reset} />}
      {popover}
    </fieldset>
  )
}

/** "Reset" for everybody who changed something for themselves, "Save for everybody" for those who may. */
export function OwnView({
  session,
  id,
  block,
  readOnly,
  reset,
}: Pick<FilterProps, 'session' | 'id' | 'block' | 'readOnly'> & { reset: () => void }) {
  return (
    <span className="flt-own">
      <button
        type="button"
        className="flt-more"
        title="Back to what everybody sees"
        data-testid="view-reset"
        onClick={reset}
      >
        <RotateCcw aria-hidden /> Reset
      </button>
      {!readOnly && (
        <button
          type="button"
          className="flt-more"
          title="Everybody on this canvas will see it like this"
          data-testid="view-save"
          onClick={() => saveForEverybody(session, id, block)}
        >
          <Users aria-hidden /> Save for everybody
        </button>
      )}
    </span>
  )
}

interface ChipProps {
  chip: Chip
  props: FilterProps
  onEdit: (anchor: HTMLElement) => void
  onRemove: () => void
}

const WHO: Record<Chip['kind'], string> = {
  shared: 'Everybody sees this filter.',
  off: 'You have switched this filter off for yourself. Press to switch it on.',
  own: 'Only you see this filter.',
}

function FilterChip({ chip: { filter, kind }, props, onEdit, onRemove }: ChipProps) {
  const header = props.headerOf?.(filter.field) ?? filter.field
  const { verb, value } = filterParts(filter, props.data.columns, props.formatOf)
  const missing = !props.data.order.includes(filter.field)
  const text = `${header} ${verb}${value === '' ? '' : ` ${value}`}`
  const note = missing ? `${WHO[kind]} The dataset has no such column.` : WHO[kind]
  return (
    <span className={join('flt-chip', missing && 'flt-chip-missing')} data-kind={kind} data-testid="filter-chip">
      <button
        type="button"
        className="flt-chip-main"
        title={`${text}. ${note}`}
        aria-label={`${text}. ${note}`}
        aria-haspopup={kind === 'off' ? undefined : 'dialog'}
        onClick={(event) => onEdit(event.currentTarget)}
        onKeyDown={(event) => {
          if (kind === 'off' || (event.key !== 'Delete' && event.key !== 'Backspace')) return
          // On a canvas the same key deletes the block.
          event.preventDefault()
          onRemove()
        }}
      >
        {kind === 'shared' && <Users aria-hidden />}
        <span className="flt-chip-text">
          {header} <i>{verb}</i> {value !== '' && <b>{value}</b>}
        </span>
      </button>
      {kind !== 'off' && (
        <button type="button" className="flt-chip-x" aria-label={`Remove: ${text}`} onClick={onRemove}>
          <X aria-hidden />
        </button>
      )}
    </span>
  )
}

/** The filters everybody sees, in the settings of a block. What a person changes here is written at once, one step each. */
import { Plus, X } from 'lucide-react'
import { lazy, Suspense, useRef, useState } from 'react'
import { setContent, step } from '../../doc/schema'
import { useY } from '../../doc/useY'
import type { FilterProps } from './FilterBar'
import { type Filter, filterParts, MAX_FILTERS, sameFilter } from './filters'
import { sharedFilters } from './localView'
import './filterBar.css'

const FilterEditor = lazy(() => import('./FilterEditor'))

type SharedProps = Pick<FilterProps, 'session' | 'block' | 'data' | 'headerOf' | 'formatOf'> & { disabled: boolean }

export function SharedFilters({ session, block, data, headerOf, formatOf, disabled }: SharedProps) {
  const filters = useY(block, sharedFilters)
  const [editing, setEditing] = useState<{ anchor: HTMLElement; old: Filter | null } | null>(null)
  const more = useRef<HTMLButtonElement>(null)

  /** Decided from the filters as they are now: somebody else may have changed them while the editor was open. */
  const write = (change: (now: Filter[]) => Filter[]): void =>
    step(session, () => setContent(block, ['filters'], change(sharedFilters(block)).slice(0, MAX_FILTERS)))
  const put = (old: Filter | null, next: Filter): void =>
    write((now) => {
      const rest = now.filter((one) => !sameFilter(one, next))
      const at = old === null ? -1 : rest.findIndex((one) => sameFilter(one, old))
      return at < 0 ? [...rest, next] : rest.map((one, index) => (index === at ? next : one))
    })

  return (
    <fieldset className="flt-shared" disabled={disabled} data-testid="shared-filters">
      <legend className="ui-field-label">Filters for everybody</legend>
      {filters.map((filter) => {
        const header = headerOf?.(filter.field) ?? filter.field
        const { verb, value } = filterParts(filter, data.columns, formatOf)
        const text = `${header} ${verb}${value === '' ? '' : ` ${value}`}`
        return (
          <span key={JSON.stringify(filter)} className="flt-chip">
            <button
              type="button"
              className="flt-chip-main"
              title={text}
              aria-haspopup="dialog"
              onClick={(event) => setEditing({ anchor: event.currentTarget, old: filter })}
            >
              <span className="flt-chip-text">
                {header} <i>{verb}</i> {value !== '' && <b>{value}</b>}
              </span>
            </button>
            <button
              type="button"
              className="flt-chip-x"
              aria-label={`Remove: ${text}`}
              onClick={() => {
                // The button goes with its chip: the keys go on from the one beside.
                more.current?.focus()
                write((now) => now.filter((one) => !sameFilter(one, filter)))
              }}
            >
              <X aria-hidden />
            </button>
          </span>
        )
      })}
      <button
        ref={more}
        type="button"
        className="flt-more"
        aria-haspopup="dialog"
        data-testid="shared-filter-add"
        onClick={(event) => setEditing({ anchor: event.currentTarget, old: null })}
      >
        <Plus aria-hidden /> Filter
      </button>
      {editing && (
        <Suspense fallback={null}>
          <FilterEditor
            key={editing.old === null ? 'new' : JSON.stringify(editing.old)}
            anchor={editing.anchor}
            old={editing.old}
            data={data}
            headerOf={headerOf ?? ((field) => field)}
            formatOf={formatOf ?? (() => undefined)}
            onClose={() => setEditing(null)}
            onApply={(filter) => {
              put(editing.old, filter)
              setEditing(null)
            }}
          />
        </Suspense>
      )}
    </fieldset>
  )
}

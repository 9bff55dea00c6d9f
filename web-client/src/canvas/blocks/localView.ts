/**
 * What one person filters, sorts and hides for themselves. Kept per page and per block in this tab's sessionStorage, and
 * never in the document: others are not disturbed, and a viewer needs no permission.
 *
 * Owns the store and how a person's own choice lies over what the canvas says. Refuses to draw (FilterBar does).
 */
import { useCallback, useMemo } from 'react'
import { useStore } from 'zustand'
import { createStore, type StoreApi } from 'zustand/vanilla'
import { type Block, getContent, type Json, setContent, step } from '../../doc/schema'
import { useY } from '../../doc/useY'
import type { CanvasSession } from '../../sync/session'
import { type Filter, readFilters, sameFilter } from './filters'

export interface SortRule {
  id: string
  desc: boolean
}

export interface LocalView {
  /** Filters of one's own, on top of the shared ones. */
  filters: Filter[]
  /** Shared filters one has switched off for oneself. */
  off: Filter[]
  /** One's own order; null follows the canvas, an empty list is the order of the data. */
  sort: SortRule[] | null
  /** Series of a chart, or columns, one does not want to see. */
  hidden: string[]
  /** What stands in the filter box. */
  search: string
  /** Widths of columns, in pixels, of somebody who may not set them for everybody. */
  widths: Record<string, number>
}

export const NO_VIEW: LocalView = { filters: [], off: [], sort: null, hidden: [], search: '', widths: {} }

type Views = Record<string, LocalView>

const stores = new Map<string, StoreApi<Views>>()
const keyOf = (canvas: string): string => `jabiru.view.${canvas}`

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A view out of storage: whatever another version left there, only what is understood is taken. */
export function readView(value: unknown): LocalView {
  if (!isObject(value)) return NO_VIEW
  const { sort, hidden, search, widths } = value
  return {
    filters: readFilters(value.filters as Json),
    off: readFilters(value.off as Json),
    sort: Array.isArray(sort)
      ? sort.flatMap((rule) =>
          isObject(rule) && typeof rule.id === 'string' ? [{ id: rule.id, desc: rule.desc === true }] : [],
        )
      : null,
    hidden: Array.isArray(hidden) ? hidden.filter((name) => typeof name === 'string') : [],
    search: typeof search === 'string' ? search : '',
    widths: isObject(widths)
      ? Object.fromEntries(
          Object.entries(widths).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
        )
      : {},
  }
}

function load(canvas: string): Views {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(keyOf(canvas)) ?? '{}')
    if (isObject(stored)) return Object.fromEntries(Object.entries(stored).map(([id, view]) => [id, readView(view)]))
  } catch {
    // Not readable, or no storage: nothing is remembered, and nothing else happens.
  }
  return {}
}

/** The views of one canvas in this tab. */
export function viewsOf(canvas: string): StoreApi<Views> {
  let store = stores.get(canvas)
  if (store === undefined) {
    store = createStore<Views>(() => load(canvas))
    store.subscribe((views) => {
      try {
        if (Object.keys(views).length === 0) sessionStorage.removeItem(keyOf(canvas))
        else sessionStorage.setItem(keyOf(canvas), JSON.stringify(views))
      } catch {
        // Full or forbidden: the view lives as long as the page.
      }
    })
    stores.set(canvas, store)
  }
  return store
}

/** Forgets the stores, as a reload does. For tests. */
export const forgetViews = (): void => stores.clear()

const isPlain = (view: LocalView): boolean =>
  view.filters.length === 0 &&
  view.off.length === 0 &&
  view.sort === null &&
  view.hidden.length === 0 &&
  view.search === '' &&
  Object.keys(view.widths).length === 0

export function setView(canvas: string, block: string, change: Partial<LocalView>): void {
  viewsOf(canvas).setState((views) => {
    const next = { ...(views[block] ?? NO_VIEW), ...change }
    const { [block]: _old, ...others } = views
    return isPlain(next) ? others : { ...others, [block]: next }
  }, true)
}

/** The filters that apply for this person: the shared ones that are on, then their own. */
export function effectiveFilters(shared: readonly Filter[], view: Pick<LocalView, 'filters' | 'off'>): Filter[] {
  return [
    ...shared.filter((filter) => !view.off.some((other) => sameFilter(filter, other))),
    ...view.filters.filter((own) => !shared.some((filter) => sameFilter(filter, own))),
  ]
}

export const sharedFilters = (block: Block): Filter[] => readFilters(getContent(block, ['filters']))

/** The stored form of a default order: a signed name, or a list of them. Undefined when there is none. */
export const sortLeaf = (rules: readonly SortRule[]): Json | undefined => {
  const names = rules.map((rule) => `${rule.desc ? '-' : '+'}${rule.id}`)
  return names.length > 1 ? names : names[0]
}

/** Makes this person's filters and order everybody's, as one step, and their own view plain again. */
export function saveForEverybody(session: CanvasSession, id: string, block: Block): void {
  if (!session.canEdit) return
  const view = viewsOf(session.canvasId).getState()[id] ?? NO_VIEW
  const filters = effectiveFilters(sharedFilters(block), view)
  step(session, () => {
    if (view.filters.length > 0 || view.off.length > 0) setContent(block, ['filters'], filters)
    if (view.sort !== null) setContent(block, ['sorting', 'defaultSort'], sortLeaf(view.sort))
  })
  setView(session.canvasId, id, { filters: [], off: [], sort: null })
}

export interface BlockView {
  view: LocalView
  /** What the canvas says. */
  shared: Filter[]
  /** What applies for this person: pass it to `applyFilters`. The same array until something changes. */
  filters: Filter[]
  /** Something is different for this person only (filters, order, search, what is hidden). */
  own: boolean
  set: (change: Partial<LocalView>) => void
  /** Back to what everybody sees. */
  reset: () => void
}

/** One block as this person sees it. */
export function useView(session: CanvasSession, id: string, block: Block): BlockView {
  const canvas = session.canvasId
  const view = useStore(viewsOf(canvas), (views) => views[id] ?? NO_VIEW)
  const shared = useY(block, sharedFilters)
  const { filters: mine, off } = view
  const filters = useMemo(() => effectiveFilters(shared, { filters: mine, off }), [shared, mine, off])
  const set = useCallback((change: Partial<LocalView>) => setView(canvas, id, change), [canvas, id])
  const reset = useCallback(() => setView(canvas, id, NO_VIEW), [canvas, id])
  return { view, shared, filters, own: !isPlain(view), set, reset }
}

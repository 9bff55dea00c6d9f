/**
 * Blocks, as the rest of the client sees them: which types there are, a view of one and an inspector of one.
 *
 * Owns lazy loading (a block's code arrives when the first of its kind is mounted, which the frame does near the view), the boundary that keeps a
 * failing block's error inside the block, and the placeholder for types this version does not know.
 */
import { Box, TriangleAlert } from 'lucide-react'
import {
  Component,
  type ComponentType,
  lazy,
  memo,
  type ReactNode,
  Suspense,
  useEffect,
  useSyncExternalStore,
} from 'react'
import { useStore } from 'zustand'
import { describeError } from '../../app/api'
import { withQueries } from '../../app/loading'
import { type Block, type BlockProps, type Blocks, blockType, getAt, getContent } from '../../doc/schema'
import { useY } from '../../doc/useY'
import type { CanvasSession } from '../../sync/session'
import { Button } from '../../ui/Button'
import './blocks.css'
import { Loading, Message } from './states'

export { BLOCK_TYPES, type BlockType, typeOf } from './types'

export interface InspectorProps {
  id: string
  block: Block
  session: CanvasSession
  /** False where the person may look at the settings but not change them. */
  editable: boolean
}

type Loader<P> = () => Promise<{ default: ComponentType<P> }>

const views: Record<string, Loader<BlockProps>> = {
  chart: () => import('./chart/ChartBlock'),
  narrative: () => import('./narrative/NarrativeBlock'),
  table: () => import('./table/TableBlock'),
  metric: () => import('./metric/MetricBlock'),
  heading: () => import('./heading/HeadingBlock'),
  image: () => import('./image/ImageBlock'),
  divider: () => import('./divider/DividerBlock'),
}

type View = ComponentType<BlockProps>

/**
 * The code of each type: here, on its way, or failed. Not React's `lazy`: a view that has arrived is drawn at once, where
 * a suspended one is held back by 300 ms so that fallbacks do not flicker, for every block of a first screen.
 */
const code = new Map<string, { view?: View; error?: unknown }>()
const waiting = new Set<() => void>()

const load = (type: string): void => {
  const loader = Object.hasOwn(views, type) ? views[type] : undefined
  if (loader === undefined || code.has(type)) return
  code.set(type, {})
  const settle = (now: { view?: View; error?: unknown }): void => {
    code.set(type, now)
    for (const notify of waiting) notify()
  }
  withQueries(loader)().then(
    (loaded) => settle({ view: loaded.default }),
    (error: unknown) => settle({ error: error ?? new Error('The code of this block could not be loaded.') }),
  )
}

const subscribe = (notify: () => void): (() => void) => {
  waiting.add(notify)
  return () => waiting.delete(notify)
}

/** Draws a block once its code is here; throws what kept it from coming, for the boundary around it. */
function Loaded({ type, ...props }: BlockProps & { type: string }) {
  const now = useSyncExternalStore(subscribe, () => code.get(type))
  useEffect(() => load(type), [type])
  if (now?.error !== undefined) throw now.error
  const Shown = now?.view
  return Shown === undefined ? <Loading kind={type === 'chart' ? 'bars' : 'lines'} /> : <Shown {...props} />
}

/** Rows of a first screen, roughly: what is further down can wait for its turn. */
const FIRST_ROWS = 16
/** Datasets read ahead. A canvas shows one or two of them. */
const FIRST_DATASETS = 4

const loadDatasets = () => Promise.all([import('../../app/queries'), import('../../platform/datasets/hooks')])

/** What nearly every canvas has. */
const COMMON = ['chart', 'narrative', 'table']

/** Loads the code of common blocks, and what reads their rows, while the canvas itself is still on its way. */
export const warm = (): void => {
  loadDatasets()
    .then(([, { openKept }]) => openKept())
    .catch(() => undefined)
  for (const type of COMMON) load(type)
}

/**
 * Starts loading what the first screen of a canvas needs, code and rows at the same time: otherwise the rows would be
 * asked for when the code is here, and the code when the frame has been seen.
 */
export const preload = (blocks: Blocks): void => {
  const first = [...blocks.values()].filter((block) => getAt(block)[1] < FIRST_ROWS)
  const named = first.map((block) => getContent(block, ['data_source', 'dataset_id']))
  const datasets = new Set(named.filter((id) => typeof id === 'string' && id !== ''))
  if (datasets.size > 0) {
    loadDatasets().then(
      ([{ queries }, { prefetchDataset }]) => {
        for (const id of [...datasets].slice(0, FIRST_DATASETS)) prefetchDataset(queries, String(id))
      },
      () => undefined,
    )
  }
  for (const type of new Set(first.map(blockType))) load(type)
}

export const BlockView = memo(function BlockView(props: BlockProps) {
  const type = useY(props.block, blockType)
  return (
    <div className="blk" data-readonly={props.readOnly ? '' : undefined}>
      {Object.hasOwn(views, type) ? (
        <Boundary name={type} onReset={() => code.delete(type)}>
          <Loaded type={type} {...props} />
        </Boundary>
      ) : (
        <Unknown type={type} />
      )}
    </div>
  )
})

function Unknown({ type }: { type: string }) {
  return (
    <Message icon={<Box aria-hidden />} title={`Block of type “${type.slice(0, 40)}”`}>
      <p>This version of Jabiru cannot show it. The block is kept as it is; reload the page to get a newer version.</p>
    </Message>
  )
}

interface BoundaryProps {
  name: string
  onReset: () => void
  children: ReactNode
}

class Boundary extends Component<BoundaryProps, { error: unknown }> {
  override state: { error: unknown } = { error: null }

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error('Something went wrong.') }
  }

  override componentDidUpdate(before: BoundaryProps) {
    // The block became another kind: what failed is not what is shown now.
    if (before.name !== this.props.name && this.state.error !== null) this.setState({ error: null })
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return (
      <Message icon={<TriangleAlert aria-hidden />} title={`This ${this.props.name} could not be shown`}>
        <p role="alert">{describeError(error)}</p>
        <Button
          onClick={() => {
            this.props.onReset()
            this.setState({ error: null })
          }}
        >
          Try again
        </Button>
      </Message>
    )
  }
}

const LazyInspector = lazy(withQueries(() => import('./Inspector')))

/** The panel's content for one block. */
export function Inspector(props: Omit<InspectorProps, 'editable'>) {
  const editable = useStore(props.session.store, (state) => state.canEdit)
  return (
    <Boundary name="inspector" onReset={() => undefined} key={props.id}>
      <Suspense fallback={<Loading kind="lines" />}>
        <LazyInspector {...props} editable={editable} />
      </Suspense>
    </Boundary>
  )
}

/**
 * The inspector of a block: which block it is, the settings of its type beside the block that shows each change at once, and
 * what every block has. Each type's settings arrive with the first block of it that is selected.
 */
import { Box } from 'lucide-react'
import { type ComponentType, type LazyExoticComponent, lazy, Suspense } from 'react'
import { type Block, blockType, isLocked, setLocked, step } from '../../doc/schema'
import { useY } from '../../doc/useY'
import { blockName } from '../actions'
import { Check } from './fields'
import './inspector.css'
import type { InspectorProps } from './registry'
import { Loading } from './states'
import { typeOf } from './types'

const inspectors: Record<string, LazyExoticComponent<ComponentType<InspectorProps>>> = {
  chart: lazy(() => import('./chart/ChartInspector')),
  narrative: lazy(() => import('./narrative/NarrativeInspector')),
  table: lazy(() => import('./table/TableInspector')),
  metric: lazy(() => import('./metric/MetricInspector')),
  image: lazy(() => import('./image/ImageInspector')),
  heading: lazy(() => import('./heading/HeadingInspector')),
}

export default function Inspector(props: InspectorProps) {
  const type = useY(props.block, blockType)
  const Settings = Object.hasOwn(inspectors, type) ? inspectors[type] : undefined
  return (
    <>
      <Head block={props.block} type={type} />
      {Settings ? (
        <Suspense fallback={<Loading kind="lines" />}>
          <Settings {...props} />
        </Suspense>
      ) : (
        !typeOf(type) && (
          <p className="insp-none">This version of Jabiru has no settings for a block of type “{type.slice(0, 40)}”.</p>
        )
      )}
      <Common id={props.id} block={props.block} session={props.session} editable={props.editable} />
    </>
  )
}

function Head({ block, type }: { block: Block; type: string }) {
  // A narrative's name is its first line: it is followed while somebody types.
  const name = useY(block, blockName, { text: true })
  const kind = typeOf(type)
  const Icon = kind?.icon ?? Box
  return (
    <header className="insp-top">
      <span className="insp-icon">
        <Icon aria-hidden />
      </span>
      <div>
        <h2>{kind?.label ?? type.slice(0, 40)}</h2>
        {!name.startsWith('Untitled ') && <p title={name}>{name}</p>}
      </div>
    </header>
  )
}

/** What every block has, whatever its type. */
function Common({ id, block, session, editable }: InspectorProps) {
  const locked = useY(block, isLocked)
  return (
    <div className="insp insp-common">
      <Check
        label="Lock position and size"
        checked={locked}
        disabled={!editable}
        onChange={(on) => step(session, () => setLocked(session.doc, id, on))}
      />
    </div>
  )
}

/**
 * The inspector of a block: the settings of its type, beside the block that shows each change at once. Each type's settings arrive
 * with the first block of it that is selected.
 */
import { type ComponentType, type LazyExoticComponent, lazy } from 'react'
import { blockType } from '../../doc/schema'
import { useY } from '../../doc/useY'
import './inspector.css'
import type { InspectorProps } from './registry'

const inspectors: Record<string, LazyExoticComponent<ComponentType<InspectorProps>>> = {
  chart: lazy(() => import('./chart/ChartInspector')),
  narrative: lazy(() => import('./narrative/NarrativeInspector')),
  table: lazy(() => import('./table/TableInspector')),
}

export default function Inspector(props: InspectorProps) {
  const type = useY(props.block, blockType)
  const Settings = Object.hasOwn(inspectors, type) ? inspectors[type] : undefined
  if (Settings) return <Settings {...props} />
  return (
    <div className="insp">
      <p className="insp-note">There is nothing to set for a block of type “{type.slice(0, 40)}”.</p>
    </div>
  )
}

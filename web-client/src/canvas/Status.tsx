/** The status light. Its words come from `sync/status.ts`; this only draws them. */
import { CloudCheck, CloudOff, CloudUpload, Eye, LoaderCircle, OctagonAlert } from 'lucide-react'
import { useStore } from 'zustand'
import type { CanvasSession } from '../sync/session'
import type { StatusKind } from '../sync/status'

const ICON: Record<StatusKind, typeof CloudCheck> = {
  saved: CloudCheck,
  saving: CloudUpload,
  offline: CloudOff,
  reconnecting: LoaderCircle,
  'read-only': Eye,
  closed: OctagonAlert,
}

export function Status({ session }: { session: CanvasSession }) {
  const { kind, label, detail } = useStore(session.store, (state) => state.status)
  const lossy = useStore(session.store, (state) => state.storageFailed && state.status.kind === 'offline')
  const Icon = ICON[kind]
  const more = lossy ? `${detail} This browser keeps nothing on the device, so do not close the page.` : detail
  return (
    <output className="status" data-testid="status" data-status={kind} title={more}>
      <Icon aria-hidden="true" />
      <span>{label}</span>
      {/* A tooltip is not for everybody: the sentence is part of what is read out when it matters. */}
      {kind !== 'saved' && kind !== 'saving' && <span className="visually-hidden">{more}</span>}
    </output>
  )
}

/** What a block shows when it has nothing to show: no data chosen, loading, failed, empty. One look for all blocks. */
import { ChartColumn, CloudOff, Database, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { describeError } from '../../app/api'
import { Button } from '../../ui/Button'

export function Message({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="blk-state">
      {icon}
      <strong>{title}</strong>
      {children}
    </div>
  )
}

export function NoSource({ foreign, readOnly }: { foreign: boolean; readOnly: boolean }) {
  return (
    <Message icon={<Database aria-hidden />} title="No data source">
      <p>
        {foreign
          ? 'This block asks for a kind of data that is not available here. What it asks for is kept.'
          : 'Nothing has been chosen to show here.'}
        {!readOnly && ' Select the block and choose a dataset.'}
      </p>
    </Message>
  )
}

export function Loading({ kind }: { kind: 'bars' | 'lines' }) {
  const sizes = kind === 'bars' ? [45, 70, 55, 90, 65, 80] : [60, 92, 84, 96, 70, 88]
  return (
    <div className="blk-skeleton" data-kind={kind} role="status" aria-label="Loading">
      {sizes.map((size) => (
        <i key={size} style={kind === 'bars' ? { height: `${size}%` } : { width: `${size}%` }} />
      ))}
    </div>
  )
}

export function Failed({ error, retry, retrying }: { error: unknown; retry: () => void; retrying?: boolean }) {
  return (
    <Message icon={<CloudOff aria-hidden />} title="The data could not be loaded">
      <p role="alert">{describeError(error)}</p>
      <Button onClick={retry} disabled={retrying ?? false}>
        {retrying ? 'Trying…' : 'Retry'}
      </Button>
    </Message>
  )
}

export function Empty({ children }: { children: ReactNode }) {
  return (
    <Message icon={<ChartColumn aria-hidden />} title="Nothing to show">
      <p>{children}</p>
    </Message>
  )
}

/** Data that was read before is kept while a newer read fails; this says so. */
export function Stale({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <div className="blk-stale" role="status">
      <TriangleAlert aria-hidden size={13} />
      <span>Shown as last read. {describeError(error)}</span>
      <button type="button" onClick={retry}>
        Retry
      </button>
    </div>
  )
}

/** The line under a block that says what is not shown. */
export function Notes({ notes }: { notes: string[] }) {
  return notes.length === 0 ? null : <div className="blk-notes">{notes.join(' · ')}</div>
}

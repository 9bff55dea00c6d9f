/**
 * Choosing a dataset: the one that is chosen, what it is and where it is from; a window with the list of all; and a file
 * as a new one. What goes wrong is shown in place, with the line and column of a bad file. Owns no block: it only tells
 * which dataset was chosen.
 */
import { ChevronsUpDown, Database, Upload as UploadIcon } from 'lucide-react'
import { lazy, Suspense, useRef, useState } from 'react'
import { describeError } from '../../app/api'
import { Button } from '../../ui/Button'
import type { Dataset } from './api'
import './datasets.css'
import { useDatasets } from './hooks'
import { Source } from './Source'
import { UploadState } from './UploadState'
import { ACCEPTED, useUpload } from './useUpload'

const DatasetDialog = lazy(() => import('./DatasetDialog'))

const count = new Intl.NumberFormat()

interface DatasetPickerProps {
  value: string
  disabled?: boolean
  onPick: (dataset: Dataset) => void
}

export function DatasetPicker({ value, disabled = false, onPick }: DatasetPickerProps) {
  const datasets = useDatasets()
  const [open, setOpen] = useState(false)
  const { upload, send, stop } = useUpload(onPick)
  const file = useRef<HTMLInputElement>(null)
  const trigger = useRef<HTMLButtonElement>(null)
  const list = datasets.data ?? []
  const chosen = list.find((dataset) => dataset.id === value)
  const sending = upload.state === 'sending'
  const words = chosen
    ? chosen.name
    : datasets.isPending
      ? 'Loading…'
      : value !== ''
        ? 'A dataset not in your list'
        : 'Choose a dataset'

  return (
    <div className="ds-picker">
      <span className="ui-field-label" aria-hidden>
        Dataset
      </span>
      <button
        ref={trigger}
        type="button"
        className="ds-chosen"
        aria-haspopup="dialog"
        aria-expanded={open}
        data-testid="dataset-select"
        data-empty={chosen ? undefined : ''}
        // Not `disabled`: what was chosen here is read for a moment, and a button that cannot have the focus would lose it.
        aria-disabled={disabled}
        onClick={() => {
          if (!disabled) setOpen(true)
        }}
      >
        <Database aria-hidden />
        <span className="visually-hidden">Dataset:</span>
        <span>
          <b>{words}</b>
          {chosen && (
            <i>
              {count.format(chosen.row_count)} {chosen.row_count === 1 ? 'row' : 'rows'}, {chosen.columns.length}{' '}
              {chosen.columns.length === 1 ? 'column' : 'columns'}
            </i>
          )}
        </span>
        <ChevronsUpDown aria-hidden />
      </button>

      {datasets.isError && (
        <p className="ds-error" role="alert">
          {describeError(datasets.error)}{' '}
          <button type="button" className="ds-link" onClick={() => void datasets.refetch()}>
            Retry
          </button>
        </p>
      )}
      {chosen && (chosen.source || chosen.licence) && (
        <p className="ds-about">
          {chosen.source && (
            <>
              Source: <Source text={chosen.source} />
              {chosen.licence && '. '}
            </>
          )}
          {chosen.licence && `Licence: ${chosen.licence}`}
        </p>
      )}

      <input
        ref={file}
        type="file"
        accept={ACCEPTED}
        className="visually-hidden"
        tabIndex={-1}
        aria-label="CSV or JSON file"
        data-testid="dataset-file"
        disabled={disabled || sending}
        onChange={(event) => {
          const picked = event.target.files?.[0]
          // The same file may be chosen again after it was corrected.
          event.target.value = ''
          if (picked) send(picked)
        }}
      />
      {!sending && (
        <Button disabled={disabled} onClick={() => file.current?.click()}>
          <UploadIcon aria-hidden /> Upload CSV or JSON
        </Button>
      )}
      <UploadState upload={upload} onStop={stop} />

      {open && (
        <Suspense fallback={null}>
          <DatasetDialog
            value={value}
            onClose={() => {
              setOpen(false)
              requestAnimationFrame(() => trigger.current?.focus())
            }}
            onPick={(dataset) => {
              setOpen(false)
              requestAnimationFrame(() => trigger.current?.focus())
              onPick(dataset)
            }}
          />
        </Suspense>
      )}
    </div>
  )
}

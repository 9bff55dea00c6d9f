/**
 * Choosing a dataset: the list there is, and a file as a new one. What goes wrong is shown in place, with the line and
 * column of a bad file. Owns no block: it only tells which dataset was chosen.
 */
import { Database, Upload } from 'lucide-react'
import { useEffect, useId, useRef, useState } from 'react'
import { describeError } from '../../app/api'
import { Button } from '../../ui/Button'
import { type Dataset, placeOf, uploadDataset } from './api'
import './datasets.css'
import { useAddDataset, useDatasets } from './hooks'

/** Files above this are refused before they are sent, bytes. The server's own default limit. */
export const MAX_FILE = 64 * 1_048_576

const count = new Intl.NumberFormat()

interface DatasetPickerProps {
  value: string
  disabled?: boolean
  onPick: (dataset: Dataset) => void
}

type Sending =
  | { state: 'idle' }
  | { state: 'sending'; name: string; share: number }
  | { state: 'failed'; name: string; place: string; message: string }

export function DatasetPicker({ value, disabled = false, onPick }: DatasetPickerProps) {
  const datasets = useDatasets()
  const addDataset = useAddDataset()
  const [upload, setUpload] = useState<Sending>({ state: 'idle' })
  const abort = useRef<AbortController | null>(null)
  const file = useRef<HTMLInputElement>(null)
  const id = useId()

  useEffect(() => () => abort.current?.abort(), [])

  const send = async (chosen: File) => {
    if (chosen.size > MAX_FILE) {
      setUpload({
        state: 'failed',
        name: chosen.name,
        place: '',
        message: `The file has ${Math.ceil(chosen.size / 1_048_576)} MiB; a dataset may have ${MAX_FILE / 1_048_576} MiB.`,
      })
      return
    }
    const controller = new AbortController()
    abort.current = controller
    setUpload({ state: 'sending', name: chosen.name, share: 0 })
    try {
      const dataset = await uploadDataset(
        chosen,
        (share) => setUpload({ state: 'sending', name: chosen.name, share }),
        controller.signal,
      )
      addDataset(dataset)
      setUpload({ state: 'idle' })
      onPick(dataset)
    } catch (error) {
      if (controller.signal.aborted) setUpload({ state: 'idle' })
      else setUpload({ state: 'failed', name: chosen.name, place: placeOf(error), message: describeError(error) })
    }
  }

  const list = datasets.data ?? []
  const chosen = list.find((dataset) => dataset.id === value)
  const sending = upload.state === 'sending'

  return (
    <div className="ds-picker">
      <label className="ui-field" htmlFor={`${id}-list`}>
        <span className="ui-field-label">Dataset</span>
        <select
          id={`${id}-list`}
          className="ui-input"
          data-testid="dataset-select"
          value={chosen ? value : value === '' ? '' : 'gone'}
          disabled={disabled || datasets.isPending}
          onChange={(event) => {
            const dataset = list.find((one) => one.id === event.target.value)
            if (dataset) onPick(dataset)
          }}
        >
          <option value="" disabled>
            {datasets.isPending ? 'Loading datasets…' : list.length === 0 ? 'No datasets yet' : 'Choose a dataset'}
          </option>
          {value !== '' && !chosen && (
            <option value="gone" disabled>
              {datasets.isPending ? 'Loading…' : 'A dataset not in your list'}
            </option>
          )}
          {list.map((dataset) => (
            <option key={dataset.id} value={dataset.id}>
              {dataset.name} ({count.format(dataset.row_count)} rows)
            </option>
          ))}
        </select>
      </label>

      {datasets.isError && (
        <p className="ds-error" role="alert">
          {describeError(datasets.error)}{' '}
          <button type="button" className="ds-link" onClick={() => void datasets.refetch()}>
            Retry
          </button>
        </p>
      )}

      {chosen && (
        <p className="ds-about">
          <Database aria-hidden />
          <span>
            {count.format(chosen.row_count)} rows, {chosen.columns.length} columns
            {chosen.source && (
              <>
                {'. Source: '}
                <Source text={chosen.source} />
              </>
            )}
            {chosen.licence && `. Licence: ${chosen.licence}`}
          </span>
        </p>
      )}

      <input
        ref={file}
        id={`${id}-file`}
        type="file"
        accept=".csv,.json,text/csv,application/json"
        className="visually-hidden"
        tabIndex={-1}
        aria-label="CSV or JSON file"
        data-testid="dataset-file"
        disabled={disabled || sending}
        onChange={(event) => {
          const picked = event.target.files?.[0]
          // The same file may be chosen again after it was corrected.
          event.target.value = ''
          if (picked) void send(picked)
        }}
      />
      {sending ? (
        <div className="ds-upload">
          <div className="ds-upload-name">
            {upload.share < 1 ? `Uploading ${upload.name}` : `Reading ${upload.name}`}
          </div>
          <progress
            value={upload.share < 1 ? upload.share : undefined}
            max={1}
            aria-label={`Upload of ${upload.name}`}
          />
          <Button kind="quiet" onClick={() => abort.current?.abort()}>
            Stop
          </Button>
        </div>
      ) : (
        <Button disabled={disabled} onClick={() => file.current?.click()}>
          <Upload aria-hidden /> Upload CSV or JSON
        </Button>
      )}
      {upload.state === 'failed' && (
        <div className="ds-error" role="alert" data-testid="dataset-error">
          <strong>{upload.name} was not taken.</strong> {upload.place && <span>{upload.place}: </span>}
          {upload.message}
        </div>
      )}
    </div>
  )
}

function Source({ text }: { text: string }) {
  return /^https?:\/\//i.test(text) ? (
    <a href={text} target="_blank" rel="noopener noreferrer">
      {hostOf(text)}
    </a>
  ) : (
    text
  )
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

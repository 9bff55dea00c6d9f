/**
 * All datasets in a window: found by their name or their columns, looked into before one is taken. A file that is dropped
 * or chosen here becomes a dataset and is taken at once. Loaded when it is first opened.
 */
import { FileUp, Search } from 'lucide-react'
import { useId, useMemo, useRef, useState } from 'react'
import { describeError } from '../../app/api'
import { Button } from '../../ui/Button'
import { Dialog } from '../../ui/Dialog'
import type { Dataset } from './api'
import type { Cell } from './cells'
import { useDatasets, usePreview } from './hooks'
import { Source } from './Source'
import { UploadState } from './UploadState'
import { ACCEPTED, useUpload } from './useUpload'

const count = new Intl.NumberFormat()
const many = (number: number, one: string): string => `${count.format(number)} ${one}${number === 1 ? '' : 's'}`

/** Columns of the preview: enough to recognise the data by. */
const PREVIEW_COLUMNS = 8

interface DialogProps {
  value: string
  onPick: (dataset: Dataset) => void
  onClose: () => void
}

const matches = (dataset: Dataset, words: string[]): boolean => {
  const text = [dataset.name, dataset.source ?? '', ...dataset.columns.map((column) => column.name)]
    .join('\n')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

export default function DatasetDialog({ value, onPick, onClose }: DialogProps) {
  const datasets = useDatasets()
  const { upload, send, stop } = useUpload(onPick)
  const [typed, setTyped] = useState('')
  const [looked, setLooked] = useState(value)
  const [dropping, setDropping] = useState(false)
  const list = useRef<HTMLDivElement>(null)
  const file = useRef<HTMLInputElement>(null)
  const id = useId()

  const found = useMemo(() => {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
    return (datasets.data ?? []).filter((dataset) => matches(dataset, words))
  }, [datasets.data, typed])
  const at = Math.max(
    0,
    found.findIndex((dataset) => dataset.id === looked),
  )
  const active = found[at]

  const go = (index: number): void => {
    const next = found[Math.max(0, Math.min(found.length - 1, index))]
    if (next === undefined) return
    setLooked(next.id)
    list.current?.children[found.indexOf(next)]?.scrollIntoView({ block: 'nearest' })
  }

  return (
    <Dialog
      wide
      onClose={onClose}
      title="Choose a dataset"
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            disabled={active === undefined}
            data-testid="dataset-use"
            onClick={() => active && onPick(active)}
          >
            Use this dataset
          </Button>
        </>
      }
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a file may be dropped anywhere; the button beside does the same */}
      <div
        className="ds-dialog"
        data-dropping={dropping ? '' : undefined}
        onDragOver={(event) => {
          if (!event.dataTransfer.types.includes('Files')) return
          // Taken here, and not by the canvas behind.
          event.preventDefault()
          event.stopPropagation()
          setDropping(true)
        }}
        onDragLeave={(event) => {
          if (event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)) return
          setDropping(false)
        }}
        onDrop={(event) => {
          event.preventDefault()
          event.stopPropagation()
          setDropping(false)
          const dropped = event.dataTransfer.files[0]
          if (dropped) send(dropped)
        }}
      >
        <div className="ds-all">
          <div className="ds-find">
            <Search aria-hidden />
            <input
              className="ui-input"
              role="combobox"
              autoFocus
              aria-label="Find a dataset"
              aria-expanded
              aria-controls={`${id}-list`}
              aria-activedescendant={active ? `${id}-${active.id}` : undefined}
              placeholder="Find by name or column"
              autoComplete="off"
              data-testid="dataset-find"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'ArrowDown') go(at + 1)
                else if (event.key === 'ArrowUp') go(at - 1)
                else if (event.key === 'Enter' && active) onPick(active)
                else return
                event.preventDefault()
              }}
            />
          </div>
          <div ref={list} id={`${id}-list`} role="listbox" aria-label="Datasets" className="ds-list" tabIndex={-1}>
            {found.map((dataset) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's, which points here with aria-activedescendant
              <div
                key={dataset.id}
                id={`${id}-${dataset.id}`}
                role="option"
                tabIndex={-1}
                aria-selected={dataset.id === active?.id}
                data-testid="dataset-option"
                onClick={() => setLooked(dataset.id)}
                onDoubleClick={() => onPick(dataset)}
              >
                <b>{dataset.name}</b>
                <i>
                  {many(dataset.row_count, 'row')}, {many(dataset.columns.length, 'column')}
                </i>
              </div>
            ))}
          </div>
          {found.length === 0 && (
            <p className="ds-none" role="status">
              {datasets.isPending
                ? 'Loading datasets…'
                : typed.trim() !== ''
                  ? `No dataset matches “${typed.trim()}”.`
                  : 'No datasets yet. Upload the first one below.'}
            </p>
          )}
          {datasets.isError && (
            <p className="ds-error" role="alert">
              {describeError(datasets.error)}{' '}
              <button type="button" className="ds-link" onClick={() => void datasets.refetch()}>
                Retry
              </button>
            </p>
          )}
          <input
            ref={file}
            type="file"
            accept={ACCEPTED}
            className="visually-hidden"
            tabIndex={-1}
            aria-label="CSV or JSON file"
            data-testid="dataset-dialog-file"
            onChange={(event) => {
              const picked = event.target.files?.[0]
              event.target.value = ''
              if (picked) send(picked)
            }}
          />
          {upload.state !== 'sending' && (
            <button type="button" className="ds-drop" onClick={() => file.current?.click()}>
              <FileUp aria-hidden />
              <span>
                <b>Upload CSV or JSON</b>
                <i>or drop the file here</i>
              </span>
            </button>
          )}
          <UploadState upload={upload} onStop={stop} />
        </div>
        <div className="ds-look">{active && <Preview key={active.id} dataset={active} />}</div>
      </div>
    </Dialog>
  )
}

const words = (cell: Cell | undefined): string =>
  cell === null || cell === undefined || cell === ''
    ? '–'
    : cell === true
      ? 'Yes'
      : cell === false
        ? 'No'
        : String(cell)

/** What a dataset is, in a few words and its first rows. The room it takes is the same for every dataset. */
function Preview({ dataset }: { dataset: Dataset }) {
  const preview = usePreview(dataset.id)
  const columns = dataset.columns.slice(0, PREVIEW_COLUMNS)
  const more = dataset.columns.length - columns.length
  return (
    <section aria-label={`First rows of ${dataset.name}`} data-testid="dataset-preview">
      <h3>{dataset.name}</h3>
      <p className="ds-about">
        {many(dataset.row_count, 'row')}, {many(dataset.columns.length, 'column')}
        {dataset.source && (
          <>
            {'. Source: '}
            <Source text={dataset.source} />
          </>
        )}
        {dataset.licence && `. Licence: ${dataset.licence}`}
      </p>
      {preview.isError ? (
        <p className="ds-error" role="alert">
          {describeError(preview.error)}{' '}
          <button type="button" className="ds-link" onClick={() => void preview.refetch()}>
            Retry
          </button>
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <div className="ds-rows" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column.name} scope="col" data-side={column.type === 'number' ? 'end' : undefined}>
                    {column.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.data?.rows.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows of a dataset have no identity but their place
                <tr key={index}>
                  {columns.map((column, place) => (
                    <td key={column.name} data-side={column.type === 'number' ? 'end' : undefined}>
                      {words(row[place])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && <p className="ds-about">and {many(more, 'further column')}</p>}
    </section>
  )
}

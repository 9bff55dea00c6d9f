/**
 * What an empty canvas says: drop or paste data, take some that is here already, or begin with an empty block. Everything
 * on it works with one press, and the canvas around it takes drops, double clicks and keys as always.
 */
import { ClipboardPaste, Database, FileUp, LoaderCircle, Sparkles } from 'lucide-react'
import { useState } from 'react'
import { useStore } from 'zustand'
import { describeError } from '../app/api'
import type { Dataset } from '../platform/datasets/api'
import { useDatasets } from '../platform/datasets/hooks'
import type { CanvasSession } from '../sync/session'
import { Button } from '../ui/Button'
import { add } from './actions'
import { BLOCK_TYPES } from './blocks/types'
import { chooseFiles } from './chooseFiles'
import { useImporting } from './DropZone'
import { addDataset, type Importing, importsOf, importText } from './ingest'
import { looksTabular } from './ingestText'
import { keysText } from './keys'
import './starters.css'
import type { UiStore } from './ui'

type Props = { session: CanvasSession; ui: UiStore; readOnly: boolean }

export default function Starters({ session, ui, readOnly }: Props) {
  const importing = useStore(importsOf(session)).length > 0
  // The import stands where the first blocks will be, and says everything itself.
  if (importing) return null
  if (readOnly) {
    return (
      <div className="starters">
        <div className="starters-viewer" data-testid="starters">
          <h2>This canvas is empty</h2>
          <p>Nobody has added a block yet. They appear here as soon as somebody does.</p>
        </div>
      </div>
    )
  }
  return <Beginnings session={session} ui={ui} />
}

/** Datasets shown. The picker of a block has them all. */
const SHOWN = 4
const count = new Intl.NumberFormat()

function Beginnings({ session, ui }: Omit<Props, 'readOnly'>) {
  const importing = useImporting(session, ui)
  return (
    <div className="starters">
      <div className="starters-page" data-testid="starters">
        <section className="starters-data">
          <Picture />
          <h2>Start with your data</h2>
          <p>Drop a CSV anywhere on this canvas, or paste a table. A chart and a table of it appear.</p>
          <FromOutside importing={importing} />
        </section>
        <Datasets importing={importing} />
        <section className="starters-blocks">
          <h3>Or begin with an empty block</h3>
          <div className="starters-row">
            {BLOCK_TYPES.map(({ type, label, icon: Icon, key, defaultSize, createContent }) => (
              <button
                key={type}
                type="button"
                data-testid={`starter-${type}`}
                onClick={() => add(session, ui, type, createContent(), defaultSize)}
              >
                <Icon aria-hidden />
                {label}
                <span className="starters-key" aria-hidden>
                  {key}
                </span>
              </button>
            ))}
          </div>
          <p className="starters-hint">
            Double-click anywhere or press <kbd>/</kbd> for all of them.
          </p>
        </section>
      </div>
    </div>
  )
}

function FromOutside({ importing }: { importing: Importing }) {
  const [note, setNote] = useState('')
  const paste = async (): Promise<void> => {
    setNote('')
    let text: string
    try {
      text = await navigator.clipboard.readText()
    } catch {
      setNote(`This browser does not let a button read the clipboard. Press ${keysText('mod+v')} to paste.`)
      return
    }
    if (looksTabular(text)) importText(importing, text)
    else setNote('There is no table on the clipboard. Copy some cells of a spreadsheet first.')
  }
  return (
    <>
      <div className="starters-actions">
        <Button kind="primary" size="large" data-testid="starter-file" onClick={chooseFiles}>
          <FileUp aria-hidden /> Choose a file
        </Button>
        <Button size="large" data-testid="starter-paste" onClick={() => void paste()}>
          <ClipboardPaste aria-hidden /> Paste a table
        </Button>
      </div>
      <p className="starters-note" role="status">
        {note}
      </p>
    </>
  )
}

/** Bundled data says where it is from; what people upload themselves comes first. */
const isSample = (dataset: Dataset): boolean => dataset.source !== null && dataset.source !== ''
/** The sample that makes the clearest first picture. */
const favouriteSample = (samples: readonly Dataset[]): Dataset | undefined =>
  samples.find((dataset) => /seattle weather/i.test(dataset.name)) ?? samples[0]

function Datasets({ importing }: { importing: Importing }) {
  const datasets = useDatasets()
  const [busy, setBusy] = useState<string | null>(null)
  const [failed, setFailed] = useState('')
  const list = datasets.data ?? []
  const own = list.filter((dataset) => !isSample(dataset))
  const samples = list.filter(isSample)
  const first = favouriteSample(samples)
  const rest = samples.filter((dataset) => dataset !== first)
  const shown = [...own.slice(0, first === undefined ? SHOWN : SHOWN - 1), ...(first ? [first] : []), ...rest]

  const use = (dataset: Dataset): void => {
    setBusy(dataset.id)
    setFailed('')
    addDataset(importing, dataset)
      .catch((error: unknown) => setFailed(describeError(error)))
      .finally(() => setBusy(null))
  }

  if (datasets.isSuccess && list.length === 0) return null
  return (
    <section className="starters-datasets" aria-busy={datasets.isPending}>
      <h3>Or use data that is already here</h3>
      {datasets.isError ? (
        <p className="starters-failed" role="alert">
          {describeError(datasets.error)} <Button onClick={() => void datasets.refetch()}>Try again</Button>
        </p>
      ) : (
        <ul>
          {datasets.isPending
            ? Array.from({ length: SHOWN }, (_, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: an empty place has nothing else
                <li key={index} className="starters-skeleton" />
              ))
            : shown.slice(0, SHOWN).map((dataset) => (
                <li key={dataset.id}>
                  <button
                    type="button"
                    data-testid={dataset === first ? 'starter-sample' : 'starter-dataset'}
                    disabled={busy !== null}
                    onClick={() => use(dataset)}
                  >
                    {busy === dataset.id ? (
                      <LoaderCircle aria-hidden className="starters-busy" />
                    ) : isSample(dataset) ? (
                      <Sparkles aria-hidden />
                    ) : (
                      <Database aria-hidden />
                    )}
                    <span>
                      <strong>{dataset.name}</strong>
                      <small>
                        {isSample(dataset) ? 'Sample, ' : ''}
                        {count.format(dataset.row_count)} rows, {dataset.columns.length} columns
                      </small>
                    </span>
                  </button>
                </li>
              ))}
        </ul>
      )}
      {failed !== '' && (
        <p className="starters-failed" role="alert">
          {failed}
        </p>
      )}
    </section>
  )
}

/** A sheet that becomes a chart. */
function Picture() {
  return (
    <svg className="starters-picture" viewBox="0 0 148 64" aria-hidden="true">
      <rect className="starters-sheet" x="1" y="7" width="56" height="50" rx="6" />
      <path className="starters-lines" d="M1 19h56M1 31.5h56M1 44h56M20 7v50M38.5 7v50" />
      <path className="starters-arrow" d="M66 32h14m-5-5 5 5-5 5" />
      <rect className="starters-sheet" x="91" y="7" width="56" height="50" rx="6" />
      <rect className="starters-bar" x="100" y="35" width="7" height="14" rx="1.5" />
      <rect className="starters-bar" x="110.5" y="25" width="7" height="24" rx="1.5" />
      <rect className="starters-bar" x="121" y="30" width="7" height="19" rx="1.5" />
      <rect className="starters-bar" x="131.5" y="16" width="7" height="33" rx="1.5" />
    </svg>
  )
}

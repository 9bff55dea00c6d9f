/**
 * What the canvas takes from outside: files dropped anywhere on it, tables and pictures that are pasted. Says what a drop
 * will do before it is done, and shows each import where its blocks will be.
 *
 * Text fields, editors and dialogs keep their own drops and pastes.
 */
import { FileUp, ImageUp, OctagonX, TriangleAlert } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { useStore } from 'zustand'
import type { Dataset } from '../platform/datasets/api'
import { useAddDataset } from '../platform/datasets/hooks'
import type { CanvasSession } from '../sync/session'
import { Button } from '../ui/Button'
import { tick } from './checklistState'
import { FILES_FIELD } from './chooseFiles'
import {
  type Import,
  type Importing,
  importFiles,
  importsOf,
  importText,
  retryImport,
  rowAt,
  stopImport,
} from './ingest'
import './ingest.css'
import { ACCEPT, looksTabular } from './ingestText'
import { GAP, ROW } from './layout'
import type { UiStore } from './ui'

type Props = { session: CanvasSession; ui: UiStore; readOnly: boolean }

/** What every way of importing needs; stable as long as the canvas is open. */
export const useImporting = (session: CanvasSession, ui: UiStore): Importing => {
  const addDataset = useAddDataset()
  return useMemo(() => {
    const onDataset = (dataset: Dataset): void => {
      addDataset(dataset)
      tick(session.user.id, 'data')
    }
    return { session, ui, onDataset }
  }, [session, ui, addDataset])
}

/** True where a paste belongs to a text field, an editor or a dialog. */
const ownsPaste = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input, textarea, select, [contenteditable="true"], [role="dialog"], [role="menu"]') !== null

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false

type Hover = { files: number; images: number; top: number | null }

/** Before the drop a browser tells how many files there are and of which type, but not their names. */
const hoverOf = (session: CanvasSession, event: DragEvent): Hover => {
  const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === 'file')
  const row = rowAt(session, event.clientY)
  return { files: items.length, images: items.filter((item) => item.type.startsWith('image/')).length, top: row }
}

const sameHover = (a: Hover | null, b: Hover): boolean =>
  a !== null && a.files === b.files && a.images === b.images && a.top === b.top

export default function DropZone({ session, ui, readOnly }: Props) {
  const importing = useImporting(session, ui)
  const [hover, setHover] = useState<Hover | null>(null)

  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!carriesFiles(event)) return
      // A block under the pointer takes it.
      if (event.defaultPrevented) {
        setHover(null)
        return
      }
      // Without this the browser would open the file in place of the canvas.
      event.preventDefault()
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = readOnly ? 'none' : 'copy'
      const now = hoverOf(session, event)
      setHover((before) => (sameHover(before, now) ? before : now))
    }
    const leave = (event: DragEvent): void => {
      // Every element on the way says goodbye; the window has no related target.
      if (event.relatedTarget === null) setHover(null)
    }
    const drop = (event: DragEvent): void => {
      setHover(null)
      if (event.defaultPrevented || !carriesFiles(event)) return
      event.preventDefault()
      if (readOnly) return
      const files = [...(event.dataTransfer?.files ?? [])]
      importFiles(importing, files, rowAt(session, event.clientY))
    }
    const end = (): void => setHover(null)
    const paste = (event: ClipboardEvent): void => {
      const data = event.clipboardData
      if (event.defaultPrevented || readOnly || data === null || ownsPaste(event.target)) return
      const text = data.getData('text/plain')
      // Spreadsheets put a picture of the cells beside their text: the text is what was meant.
      if (looksTabular(text)) {
        event.preventDefault()
        importText(importing, text)
      } else if (data.files.length > 0) {
        event.preventDefault()
        importFiles(importing, [...data.files])
      }
    }
    addEventListener('dragenter', over)
    addEventListener('dragover', over)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    addEventListener('dragend', end)
    addEventListener('paste', paste)
    return () => {
      removeEventListener('dragenter', over)
      removeEventListener('dragover', over)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
      removeEventListener('dragend', end)
      removeEventListener('paste', paste)
    }
  }, [importing, readOnly, session])

  return (
    <div className="imports">
      <input
        id={FILES_FIELD}
        type="file"
        multiple
        accept={ACCEPT}
        className="visually-hidden"
        tabIndex={-1}
        aria-label="Files to import"
        data-testid="import-file"
        disabled={readOnly}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])]
          // The same file may be chosen again after it was corrected.
          event.target.value = ''
          importFiles(importing, files)
        }}
      />
      {hover !== null && !readOnly && hover.top !== null && (
        <div className="imports-line" style={{ top: hover.top * (ROW + GAP) - GAP / 2 }} />
      )}
      <Cards importing={importing} />
      {hover !== null && <Overlay hover={hover} readOnly={readOnly} />}
    </div>
  )
}

const promise = ({ files, images }: Hover): string => {
  if (files === 1) return images === 1 ? 'It becomes an image block.' : 'It becomes a chart and a table.'
  if (images === files) return 'Each becomes an image block.'
  return images === 0 ? 'Each becomes a chart and a table.' : 'Tables become charts and tables, pictures image blocks.'
}

function Overlay({ hover, readOnly }: { hover: Hover; readOnly: boolean }) {
  const Icon = readOnly ? OctagonX : hover.images > 0 && hover.images === hover.files ? ImageUp : FileUp
  return (
    <div className="drop" data-testid="drop-overlay" data-refused={readOnly ? '' : undefined} role="status">
      <div className="drop-card">
        <Icon aria-hidden />
        <span>
          <strong>
            {readOnly
              ? 'You may look at this canvas, but not change it'
              : hover.files > 1
                ? `Drop ${hover.files} files`
                : 'Drop the file'}
          </strong>
          {readOnly ? 'Files cannot be dropped here.' : promise(hover)}
          {!readOnly && <small>CSV, TSV, JSON and pictures</small>}
        </span>
      </div>
    </div>
  )
}

function Cards({ importing }: { importing: Importing }) {
  const list = useStore(importsOf(importing.session))
  return list.map((item) => <Card key={item.id} item={item} importing={importing} />)
}

/** Stands where the blocks will be, as wide as they will be. */
function Card({ item, importing }: { item: Import; importing: Importing }) {
  const { session } = importing
  const failed = item.state === 'failed'
  const [card, setCard] = useState<HTMLElement | null>(null)
  useEffect(() => {
    // Newer browsers return a promise here, which an effect must not.
    card?.scrollIntoView({ block: 'nearest' })
  }, [card])
  return (
    <section
      ref={setCard}
      className="import"
      data-testid="import-card"
      data-state={item.state}
      aria-label={`Import of ${item.name}`}
      style={{ top: item.row * (ROW + GAP) }}
    >
      {failed && <TriangleAlert aria-hidden className="import-icon" />}
      <div className="import-text">
        <strong>{failed ? `${item.name} was not imported` : item.name}</strong>
        {failed ? (
          <p role="alert">{item.message}</p>
        ) : (
          <>
            <progress
              max={1}
              aria-label={`Import of ${item.name}`}
              {...(item.state === 'sending' ? { value: item.share } : {})}
            />
            <p>{words(item)}</p>
          </>
        )}
      </div>
      <div className="import-actions">
        {failed && (
          <Button kind="primary" onClick={() => retryImport(importing, item.id)}>
            Try again
          </Button>
        )}
        <Button kind="quiet" onClick={() => stopImport(session, item.id)}>
          {failed ? 'Dismiss' : 'Stop'}
        </Button>
      </div>
    </section>
  )
}

const words = ({ state, share }: Import): string => {
  if (state === 'waiting') return 'Waiting for the one before it'
  if (state === 'reading') return 'The server reads it'
  return `${Math.round(share * 100)} % sent`
}

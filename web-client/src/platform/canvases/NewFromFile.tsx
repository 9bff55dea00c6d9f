/**
 * Files on the home page: dropped anywhere, chosen, or a pasted table become a canvas of their own. Shows how far it is,
 * and what is wrong with a file that is not taken.
 */
import { FileUp, TriangleAlert } from 'lucide-react'
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import '../../canvas/ingest.css'
import { ACCEPT_TABLES, kindOf, looksTabular } from '../../canvas/ingestText'
import { Button } from '../../ui/Button'
import { toast } from '../../ui/Toast'
import type { Attempt } from './homeImport'

const load = () => import('./homeImport')

type State =
  | { kind: 'sending'; name: string; share: number }
  | { kind: 'failed'; name: string; message: string; attempt: Attempt }

export type NewFromFileHandle = { choose: () => void }

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false
const typing = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, [contenteditable="true"], [role="dialog"]') !== null

export function NewFromFile({ ref, onMade }: { ref?: Ref<NewFromFileHandle>; onMade: () => void }) {
  const [, navigate] = useLocation()
  const [state, setState] = useState<State | null>(null)
  const [over, setOver] = useState(false)
  const stop = useRef<AbortController | null>(null)
  const input = useRef<HTMLInputElement>(null)
  const made = useRef(onMade)
  made.current = onMade
  useImperativeHandle(ref, () => ({ choose: () => input.current?.click() }), [])

  const start = async (attempt: Attempt): Promise<void> => {
    const { name } = attempt.file
    const controller = new AbortController()
    stop.current?.abort()
    stop.current = controller
    setState({ kind: 'sending', name, share: 0 })
    try {
      const { canvasFrom } = await load()
      const { canvas } = await canvasFrom(
        attempt,
        (share) => setState({ kind: 'sending', name, share }),
        controller.signal,
      )
      if (controller.signal.aborted) return
      setState(null)
      made.current()
      navigate(`/c/${canvas.id}`)
    } catch (error) {
      if (controller.signal.aborted) {
        if (stop.current === controller) setState(null)
        return
      }
      const message = await load().then(
        ({ failureOf }) => failureOf(error),
        () => 'Importing needs the server, which cannot be reached.',
      )
      setState({ kind: 'failed', name, message, attempt })
    }
  }
  const take = (files: readonly File[]): void => {
    const file = files.find((one) => kindOf(one) === 'data')
    if (file === undefined) {
      toast('Drop a CSV, TSV or JSON file here. Pictures go on a canvas.')
      return
    }
    if (files.length > 1) toast(`A canvas is made of ${file.name}. Drop the others on that canvas.`)
    void start({ file })
  }
  const latest = useRef({ take, start })
  latest.current = { take, start }

  useEffect(() => {
    const dragOver = (event: DragEvent): void => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = 'copy'
      setOver(true)
    }
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent): void => {
      setOver(false)
      if (!carriesFiles(event)) return
      event.preventDefault()
      latest.current.take([...(event.dataTransfer?.files ?? [])])
    }
    const paste = (event: ClipboardEvent): void => {
      if (event.defaultPrevented || typing(event.target)) return
      const text = event.clipboardData?.getData('text/plain') ?? ''
      const files = [...(event.clipboardData?.files ?? [])]
      if (looksTabular(text)) void latest.current.start({ file: new File([text], 'Pasted table.csv') })
      else if (files.length > 0) latest.current.take(files)
    }
    addEventListener('dragenter', dragOver)
    addEventListener('dragover', dragOver)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    addEventListener('paste', paste)
    return () => {
      removeEventListener('dragenter', dragOver)
      removeEventListener('dragover', dragOver)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
      removeEventListener('paste', paste)
      stop.current?.abort()
    }
  }, [])

  return (
    <>
      <input
        ref={input}
        type="file"
        accept={ACCEPT_TABLES}
        className="visually-hidden"
        tabIndex={-1}
        aria-label="File for a new canvas"
        data-testid="home-file"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])]
          event.target.value = ''
          if (files.length > 0) take(files)
        }}
      />
      {state !== null && (
        <section className="home-import" data-testid="home-import" data-state={state.kind} aria-label="New canvas">
          {state.kind === 'failed' && <TriangleAlert aria-hidden />}
          <div className="import-text">
            <strong>
              {state.kind === 'failed' ? `${state.name} was not imported` : `Making a canvas of ${state.name}`}
            </strong>
            {state.kind === 'failed' ? (
              <p role="alert">{state.message}</p>
            ) : (
              <progress
                max={1}
                aria-label={`Import of ${state.name}`}
                {...(state.share < 1 ? { value: state.share } : {})}
              />
            )}
          </div>
          <div className="import-actions">
            {state.kind === 'failed' && <Button onClick={() => void start(state.attempt)}>Try again</Button>}
            <Button
              kind="quiet"
              onClick={() => {
                stop.current?.abort()
                setState(null)
              }}
            >
              {state.kind === 'failed' ? 'Dismiss' : 'Stop'}
            </Button>
          </div>
        </section>
      )}
      {over && (
        <div className="drop" data-testid="drop-overlay" role="status">
          <div className="drop-card">
            <FileUp aria-hidden />
            <span>
              <strong>Drop the file</strong>
              It becomes a new canvas with a chart and a table.
              <small>CSV, TSV and JSON</small>
            </span>
          </div>
        </div>
      )}
    </>
  )
}

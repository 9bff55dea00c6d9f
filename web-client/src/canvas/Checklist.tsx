/**
 * Three first steps in the corner of a page: never in the way, skipped with one press, and ticked by what somebody does.
 * On a canvas it begins as a small button.
 */
import { Check, ChevronDown, Copy, ListChecks } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Button, IconButton } from '../ui/Button'
import { toast } from '../ui/Toast'
import './checklist.css'
import { closeChecklist, STEPS, type Step, tick, useChecklistOf } from './checklistState'

type Props = {
  userId: string
  /** The canvas that is open, or null on the home page. */
  canvas: { id: string; filled: boolean } | null
  onSample?: () => void
  onData?: () => void
}

export function Checklist({ userId, canvas, onSample, onData }: Props) {
  const { open, done, asked } = useChecklistOf(userId)
  const [wide, setWide] = useState(() => canvas === null && innerWidth >= 768)
  const askedBefore = useRef(asked)
  useEffect(() => {
    if (askedBefore.current !== asked) setWide(true)
    askedBefore.current = asked
  }, [asked])
  const filled = canvas?.filled ?? false
  useEffect(() => {
    if (filled) tick(userId, 'sample')
  }, [filled, userId])
  if (!open) return null

  const count = done.length
  const all = count === STEPS.length
  const title = all ? 'You know the way around' : 'First steps'
  if (!wide) {
    return (
      <button
        type="button"
        className="first-small"
        data-place={canvas === null ? 'home' : 'canvas'}
        data-testid="checklist-small"
        onClick={() => setWide(true)}
      >
        <ListChecks aria-hidden /> First steps
        <span>
          {count} of {STEPS.length}
        </span>
      </button>
    )
  }
  const step = (name: Step, label: string, text: string, action: ReactNode) => (
    <li data-testid={`step-${name}`} data-done={done.includes(name) ? '' : undefined}>
      <span className="first-mark">{done.includes(name) && <Check aria-hidden />}</span>
      <div>
        <strong>
          {label}
          {done.includes(name) && <span className="visually-hidden"> (done)</span>}
        </strong>
        {!done.includes(name) && (
          <>
            <p>{text}</p>
            {action}
          </>
        )}
      </div>
    </li>
  )
  return (
    <aside
      className="first"
      aria-label="First steps"
      data-place={canvas === null ? 'home' : 'canvas'}
      data-testid="checklist"
    >
      <header>
        <h2>{title}</h2>
        <span>
          {count} of {STEPS.length}
        </span>
        <IconButton label="Make it small" icon={<ChevronDown />} size="small" onClick={() => setWide(false)} />
      </header>
      <progress max={STEPS.length} value={count} aria-label="First steps done" />
      <ol>
        {step(
          'sample',
          'Open a sample',
          canvas === null
            ? 'Every card here opens a canvas. Change whatever you like: each has an undo.'
            : 'The samples are on the home page.',
          onSample && <Button onClick={onSample}>{canvas === null ? 'Open one' : 'Go there'}</Button>,
        )}
        {step(
          'data',
          'Add your own data',
          canvas === null
            ? 'Drop a CSV on this page, and it becomes a canvas with a chart and a table.'
            : 'Drop a CSV on the canvas or paste a table. A chart and a table appear.',
          onData && <Button onClick={onData}>Choose a file</Button>,
        )}
        {step(
          'share',
          'Edit together',
          canvas === null
            ? 'Open a canvas and copy its link from here.'
            : 'Send the link to somebody who can sign in here, or open it in a second window.',
          canvas !== null && <CopyLink id={canvas.id} onCopied={() => tick(userId, 'share')} />,
        )}
      </ol>
      <Button kind="quiet" data-testid="checklist-skip" onClick={() => closeChecklist(userId)}>
        {all ? 'Close' : 'Skip'}
      </Button>
    </aside>
  )
}

/** The clipboard may be refused: the link then stands there, selected, to be copied by hand. */
function CopyLink({ id, onCopied }: { id: string; onCopied: () => void }) {
  const [shown, setShown] = useState(false)
  const link = `${location.origin}/c/${id}`
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link)
      toast('The link is on the clipboard.')
      onCopied()
    } catch {
      setShown(true)
    }
  }
  if (shown) {
    return (
      <input
        className="ui-input"
        readOnly
        aria-label="Link to this canvas"
        value={link}
        ref={(input) => input?.select()}
        onFocus={(event) => event.currentTarget.select()}
        onCopy={onCopied}
      />
    )
  }
  return (
    <Button data-testid="copy-link" onClick={() => void copy()}>
      <Copy /> Copy the link
    </Button>
  )
}

/**
 * The status light. Its words come from `sync/status.ts`; this draws them, says in a popover what is where, and tells
 * screen readers when the state changes. Not each Saved: who types would hear nothing else.
 */
import { Cloud, CloudCheck, CloudOff, CloudUpload, Eye, HardDrive, LoaderCircle, OctagonAlert } from 'lucide-react'
import { useEffect, useId, useRef, useState } from 'react'
import { useStore } from 'zustand'
import type { CanvasSession } from '../sync/session'
import { type StatusKind, unsaved } from '../sync/status'
import { Button } from '../ui/Button'
import { lastSaved } from './lastSaved'

const ICON: Record<StatusKind, typeof CloudCheck> = {
  saved: CloudCheck,
  saving: CloudUpload,
  offline: CloudOff,
  reconnecting: LoaderCircle,
  'read-only': Eye,
  closed: OctagonAlert,
}

/** A connection that is back within this time was no news. Milliseconds. */
const NEWS = 1_500

export function Status({ session }: { session: CanvasSession }) {
  const { kind, label, detail } = useStore(session.store, (state) => state.status)
  const lossy = useStore(session.store, (state) => state.storageFailed && state.status.kind === 'offline')
  const Icon = ICON[kind]
  const more = lossy ? `${detail} This browser keeps nothing on the device, so do not close the page.` : detail
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  // From now on, so that the popover knows when it is opened.
  lastSaved(session)
  return (
    <>
      <button
        ref={button}
        type="button"
        className="status"
        data-testid="status"
        data-status={kind}
        title={more}
        popoverTarget={id}
        aria-haspopup="dialog"
      >
        <Icon aria-hidden="true" />
        <span>{label}</span>
      </button>
      <Details id={id} session={session} button={button} text={more} />
      <News kind={kind} label={label} more={more} />
    </>
  )
}

/** Said politely when the state is another one and stays so: gone, back, read-only, closed. */
function News({ kind, label, more }: { kind: StatusKind; label: string; more: string }) {
  const [said, setSaid] = useState('')
  const told = useRef<'fine' | StatusKind>('fine')
  useEffect(() => {
    const now = kind === 'saved' || kind === 'saving' ? 'fine' : kind
    if (now === told.current) return
    const timer = setTimeout(() => {
      told.current = now
      setSaid(now === 'fine' ? 'Connected again. Changes are being saved.' : `${label.replace(/…$/, '')}. ${more}`)
    }, NEWS)
    return () => clearTimeout(timer)
  }, [kind, label, more])
  return (
    <span className="visually-hidden" role="status" data-testid="status-news">
      {said}
    </span>
  )
}

const clock = (time: number): string => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })

type DetailsProps = {
  id: string
  session: CanvasSession
  button: React.RefObject<HTMLButtonElement | null>
  text: string
}

/** What is where, in words. The browser's own popover: Escape and a press elsewhere close it, the focus goes back. */
function Details({ id, session, button, text }: DetailsProps) {
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState({ left: 0, top: 0 })
  return (
    <div
      id={id}
      popover="auto"
      className="status-details"
      role="dialog"
      aria-label="Where your changes are"
      data-testid="status-details"
      style={at}
      onBeforeToggle={(event) => {
        const box = button.current?.getBoundingClientRect()
        if (event.newState === 'open' && box !== undefined) {
          const left = Math.max(8, Math.min(box.left, innerWidth - 328))
          // Above the button where there is no room below it.
          setAt({ left, top: box.bottom + 6 > innerHeight - 220 ? Math.max(8, box.top - 236) : box.bottom + 6 })
        }
      }}
      onToggle={(event) => setOpen(event.newState === 'open')}
    >
      {open && <Inside session={session} text={text} />}
    </div>
  )
}

function Inside({ session, text }: { session: CanvasSession; text: string }) {
  const sync = useStore(session.store, (state) => state.sync)
  const { kind, label } = useStore(session.store, (state) => state.status)
  const storageFailed = useStore(session.store, (state) => state.storageFailed)
  const left = unsaved(sync)
  const saved = useStore(lastSaved(session), (state) => state.at)
  return (
    <>
      <h2>{label}</h2>
      <p>{text}</p>
      <dl>
        <dt>
          <Cloud aria-hidden="true" /> Server
        </dt>
        <dd>
          {left > 0
            ? `${left === 1 ? '1 change has' : `${left} changes have`} not arrived.`
            : 'Has every change you made here.'}
          {saved !== null && ` Last saved at ${clock(saved)}.`}
        </dd>
        <dt>
          <HardDrive aria-hidden="true" /> This device
        </dt>
        <dd>
          {storageFailed
            ? 'Keeps nothing: this browser refuses. What is not on the server is lost when you close the page.'
            : left > 0
              ? 'Keeps a copy with all of them. You may close the page.'
              : 'Keeps a copy, so the canvas opens without the server.'}
        </dd>
      </dl>
      {(kind === 'offline' || kind === 'reconnecting') && (
        <Button onClick={() => session.reconnect()} data-testid="reconnect">
          Try now
        </Button>
      )}
    </>
  )
}

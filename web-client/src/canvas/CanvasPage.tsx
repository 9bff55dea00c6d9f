/** One canvas on screen: the bar, the grid, the side panel, the keys, and what is said when it cannot be shown. */
import { ArrowLeft, PanelRight, Redo2, Undo2 } from 'lucide-react'
import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { Link } from 'wouter'
import { useStore } from 'zustand'
import { visitToken } from '../app/api'
import type { Me } from '../app/me'
import { Center } from '../app/pages'
import { NAME_LIMIT } from '../doc/limits'
import { blocksMap, canvasMap, canvasName, edit, renameCanvas } from '../doc/schema'
import { useY } from '../doc/useY'
import { ThemeButton } from '../platform/canvases/Home'
import { Avatars } from '../presence/Avatars'
import { usePointer } from '../presence/usePointer'
import { acquireSession, type CanvasSession, releaseSession } from '../sync/session'
import { IconButton } from '../ui/Button'
import { AddMenu } from './AddMenu'
import './canvas.css'
import { Inspector } from './blocks/registry'
import { DropZone } from './DropZone'
import { Grid } from './Grid'
import { Lost } from './Lost'
import { Starters } from './Starters'
import { Status } from './Status'
import { createUi, select, setPanel, type UiStore } from './ui'
import { useKeys } from './useKeys'

export default function CanvasPage({ canvasId, me }: { canvasId: string; me: Me }) {
  const [session, setSession] = useState<CanvasSession | null>(null)
  const [ui] = useState(createUi)
  useEffect(() => {
    setSession(acquireSession({ canvasId, user: me.user, token: visitToken() }))
    return () => releaseSession(canvasId)
  }, [canvasId, me.user])
  return session === null ? <div className="app-blank" /> : <Opened session={session} ui={ui} />
}

function Opened({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const ready = useStore(session.store, (state) => state.ready)
  const readOnly = useStore(session.store, (state) => !state.canEdit)
  const scroller = useRef<HTMLDivElement>(null)
  const announcement = useStore(ui, (state) => state.announcement)
  useKeys(session, ui)
  useSelectionPresence(session, ui)
  usePointer(session, ui, scroller, ready)
  return (
    <div className="canvas" data-testid="canvas">
      <Bar session={session} ui={ui} readOnly={readOnly} ready={ready} />
      {ready ? (
        <div className="canvas-area">
          <main ref={scroller} className="canvas-scroller" data-testid="scroller">
            <Inside session={session} ui={ui} readOnly={readOnly} scroller={scroller} />
          </main>
          <Panel session={session} ui={ui} readOnly={readOnly} />
        </div>
      ) : (
        <Waiting session={session} />
      )}
      <Lost session={session} />
      <div className="visually-hidden" aria-live="polite" data-testid="announcement">
        {announcement}
      </div>
    </div>
  )
}

type InsideProps = { session: CanvasSession; ui: UiStore; readOnly: boolean; scroller: RefObject<HTMLElement | null> }

function Inside({ session, ui, readOnly, scroller }: InsideProps) {
  const empty = useY(blocksMap(session.doc), (blocks) => blocks.size === 0)
  return (
    <>
      <h2 className="visually-hidden">Blocks</h2>
      <DropZone session={session} ui={ui} readOnly={readOnly} />
      {empty && <Starters session={session} ui={ui} readOnly={readOnly} />}
      <Grid session={session} ui={ui} readOnly={readOnly} scroller={scroller} />
    </>
  )
}

type BarProps = { session: CanvasSession; ui: UiStore; readOnly: boolean; ready: boolean }

function Bar({ session, ui, readOnly, ready }: BarProps) {
  const panel = useStore(ui, (state) => state.panel)
  return (
    <header className="bar">
      <Link className="ui-icon-button" href="/" aria-label="All canvases" title="All canvases">
        <ArrowLeft />
      </Link>
      {ready && <Title session={session} readOnly={readOnly} />}
      <Status session={session} />
      <span className="bar-space" />
      {ready && !readOnly && (
        <>
          <UndoButtons session={session} />
          <AddMenu session={session} ui={ui} />
          <span className="bar-line" />
        </>
      )}
      <Avatars session={session} />
      <span className="bar-line" />
      <ThemeButton />
      {ready && !readOnly && (
        <IconButton
          label="Settings panel"
          keys="Ctrl+\"
          icon={<PanelRight />}
          aria-pressed={panel}
          data-testid="panel-toggle"
          onClick={() => setPanel(ui, !panel)}
        />
      )}
    </header>
  )
}

/** The name. Typing is local; leaving the field or Enter writes it, Escape puts it back. */
function Title({ session, readOnly }: { session: CanvasSession; readOnly: boolean }) {
  const name = useY(canvasMap(session.doc), () => canvasName(session.doc))
  const [draft, setDraft] = useState<string | null>(null)
  const cancelled = useRef(false)
  useEffect(() => {
    document.title = name === '' ? 'Jabiru' : `${name} · Jabiru`
  }, [name])
  return (
    <span className="bar-title">
      <h1 className="visually-hidden">{name}</h1>
      <span className="bar-title-size" aria-hidden="true">
        {draft ?? name}
      </span>
      <input
        aria-label="Name of the canvas"
        data-testid="canvas-title"
        size={1}
        maxLength={NAME_LIMIT}
        readOnly={readOnly}
        value={draft ?? name}
        onFocus={(event) => {
          if (readOnly) return
          cancelled.current = false
          setDraft(name)
          event.currentTarget.select()
        }}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onBlur={() => {
          if (draft !== null && !cancelled.current) {
            session.undo.stopCapturing()
            edit(session.doc, () => renameCanvas(session.doc, draft))
            session.undo.stopCapturing()
          }
          setDraft(null)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') cancelled.current = true
          if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur()
        }}
      />
    </span>
  )
}

function UndoButtons({ session }: { session: CanvasSession }) {
  const { undo } = session
  const can = useSyncExternalStore(
    (notify) => {
      const names = ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const
      for (const name of names) undo.on(name, notify)
      return () => {
        for (const name of names) undo.off(name, notify)
      }
    },
    () => (undo.canUndo() ? 1 : 0) + (undo.canRedo() ? 2 : 0),
  )
  return (
    <>
      <IconButton
        label="Undo"
        keys="Ctrl+Z"
        icon={<Undo2 />}
        disabled={(can & 1) === 0}
        data-testid="undo"
        onClick={() => undo.undo()}
      />
      <IconButton
        label="Redo"
        keys="Ctrl+Shift+Z"
        icon={<Redo2 />}
        disabled={(can & 2) === 0}
        data-testid="redo"
        onClick={() => undo.redo()}
      />
    </>
  )
}

function Panel({ session, ui, readOnly }: { session: CanvasSession; ui: UiStore; readOnly: boolean }) {
  const open = useStore(ui, (state) => state.panel)
  const selected = useStore(ui, (state) => state.selected)
  const blocks = blocksMap(session.doc)
  const ids = useY(blocks, () => selected.filter((id) => blocks.has(id)))
  // Somebody deleted what we had selected.
  useEffect(() => {
    if (ids.length !== selected.length) select(ui, ids)
  }, [ids, selected, ui])
  if (!open || readOnly) return null
  const id = ids.length === 1 ? ids[0] : undefined
  const block = id === undefined ? undefined : blocks.get(id)
  return (
    <aside className="panel" aria-label="Settings" data-testid="inspector">
      {id !== undefined && block !== undefined ? (
        <Inspector key={id} id={id} block={block} session={session} />
      ) : (
        <p className="panel-empty">
          {ids.length > 1 ? `${ids.length} blocks selected.` : 'Select a block to see its settings.'}
        </p>
      )}
    </aside>
  )
}

/** Before the canvas is here. What was never loaded on this device cannot be shown without the server. */
function Waiting({ session }: { session: CanvasSession }) {
  const status = useStore(session.store, (state) => state.status)
  if (status.kind === 'closed') {
    return (
      <Center title={status.label === 'Deleted' ? 'There is no such canvas' : status.label} text={status.detail}>
        <Link className="app-link" href="/">
          All canvases
        </Link>
      </Center>
    )
  }
  if (status.kind === 'offline') {
    return (
      <Center
        title="This canvas is not on this device yet"
        text="The server cannot be reached. The canvas opens by itself when it is back."
      >
        <Link className="app-link" href="/">
          All canvases
        </Link>
      </Center>
    )
  }
  return (
    <main className="canvas-scroller" aria-busy="true" aria-label="Opening the canvas">
      <div className="canvas-skeleton">
        <i />
        <i />
        <i />
      </div>
    </main>
  )
}

/** Others see what we have selected. */
function useSelectionPresence(session: CanvasSession, ui: UiStore): void {
  useEffect(() => {
    const send = (): void => session.presence.setSelection([...ui.getState().selected])
    let last = ui.getState().selected
    return ui.subscribe((state) => {
      if (state.selected === last) return
      last = state.selected
      send()
    })
  }, [session, ui])
}

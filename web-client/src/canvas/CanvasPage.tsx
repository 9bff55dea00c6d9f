/** One canvas on screen: the bar, the grid, the side panel, the keys, and what is said when it cannot be shown. */
import { lazy, type RefObject, Suspense, useEffect, useRef, useState } from 'react'
import { Link } from 'wouter'
import { useStore } from 'zustand'
import { visitToken } from '../app/api'
import { orNothing, withQueries } from '../app/loading'
import type { Me } from '../app/me'
import { Blank, Center } from '../app/pages'
import { blocksMap, canvasMap, canvasName } from '../doc/schema'
import { useY } from '../doc/useY'
import { useMarkOpened } from '../platform/canvases/opened'
import { Following } from '../presence/Following'
import { useFollow, useViewPresence } from '../presence/follow'
import { usePointer } from '../presence/usePointer'
import { acquireSession, type CanvasSession, releaseSession } from '../sync/session'
import { useIdle } from '../ui/idle'
import { Bar } from './Bar'
import { preload, warm } from './blocks/registry'
import { CanvasDialogs } from './CanvasDialogs'
import './canvas.css'
import { Grid } from './Grid'
import { useKeptFocus } from './keepFocus'
import { Lost } from './Lost'
import { Panel } from './Panel'
import { Skeleton, useShape } from './Skeleton'
import { createUi, type UiStore } from './ui'
import { useKeys } from './useKeys'
import { startMode, useViewMode } from './viewMode'

// What a canvas with blocks does not need to be seen.
const ChecklistOnCanvas = lazy(orNothing(() => import('./ChecklistOnCanvas')))
const DropZone = lazy(orNothing(withQueries(() => import('./DropZone'))))
const Starters = lazy(withQueries(() => import('./Starters')))

const Presenting = lazy(() => import('./Presenting'))

export default function CanvasPage({ canvasId, me }: { canvasId: string; me: Me }) {
  const [session, setSession] = useState<CanvasSession | null>(null)
  const [ui] = useState(() => {
    const made = createUi()
    made.setState({ mode: startMode() })
    return made
  })
  useEffect(() => {
    setSession(acquireSession({ canvasId, user: me.user, token: visitToken() }))
    return () => releaseSession(canvasId)
  }, [canvasId, me.user])
  return session === null ? <Blank /> : <Opened session={session} ui={ui} />
}

function Opened({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const ready = useStore(session.store, (state) => state.ready)
  const mode = useStore(ui, (state) => state.mode)
  const solo = useStore(ui, (state) => state.solo !== null)
  const mayEdit = useStore(session.store, (state) => state.canEdit)
  // Whoever presents or looks at a wall changes nothing, by accident least of all.
  const readOnly = !mayEdit || mode !== 'edit'
  const bars = mode === 'edit' && !solo
  const scroller = useRef<HTMLDivElement>(null)
  const announcement = useStore(ui, (state) => state.announcement)
  const idle = useIdle()
  useKeys(session, ui)
  useKeptFocus(session, ui)
  useViewMode(session, ui)
  useSelectionPresence(session, ui)
  usePointer(session, ui, scroller, ready)
  useViewPresence(session, scroller, ready)
  useFollow(session, ui, scroller, ready)
  useShape(session, ready)
  useEffect(warm, [])
  useEffect(() => {
    if (ready) preload(blocksMap(session.doc))
  }, [session, ready])
  useMarkOpened(session)
  return (
    <div className="canvas" data-testid="canvas" data-mode={mode} data-solo={solo ? '' : undefined}>
      {bars ? <Bar session={session} ui={ui} readOnly={readOnly} ready={ready} /> : <Name session={session} />}
      {ready ? (
        <div className="canvas-area">
          <main ref={scroller} className="canvas-scroller" data-testid="scroller">
            <Inside session={session} ui={ui} readOnly={readOnly} scroller={scroller} idle={idle} />
          </main>
          {bars && <Panel session={session} ui={ui} readOnly={readOnly} />}
          <Following session={session} ui={ui} />
          {!bars && (
            <Suspense>
              <Presenting session={session} ui={ui} scroller={scroller} />
            </Suspense>
          )}
        </div>
      ) : (
        <Waiting session={session} />
      )}
      <Lost session={session} />
      {ready && bars && idle && (
        <Suspense>
          <ChecklistOnCanvas session={session} readOnly={readOnly} />
        </Suspense>
      )}
      {ready && <CanvasDialogs session={session} ui={ui} />}
      <div className="visually-hidden" aria-live="polite" data-testid="announcement">
        {announcement}
      </div>
    </div>
  )
}

/** Without a bar the name is still the page's heading. */
function Name({ session }: { session: CanvasSession }) {
  const name = useY(canvasMap(session.doc), () => canvasName(session.doc))
  return (
    <header className="visually-hidden">
      <h1>{name}</h1>
    </header>
  )
}

type InsideProps = {
  session: CanvasSession
  ui: UiStore
  readOnly: boolean
  scroller: RefObject<HTMLElement | null>
  idle: boolean
}

function Inside({ session, ui, readOnly, scroller, idle }: InsideProps) {
  const empty = useY(blocksMap(session.doc), (blocks) => blocks.size === 0)
  const [dragging, setDragging] = useState(false)
  useEffect(() => {
    const onEnter = (): void => setDragging(true)
    document.addEventListener('dragenter', onEnter, { once: true })
    return () => document.removeEventListener('dragenter', onEnter)
  }, [])
  return (
    <>
      <h2 className="visually-hidden">Blocks</h2>
      <Suspense>
        {(idle || empty || dragging) && <DropZone session={session} ui={ui} readOnly={readOnly} />}
        {empty && <Starters session={session} ui={ui} readOnly={readOnly} />}
      </Suspense>
      <Grid session={session} ui={ui} readOnly={readOnly} scroller={scroller} />
    </>
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
      <Skeleton canvasId={session.canvasId} />
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

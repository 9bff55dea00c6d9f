/** Home: the canvases, and what can be done with a whole canvas. */
import { Copy, Ellipsis, LayoutGrid, LogOut, Moon, Pencil, Plus, Sun, Trash2 } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { ApiError, api, describeError, dropToken } from '../../app/api'
import { forgetMe, type Me } from '../../app/me'
import { Logo } from '../../app/pages'
import { toggleTheme, useTheme } from '../../app/theme'
import { NAME_LIMIT } from '../../doc/limits'
import { forgetAll, unsavedOnDevice } from '../../sync/device'
import { Button, IconButton } from '../../ui/Button'
import { Menu } from '../../ui/Menu'
import { toast } from '../../ui/Toast'
import { ago } from './ago'
import { type CanvasSummary, forgetList, keptList, useCanvasActions, useCanvases } from './api'
import './home.css'

const SignOut = lazy(() => import('./SignOut'))

export function Home({ me }: { me: Me }) {
  const list = useCanvases()
  const actions = useCanvasActions()
  const [, navigate] = useLocation()
  const [renaming, setRenaming] = useState<string | null>(null)
  /** How many changes signing out would delete, while that is being asked. */
  const [leaving, setLeaving] = useState<number | null>(null)
  // Only when nobody answers: a refusal must not be papered over with an old list.
  const offline = list.error instanceof ApiError && (list.error.status === 0 || list.error.status >= 500)
  const items = list.data?.pages.flatMap((page) => page.items) ?? (offline ? keptList() : [])

  useEffect(() => {
    document.title = 'Jabiru'
  }, [])

  const leave = async (): Promise<void> => {
    const count = await unsavedOnDevice().catch(() => 0)
    if (count > 0) setLeaving(count)
    else await signOut()
  }
  const fail = (what: string) => (error: unknown) => toast(`${what}: ${describeError(error)}`)
  const create = () =>
    actions.create.mutate('Untitled canvas', {
      onSuccess: (canvas) => navigate(`/c/${canvas.id}`),
      onError: fail('The canvas was not created'),
    })
  const remove = (canvas: CanvasSummary) =>
    actions.remove.mutate(canvas.id, {
      onSuccess: () =>
        toast(`“${canvas.name}” was deleted.`, {
          label: 'Undo',
          run: () => actions.restore.mutate(canvas.id, { onError: fail('The canvas was not restored') }),
        }),
      onError: fail(`“${canvas.name}” was not deleted`),
    })

  return (
    <div className="home">
      <header className="home-bar">
        <Logo />
        <span className="home-brand">Jabiru</span>
        <span className="home-organization">{me.organization.name}</span>
        <span className="home-space" />
        <ThemeButton />
        <Menu
          trigger={
            <button type="button" className="home-me" aria-label={`Signed in as ${me.user.name}`}>
              <span className="home-avatar" style={{ background: me.user.color }} aria-hidden="true" />
              {me.user.name}
            </button>
          }
          items={[{ label: 'Sign out', icon: <LogOut />, onSelect: () => void leave() }]}
        />
      </header>
      <main className="home-main">
        <div className="home-head">
          <h1>Canvases</h1>
          <Button kind="primary" onClick={create} disabled={actions.create.isPending} data-testid="new-canvas">
            <Plus /> New canvas
          </Button>
        </div>
        {list.isPending ? (
          <ul className="home-list" aria-busy="true" aria-label="Loading canvases">
            {[0, 1, 2, 3].map((row) => (
              <li key={row} className="home-row home-skeleton" />
            ))}
          </ul>
        ) : list.isError && items.length === 0 ? (
          <div className="home-note" role="alert">
            <h2>The list could not be loaded</h2>
            <p>{describeError(list.error)}</p>
            <Button onClick={() => void list.refetch()}>Try again</Button>
          </div>
        ) : items.length === 0 ? (
          <div className="home-note" data-testid="home-empty">
            <LayoutGrid className="home-note-icon" />
            <h2>No canvas yet</h2>
            <p>A canvas is a grid of charts, tables and text that several people edit at once.</p>
            <Button kind="primary" onClick={create} disabled={actions.create.isPending}>
              <Plus /> New canvas
            </Button>
          </div>
        ) : (
          <>
            {offline && (
              <p className="home-offline" role="status">
                The server cannot be reached. Canvases that you have opened on this device still open.
                <Button onClick={() => void list.refetch()}>Try again</Button>
              </p>
            )}
            <div className="home-columns" aria-hidden="true">
              <span>Name</span>
              <span>Blocks</span>
              <span>Changed</span>
            </div>
            <ul className="home-list">
              {items.map((canvas) => (
                <Row
                  key={canvas.id}
                  canvas={canvas}
                  renaming={renaming === canvas.id}
                  onRename={(name) => {
                    setRenaming(null)
                    const clean = name?.trim()
                    if (clean === undefined || clean === '' || clean === canvas.name) return
                    actions.rename.mutate({ id: canvas.id, name: clean }, { onError: fail('The name was not changed') })
                  }}
                  onStartRename={() => setRenaming(canvas.id)}
                  onDuplicate={() =>
                    actions.duplicate.mutate(canvas.id, { onError: fail('The canvas was not duplicated') })
                  }
                  onDelete={() => remove(canvas)}
                />
              ))}
            </ul>
            {list.hasNextPage && (
              <Button
                className="home-more"
                onClick={() => void list.fetchNextPage()}
                disabled={list.isFetchingNextPage}
              >
                {list.isFetchingNextPage ? 'Loading…' : 'Show more'}
              </Button>
            )}
          </>
        )}
      </main>
      {leaving !== null && (
        <Suspense>
          <SignOut count={leaving} onCancel={() => setLeaving(null)} onConfirm={() => void signOut()} />
        </Suspense>
      )}
    </div>
  )
}

/** Signing out on a shared computer must not leave canvases behind on it. */
const signOut = async (): Promise<void> => {
  try {
    await api<void>('/v1/logout', { method: 'POST' })
  } catch (error) {
    toast(`You are still signed in: ${describeError(error)}`)
    return
  }
  dropToken()
  forgetMe()
  forgetList()
  await forgetAll().catch(() => undefined)
  location.assign('/')
}

export function ThemeButton() {
  const dark = useTheme((state) => state.theme === 'dark')
  return (
    <IconButton
      label={dark ? 'Light theme' : 'Dark theme'}
      icon={dark ? <Sun /> : <Moon />}
      onClick={toggleTheme}
      data-testid="theme"
    />
  )
}

type RowProps = {
  canvas: CanvasSummary
  renaming: boolean
  onRename: (name: string | null) => void
  onStartRename: () => void
  onDuplicate: () => void
  onDelete: () => void
}

function Row({ canvas, renaming, onRename, onStartRename, onDuplicate, onDelete }: RowProps) {
  const owner = canvas.role === 'owner'
  const edits = owner || canvas.role === 'editor'
  return (
    <li className="home-row" data-testid="home-row" data-canvas-id={canvas.id}>
      {renaming ? (
        <RenameInput name={canvas.name} onDone={onRename} />
      ) : (
        <Link className="home-name" href={`/c/${canvas.id}`}>
          {canvas.name}
        </Link>
      )}
      <span className="home-count">{canvas.block_count}</span>
      <time className="home-time" dateTime={canvas.updated_at} title={new Date(canvas.updated_at).toLocaleString()}>
        {ago(canvas.updated_at)}
      </time>
      <Menu
        keepFocus
        trigger={
          <IconButton label={`More for ${canvas.name}`} icon={<Ellipsis />} size="small" data-testid="row-menu" />
        }
        items={[
          { label: 'Rename', icon: <Pencil />, disabled: !edits, onSelect: onStartRename },
          { label: 'Duplicate', icon: <Copy />, onSelect: onDuplicate },
          null,
          { label: 'Delete', icon: <Trash2 />, danger: true, disabled: !owner, onSelect: onDelete },
        ]}
      />
    </li>
  )
}

function RenameInput({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    // After the menu has let go of the focus.
    const frame = requestAnimationFrame(() => input.current?.select())
    return () => cancelAnimationFrame(frame)
  }, [])
  return (
    <input
      ref={input}
      className="ui-input home-rename"
      aria-label="Name of the canvas"
      defaultValue={name}
      maxLength={NAME_LIMIT}
      onBlur={(event) => onDone(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') onDone(null)
      }}
    />
  )
}

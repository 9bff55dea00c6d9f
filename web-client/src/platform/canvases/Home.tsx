/** Home: the canvases as cards, finding one, making one, and what can be done with a whole canvas. */
import {
  ChartNoAxesColumn,
  ChevronDown,
  Clock,
  FilePlus2,
  FileUp,
  Layers2,
  LayoutGrid,
  ListChecks,
  LogOut,
  type LucideIcon,
  Moon,
  Plus,
  Search,
  Star,
  Sun,
  Trash2,
  X,
} from 'lucide-react'
import { lazy, type ReactNode, type RefObject, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { ApiError, api, describeError, dropToken } from '../../app/api'
import { forgetDevice } from '../../app/leave'
import { forgetMe, type Me } from '../../app/me'
import { Logo } from '../../app/pages'
import { useTheme } from '../../app/theme'
import { themeItems } from '../../app/themeItems'
import { Checklist } from '../../canvas/Checklist'
import { openChecklist, tick, useChecklistOf } from '../../canvas/checklistState'
import { unsavedOnDevice } from '../../sync/device'
import { Button, IconButton } from '../../ui/Button'
import { Menu } from '../../ui/Menu'
import { toast } from '../../ui/Toast'
import { seesUsage } from '../usage/offered'
import { type CanvasSummary, keptList, useCanvasActions, useCanvases, type View } from './api'
import { Card, type CardActions } from './Card'
import '../../ui/page.css'
import './home.css'
import { NewFromFile, type NewFromFileHandle } from './NewFromFile'
import { useDebounced } from './useDebounced'

const SignOut = lazy(() => import('./SignOut'))
const FromCanvas = lazy(() => import('./FromCanvas'))

/** Milliseconds without a key before the server is asked. */
const PAUSE = 180

const VIEWS: { view: View; label: string; icon: LucideIcon }[] = [
  { view: 'all', label: 'All', icon: LayoutGrid },
  { view: 'recent', label: 'Recent', icon: Clock },
  { view: 'favourites', label: 'Favourites', icon: Star },
  { view: 'deleted', label: 'Deleted', icon: Trash2 },
]
const toView = (value: string | null): View => VIEWS.find(({ view }) => view === value)?.view ?? 'all'

const SORTS = { changed: 'Last changed', name: 'Name', created: 'Newest' } as const
type Sort = keyof typeof SORTS
const SORT = 'jabiru.home.sort'
const keptSort = (): Sort => {
  try {
    const value = localStorage.getItem(SORT)
    return value !== null && value in SORTS ? (value as Sort) : 'changed'
  } catch {
    return 'changed'
  }
}
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })
const sorted = (items: CanvasSummary[], sort: Sort): CanvasSummary[] => {
  if (sort === 'name') return [...items].sort((a, b) => collator.compare(a.name, b.name))
  const field = sort === 'changed' ? 'updated_at' : 'created_at'
  return [...items].sort((a, b) => (a[field] < b[field] ? 1 : a[field] > b[field] ? -1 : 0))
}

export default function Home({ me }: { me: Me }) {
  const [params, setParams] = useSearchParams()
  const view = toView(params.get('view'))
  const [text, setText] = useState(params.get('query') ?? '')
  const query = useDebounced(text.trim(), PAUSE)
  const list = useCanvases({ view, query })
  const actions = useCanvasActions()
  const [, navigate] = useLocation()
  const [renaming, setRenaming] = useState<string | null>(null)
  const [picking, setPicking] = useState(false)
  const [sort, setSort] = useState(keptSort)
  /** How many changes signing out would delete, while that is being asked. */
  const [leaving, setLeaving] = useState<number | null>(null)
  const file = useRef<NewFromFileHandle>(null)
  const search = useRef<HTMLInputElement>(null)
  const grid = useRef<HTMLUListElement>(null)
  const checklist = useChecklistOf(me.user.id)

  // Only when nobody answers: a refusal must not be papered over with an old list.
  const offline = list.error instanceof ApiError && (list.error.status === 0 || list.error.status >= 500)
  const loaded = list.data?.pages.flatMap((page) => page.items)
  const plain = view === 'all' && query === ''
  const given = loaded ?? (offline && plain ? keptList() : [])
  // Recent ones come in the order they were opened, deleted ones in the order they were deleted.
  const items = useMemo(
    () => (view === 'all' || view === 'favourites' ? sorted(given, sort) : given),
    [given, sort, view],
  )

  useEffect(() => {
    document.title = 'Jabiru'
  }, [])

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      if (event.target instanceof Element && event.target.closest('input, textarea, select, [role="menu"], dialog'))
        return
      event.preventDefault()
      search.current?.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])

  const leave = async (): Promise<void> => {
    const count = await unsavedOnDevice().catch(() => 0)
    if (count > 0) setLeaving(count)
    else await signOut()
  }
  const fail = (what: string) => (error: unknown) => toast(`${what}: ${describeError(error)}`)
  const create = (): void =>
    actions.create.mutate('Untitled canvas', {
      onSuccess: (canvas) => navigate(`/c/${canvas.id}`),
      onError: fail('The canvas was not created'),
    })
  const restore = (canvas: CanvasSummary): void =>
    actions.restore.mutate(canvas.id, {
      onSuccess: () => toast(`“${canvas.name}” is back.`),
      onError: fail('The canvas was not restored'),
    })
  const card: CardActions = {
    open: (canvas) => navigate(`/c/${canvas.id}`),
    startRename: (canvas) => setRenaming(canvas.id),
    rename: (canvas, name) => {
      setRenaming(null)
      const clean = name?.trim()
      if (clean === undefined || clean === '' || clean === canvas.name) return
      actions.rename.mutate({ id: canvas.id, name: clean }, { onError: fail('The name was not changed') })
    },
    duplicate: (canvas) =>
      actions.duplicate.mutate(canvas.id, {
        onSuccess: (copy) => toast(`“${copy.name}” was made.`, { label: 'Open', run: () => navigate(`/c/${copy.id}`) }),
        onError: fail('The canvas was not duplicated'),
      }),
    favourite: (canvas) =>
      actions.favourite.mutate(
        { id: canvas.id, on: canvas.favourite !== true },
        { onError: fail('The favourite was not changed') },
      ),
    remove: (canvas) =>
      actions.remove.mutate(canvas.id, {
        onSuccess: () => toast(`“${canvas.name}” was deleted.`, { label: 'Undo', run: () => restore(canvas) }),
        onError: fail(`“${canvas.name}” was not deleted`),
      }),
    restore,
  }
  const sample = items.find((canvas) => canvas.block_count > 0 && canvas.deleted_at === null)
  const startFrom = (canvas: CanvasSummary): void =>
    actions.duplicate.mutate(canvas.id, {
      onSuccess: (copy) => navigate(`/c/${copy.id}`),
      onError: fail('The canvas was not made'),
    })

  return (
    <div className="page home">
      <header className="page-bar">
        <Logo />
        <span className="home-brand">Jabiru</span>
        <span className="page-organization">{me.organization.name}</span>
        <SearchField
          ref={search}
          text={text}
          onText={setText}
          onDown={() => grid.current?.querySelector<HTMLElement>('.home-name')?.focus()}
        />
        {seesUsage(me) && (
          <Link
            className="ui-icon-button home-usage"
            href="/usage"
            aria-label="Usage"
            title="Usage"
            data-testid="home-usage"
          >
            <ChartNoAxesColumn />
          </Link>
        )}
        <ThemeMenu />
        <Menu
          trigger={
            <button type="button" className="home-me" aria-label={`Signed in as ${me.user.name}`}>
              <span className="home-avatar" style={{ background: me.user.color }} aria-hidden="true" />
              <span className="home-me-name">{me.user.name}</span>
            </button>
          }
          items={[
            { label: 'First steps', icon: <ListChecks />, onSelect: () => openChecklist(me.user.id) },
            ...(seesUsage(me)
              ? [{ label: 'Usage', icon: <ChartNoAxesColumn />, onSelect: () => navigate('/usage') }]
              : []),
            null,
            { label: 'Sign out', icon: <LogOut />, onSelect: () => void leave() },
          ]}
        />
      </header>
      <main className="page-main home-main" data-room={checklist.open ? '' : undefined}>
        <div className="home-head">
          <h1>Canvases</h1>
          <div className="home-new">
            <Button kind="primary" onClick={create} disabled={actions.create.isPending} data-testid="new-canvas">
              <Plus /> New canvas
            </Button>
            <Menu
              trigger={
                <Button
                  kind="primary"
                  className="home-new-more"
                  aria-label="More ways to begin"
                  title="More ways to begin"
                  data-testid="new-more"
                >
                  <ChevronDown />
                </Button>
              }
              items={[
                { label: 'Blank canvas', icon: <FilePlus2 />, onSelect: create },
                {
                  label: 'From a CSV or JSON file…',
                  icon: <FileUp />,
                  testId: 'new-from-file',
                  onSelect: () => file.current?.choose(),
                },
                {
                  label: 'From a sample or another canvas…',
                  icon: <Layers2 />,
                  testId: 'new-from-canvas',
                  onSelect: () => setPicking(true),
                },
              ]}
            />
          </div>
        </div>
        <div className="home-filter">
          <nav className="home-views" aria-label="Which canvases">
            {VIEWS.map(({ view: one, label, icon: Icon }) => (
              <Link
                key={one}
                href={one === 'all' ? '/' : `/?view=${one}`}
                aria-current={one === view ? 'page' : undefined}
                data-testid={`view-${one}`}
              >
                <Icon aria-hidden /> {label}
              </Link>
            ))}
          </nav>
          {(view === 'all' || view === 'favourites') && (
            <label className="home-sort">
              <span className="visually-hidden">Sort by</span>
              <select
                value={sort}
                onChange={(event) => {
                  const next = event.target.value as Sort
                  setSort(next)
                  try {
                    localStorage.setItem(SORT, next)
                  } catch {
                    // Without storage the order lasts as long as the page.
                  }
                }}
              >
                {Object.entries(SORTS).map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
        {offline && items.length > 0 && (
          <p className="page-stale" role="status">
            The server cannot be reached. Canvases that you have opened on this device still open.
            <Button onClick={() => void list.refetch()}>Try again</Button>
          </p>
        )}
        <NewFromFile ref={file} onMade={() => tick(me.user.id, 'data')} />
        <p className="visually-hidden" role="status">
          {query !== '' && list.isSuccess ? found(items.length) : ''}
        </p>
        {list.isPending ? (
          <ul className="home-list" aria-busy="true" aria-label="Loading canvases">
            {[0, 1, 2, 3].map((row) => (
              <li key={row} className="card card-skeleton">
                <div className="thumb" />
                <div className="card-text">
                  <i />
                  <i />
                </div>
              </li>
            ))}
          </ul>
        ) : list.isError && items.length === 0 ? (
          <Note icon={<LayoutGrid />} title="The list could not be loaded" alert>
            <p>{describeError(list.error)}</p>
            <Button onClick={() => void list.refetch()}>Try again</Button>
          </Note>
        ) : items.length === 0 ? (
          <Nothing
            view={view}
            query={query}
            busy={actions.create.isPending}
            onCreate={create}
            onChoose={() => file.current?.choose()}
            onAll={() => setParams({})}
            onClear={() => setText('')}
          />
        ) : (
          <>
            <ul
              ref={grid}
              className="home-list"
              aria-label={VIEWS.find((one) => one.view === view)?.label}
              onKeyDown={(event) => walk(event, grid, search)}
            >
              {items.map((canvas) => (
                <Card key={canvas.id} canvas={canvas} renaming={renaming === canvas.id} actions={card} />
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
      <Checklist
        userId={me.user.id}
        canvas={null}
        onData={() => file.current?.choose()}
        {...(sample === undefined ? {} : { onSample: () => navigate(`/c/${sample.id}`) })}
      />
      {picking && (
        <Suspense>
          <FromCanvas busy={actions.duplicate.isPending} onClose={() => setPicking(false)} onPick={startFrom} />
        </Suspense>
      )}
      {leaving !== null && (
        <Suspense>
          <SignOut count={leaving} onCancel={() => setLeaving(null)} onConfirm={() => void signOut()} />
        </Suspense>
      )}
    </div>
  )
}

const found = (count: number): string =>
  count === 0 ? 'No canvas found.' : count === 1 ? 'One canvas found.' : `${count} canvases found.`

/** Arrow keys between cards, as they lie on the page; up from the first row is the search. */
const walk = (
  event: React.KeyboardEvent,
  grid: RefObject<HTMLElement | null>,
  search: RefObject<HTMLElement | null>,
): void => {
  const links = [...(grid.current?.querySelectorAll<HTMLElement>('.home-name') ?? [])]
  const here = links.indexOf(event.target as HTMLElement)
  if (here < 0 || event.altKey || event.ctrlKey || event.metaKey) return
  const top = (link: HTMLElement | undefined): number => link?.closest('li')?.offsetTop ?? 0
  const columns = Math.max(1, links.filter((link) => top(link) === top(links[0])).length)
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }
  const step = steps[event.key]
  if (step === undefined) return
  event.preventDefault()
  if (step < -1 && here + step < 0) search.current?.focus()
  else if (event.key === 'ArrowUp' && columns === 1 && here === 0) search.current?.focus()
  else links[here + step]?.focus()
}

type SearchProps = {
  ref: RefObject<HTMLInputElement | null>
  text: string
  onText: (text: string) => void
  onDown: () => void
}

function SearchField({ ref, text, onText, onDown }: SearchProps) {
  return (
    <search className="home-search">
      <Search aria-hidden />
      <input
        ref={ref}
        type="text"
        inputMode="search"
        enterKeyHint="search"
        autoComplete="off"
        spellCheck={false}
        placeholder="Search canvases"
        aria-label="Search canvases"
        aria-keyshortcuts="/"
        data-testid="home-search"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'Enter') {
            event.preventDefault()
            onDown()
          } else if (event.key === 'Escape') {
            if (text === '') event.currentTarget.blur()
            else onText('')
          }
        }}
      />
      {text === '' ? (
        <kbd aria-hidden>/</kbd>
      ) : (
        <IconButton label="Clear the search" icon={<X />} size="small" onClick={() => onText('')} />
      )}
    </search>
  )
}

function Note({
  icon,
  title,
  alert = false,
  testId,
  children,
}: {
  icon: ReactNode
  title: string
  alert?: boolean
  testId?: string
  children?: ReactNode
}) {
  return (
    <div className="page-note" role={alert ? 'alert' : undefined} data-testid={testId}>
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  )
}

type NothingProps = {
  view: View
  query: string
  busy: boolean
  onCreate: () => void
  onChoose: () => void
  onAll: () => void
  onClear: () => void
}

function Nothing({ view, query, busy, onCreate, onChoose, onAll, onClear }: NothingProps) {
  if (query !== '') {
    return (
      <Note icon={<Search />} title={`Nothing found for “${query}”`} testId="home-none">
        <p>Names and descriptions are searched{view === 'all' ? '.' : ', among these canvases only.'}</p>
        {view === 'all' ? (
          <Button onClick={onClear}>Clear the search</Button>
        ) : (
          <Button onClick={onAll}>Search all canvases</Button>
        )}
      </Note>
    )
  }
  if (view === 'recent') {
    return (
      <Note icon={<Clock />} title="Nothing opened yet" testId="home-none">
        <p>Canvases that you open are listed here, the latest first.</p>
        <Button onClick={onAll}>All canvases</Button>
      </Note>
    )
  }
  if (view === 'favourites') {
    return (
      <Note icon={<Star />} title="No favourites yet" testId="home-none">
        <p>Press the star on a canvas to keep it here. Favourites are yours alone.</p>
        <Button onClick={onAll}>All canvases</Button>
      </Note>
    )
  }
  if (view === 'deleted') {
    return (
      <Note icon={<Trash2 />} title="Nothing was deleted" testId="home-none">
        <p>Deleted canvases are kept here and can be restored by their owner.</p>
        <Button onClick={onAll}>All canvases</Button>
      </Note>
    )
  }
  return (
    <Note icon={<LayoutGrid />} title="No canvas yet" testId="home-empty">
      <p>A canvas is a grid of charts, tables and text that several people edit at once.</p>
      <span className="home-note-actions">
        <Button kind="primary" onClick={onCreate} disabled={busy}>
          <Plus /> New canvas
        </Button>
        <Button onClick={onChoose}>
          <FileUp /> From a CSV file
        </Button>
      </span>
      <p className="home-note-hint">You can also drop a CSV anywhere on this page.</p>
    </Note>
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
  await forgetDevice()
  location.assign('/')
}

function ThemeMenu() {
  const { theme, choice } = useTheme()
  return (
    <Menu
      trigger={<IconButton label="Theme" icon={theme === 'dark' ? <Moon /> : <Sun />} data-testid="theme" />}
      items={themeItems(choice)}
    />
  )
}

/** Routes, and what stands before them: signed in, signed out, or no server. */
import { lazy, Suspense } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { Button } from '../ui/Button'
import { Toasts } from '../ui/Toast'
import { Arrival } from './Arrival'
import { ApiError, describeError } from './api'
import { useMe } from './me'
import { PageBoundary } from './PageBoundary'
import { Blank, Center, SignedOut } from './pages'

const CanvasPage = lazy(() => import('../canvas/CanvasPage'))
const loadHome = () => import('../platform/canvases/Home')
const Home = lazy(loadHome)
// Asked for before it is known who is there, so that the page does not wait for one after the other.
if (location.pathname === '/') loadHome().catch(() => undefined)

export function App() {
  const me = useMe()
  const [path] = useLocation()
  return (
    <>
      <Arrival />
      {me.isPending ? (
        <Blank />
      ) : me.error instanceof ApiError && (me.error.status === 401 || me.error.status === 403) ? (
        <SignedOut detail={me.error.detail} />
      ) : me.error !== null ? (
        <Center title="Jabiru cannot be reached" text={describeError(me.error)}>
          <Button kind="primary" onClick={() => void me.refetch()}>
            Try again
          </Button>
        </Center>
      ) : (
        <PageBoundary key={path}>
          <Suspense fallback={<Blank />}>
            <Switch>
              <Route path="/">
                <Home me={me.data} />
              </Route>
              <Route path="/c/:id">{({ id }) => <CanvasPage key={id} canvasId={id} me={me.data} />}</Route>
              <Route>
                <Center title="There is nothing here" text="The address does not belong to a canvas.">
                  <a className="app-link" href="/">
                    All canvases
                  </a>
                </Center>
              </Route>
            </Switch>
          </Suspense>
        </PageBoundary>
      )}
      <Toasts />
    </>
  )
}

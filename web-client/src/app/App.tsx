/** Routes, and what stands before them: signed in, signed out, or no server. */
import { lazy, Suspense } from 'react'
import { Route, Switch, useLocation } from 'wouter'
import { Button } from '../ui/Button'
import { Toasts } from '../ui/Toast'
import { Arrival } from './Arrival'
import { ApiError, describeError } from './api'
import { withQueries } from './loading'
import { useMe } from './me'
import { PageBoundary } from './PageBoundary'
import { Blank, Center } from './pages'

const CanvasPage = lazy(() => import('../canvas/CanvasPage'))
const loadHome = withQueries(() => import('../platform/canvases/Home'))
const Home = lazy(loadHome)
const UsagePage = lazy(withQueries(() => import('../platform/usage/UsagePage')))
const SignedOut = lazy(() => import('./SignedOut'))
// Asked for before it is known who is there, so that the page does not wait for one after the other.
if (location.pathname === '/') loadHome().catch(() => undefined)

export function App() {
  const { me, error, retry } = useMe()
  const [path] = useLocation()
  return (
    <>
      <Arrival />
      {error instanceof ApiError && (error.status === 401 || error.status === 403) ? (
        <Suspense fallback={<Blank />}>
          <SignedOut detail={error.detail} />
        </Suspense>
      ) : error !== null ? (
        <Center title="Jabiru cannot be reached" text={describeError(error)}>
          <Button kind="primary" onClick={retry}>
            Try again
          </Button>
        </Center>
      ) : me === undefined ? (
        <Blank />
      ) : (
        <PageBoundary key={path}>
          <Suspense fallback={<Blank />}>
            <Switch>
              <Route path="/">
                <Home me={me} />
              </Route>
              <Route path="/usage">
                <UsagePage me={me} />
              </Route>
              <Route path="/c/:id">{({ id }) => <CanvasPage key={id} canvasId={id} me={me} />}</Route>
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

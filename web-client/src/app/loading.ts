/** What `lazy()` loads: components that read from the server, and parts the page can do without. */
import { type ComponentType, createElement } from 'react'

type Loaded<P> = { default: ComponentType<P> }

/** A component that reads from the server, together with the cache of what was read. */
export const withQueries =
  <P extends object>(load: () => Promise<Loaded<P>>) =>
  async (): Promise<Loaded<P>> => {
    const [{ default: View }, { Queries }] = await Promise.all([load(), import('./queries')])
    return { default: (props: P) => createElement(Queries, null, createElement(View, props)) }
  }

/** For `lazy()`: a part the page can do without. If it cannot be loaded there is nothing in its place, and no error. */
export const orNothing =
  <P extends object>(load: () => Promise<Loaded<P>>) =>
  (): Promise<Loaded<P>> =>
    load().catch(() => ({ default: () => null }))

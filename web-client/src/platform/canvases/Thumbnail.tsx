/**
 * The place of a canvas's picture: its size from the start, the picture once it is in view. The drawing code arrives
 * then, too; the page never waits for it.
 */
import { Component, lazy, type ReactNode, Suspense, useEffect, useRef, useState } from 'react'

const Picture = lazy(() => import('./thumbnail/Picture'))

/** A picture that cannot be drawn is no reason to lose the page. */
class Quiet extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError() {
    return { failed: true }
  }
  override render() {
    return this.state.failed ? null : this.props.children
  }
}

export function Thumbnail({ id, updatedAt }: { id: string; updatedAt: string }) {
  const place = useRef<HTMLDivElement>(null)
  const [seen, setSeen] = useState(false)
  useEffect(() => {
    const element = place.current
    if (element === null || seen) return
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true)
      },
      { rootMargin: '200px' },
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [seen])
  return (
    <div ref={place} className="thumb" aria-hidden="true">
      {seen && (
        <Quiet>
          <Suspense>
            <Picture id={id} updatedAt={updatedAt} />
          </Suspense>
        </Quiet>
      )}
    </div>
  )
}

/** What remains when a page breaks: a sentence, and ways on. What was typed is on the server or on this device. */
import { Component, type ReactNode } from 'react'
import { Button } from '../ui/Button'
import { Center } from './pages'

type Props = { children: ReactNode }

export class PageBoundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override componentDidCatch(error: unknown): void {
    console.error('This page stopped:', error)
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    // A new build replaced the files this page was made for: the old parts are not there any more.
    const outdated = /dynamically imported module|Importing a module script failed|error loading/i.test(error.message)
    return (
      <Center
        title={outdated ? 'Jabiru has been updated' : 'Something went wrong on this page'}
        text={
          outdated
            ? 'Reload the page to get the new version. Your changes are kept.'
            : 'Your changes are kept: those the server has, and those on this device. Reload the page to go on.'
        }
      >
        <Button kind="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        <a className="app-link" href="/">
          All canvases
        </a>
        {!outdated && <code className="app-error">{error.message}</code>}
      </Center>
    )
  }
}

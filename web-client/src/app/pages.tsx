/** Whole-page messages. */
import { type ReactNode, useEffect } from 'react'
import { Button } from '../ui/Button'
import { dropToken } from './api'

export function Logo() {
  return <img src="/icon.svg" width={20} height={20} alt="" />
}

/** Before anything is known: the bar and the canvas, empty. What comes next takes their places. */
export function Blank() {
  return (
    <div className="app-blank" aria-busy="true">
      <div className="app-blank-bar" />
    </div>
  )
}

export function Center({ title, text, children }: { title: string; text: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Jabiru`
  }, [title])
  return (
    <main className="app-center">
      <Logo />
      <h1>{title}</h1>
      <p>{text}</p>
      {children}
    </main>
  )
}

/** A token that was refused must not hide the session that is there now. */
const signedIn = (): void => {
  dropToken()
  location.reload()
}

export function SignedOut({ detail }: { detail: string }) {
  return (
    <main className="app-center" data-testid="signed-out">
      <Logo />
      <h1>You are signed out</h1>
      <p>{detail !== '' ? detail : 'This server does not know who you are.'}</p>
      <div className="app-steps">
        <p>
          Open the login link that the server printed when it started. It works once; to get a new one, run this where
          the server runs:
        </p>
        <code>jabiru login-url</code>
        <p>Then open the printed address in this browser.</p>
      </div>
      <Button kind="primary" onClick={signedIn}>
        I have signed in
      </Button>
    </main>
  )
}

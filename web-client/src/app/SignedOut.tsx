/** For whoever is not signed in: what to do about it. Loaded for them only; nobody else's page carries it. */
import { Button } from '../ui/Button'
import { dropToken } from './api'
import { Logo } from './pages'

/** A token that was refused must not hide the session that is there now. */
const signedIn = (): void => {
  dropToken()
  location.reload()
}

export default function SignedOut({ detail }: { detail: string }) {
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

/** A part of the settings that opens and closes, and stays as one left it while the page is open. */
import { ChevronRight } from 'lucide-react'
import type { ReactNode } from 'react'
import { useState } from 'react'

const opened = new Map<string, boolean>()

export function Group({ name, open, children }: { name: string; open: boolean; children: ReactNode }) {
  const [shown, setShown] = useState(() => opened.get(name) ?? open)
  return (
    <details
      className="insp-group"
      open={shown}
      onToggle={(event) => {
        const now = event.currentTarget.open
        opened.set(name, now)
        setShown(now)
      }}
    >
      <summary data-testid={`group-${name.toLowerCase()}`}>
        <ChevronRight aria-hidden size={14} />
        <h3>{name}</h3>
      </summary>
      {shown && <div className="insp-group-body">{children}</div>}
    </details>
  )
}

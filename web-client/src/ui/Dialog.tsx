/** A modal dialog with a title, an optional sentence, a body and actions. Focus and Escape are Radix's. */
import { Dialog as Radix } from 'radix-ui'
import { type ReactNode, useRef } from 'react'

type DialogProps = {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  text?: ReactNode
  children?: ReactNode
  actions?: ReactNode
  wide?: boolean
}

export function Dialog({ open, onOpenChange, title, text, children, actions, wide }: DialogProps) {
  // Radix gives the focus back to a trigger, and these dialogs have none: it goes back to where it was.
  const before = useRef<Element | null>(null)
  const was = useRef(false)
  // Before anything in it takes the focus.
  if (open && !was.current) before.current = document.activeElement
  was.current = open
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="ui-overlay" />
        <Radix.Content
          className="ui-dialog"
          data-wide={wide ? '' : undefined}
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            // Unless what was chosen has taken it.
            if (document.activeElement !== document.body) return
            if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true })
          }}
          {...(text === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <Radix.Title className="ui-dialog-title">{title}</Radix.Title>
          {text !== undefined && <Radix.Description className="ui-dialog-text">{text}</Radix.Description>}
          {children !== undefined && <div className="ui-dialog-body">{children}</div>}
          {actions !== undefined && <div className="ui-dialog-actions">{actions}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

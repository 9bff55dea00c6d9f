/**
 * A modal dialog with a title, an optional sentence, a body and actions; it is open as long as it is rendered. Focus and
 * Escape are Radix's.
 */
import { Dialog as Radix } from 'radix-ui'
import { type ReactNode, useRef } from 'react'

type DialogProps = {
  /** Escape, or a press beside it. */
  onClose: () => void
  title: string
  text?: ReactNode
  children?: ReactNode
  actions?: ReactNode
  wide?: boolean
}

export function Dialog({ onClose, title, text, children, actions, wide }: DialogProps) {
  // Radix gives the focus back to a trigger, and these dialogs have none: it goes back to where it was.
  // Read before anything in it takes the focus.
  const before = useRef(document.activeElement)
  return (
    <Radix.Root open onOpenChange={() => onClose()}>
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

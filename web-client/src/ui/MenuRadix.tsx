/** A menu that opens from a button. `items` may hold null, which draws a line. */
import { DropdownMenu as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

export type MenuItem = {
  label: string
  icon?: ReactNode
  keys?: string
  danger?: boolean
  disabled?: boolean
  testId?: string
  onSelect: () => void
}

type MenuProps = {
  /** One focusable element, usually a Button or IconButton. */
  trigger: ReactNode
  items: readonly (MenuItem | null)[]
  align?: 'start' | 'center' | 'end'
  /** After choosing, leave the focus where the chosen action put it instead of on the trigger. */
  keepFocus?: boolean
}

export function Menu({ trigger, items, align = 'end', keepFocus = false }: MenuProps) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          className="ui-menu"
          align={align}
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            if (keepFocus) event.preventDefault()
          }}
          // A menu lives in a portal, yet React bubbles its events to the block that opened it: they end here.
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
        >
          {items.map((item, index) =>
            item === null ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line has no identity but its place
              <Radix.Separator key={`line-${index}`} className="ui-menu-line" />
            ) : (
              <Radix.Item
                key={item.label}
                className="ui-menu-item"
                data-danger={item.danger ? '' : undefined}
                data-testid={item.testId}
                disabled={item.disabled ?? false}
                onSelect={item.onSelect}
              >
                {item.icon}
                {item.label}
                {item.keys !== undefined && <span className="ui-menu-keys">{item.keys}</span>}
              </Radix.Item>
            ),
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

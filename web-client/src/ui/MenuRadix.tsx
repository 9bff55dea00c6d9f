/** The menu itself, on Radix. `ui/Menu` loads it after the first paint; nothing else imports it. */
import { DropdownMenu as Radix } from 'radix-ui'
import type { MenuProps } from './Menu'

export default function MenuRadix({
  trigger,
  items,
  align = 'end',
  keepFocus = false,
  defaultOpen,
}: MenuProps & { defaultOpen: boolean }) {
  return (
    <Radix.Root modal={false} defaultOpen={defaultOpen}>
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

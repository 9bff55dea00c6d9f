/** The menu itself, on Radix. `ui/Menu` loads it after the first paint; nothing else imports it. */
import { Check } from 'lucide-react'
import { DropdownMenu as Radix } from 'radix-ui'
import { floating } from './floating'
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
      <Radix.Portal container={floating()}>
        <Radix.Content
          className="ui-menu"
          align={align}
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={(event) => {
            // What was chosen has taken the focus, or will; what has left it nowhere gives it back to the trigger.
            if (keepFocus && document.activeElement !== document.body) event.preventDefault()
          }}
          // A menu lives in a portal, yet React bubbles its events to the block that opened it: they end here.
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
        >
          {items.map((item, index) => {
            if (item === null) {
              // biome-ignore lint/suspicious/noArrayIndexKey: a line has no identity but its place
              return <Radix.Separator key={`line-${index}`} className="ui-menu-line" />
            }
            if (typeof item === 'string') {
              return (
                <Radix.Label key={`label-${item}`} className="ui-menu-label">
                  {item}
                </Radix.Label>
              )
            }
            const shared = {
              className: 'ui-menu-item',
              'data-danger': item.danger ? '' : undefined,
              'data-testid': item.testId,
              disabled: item.disabled ?? false,
              onSelect: item.onSelect,
            }
            const inside = (
              <>
                {item.icon}
                <span className="ui-menu-text">{item.label}</span>
                {item.keys !== undefined && <span className="ui-menu-keys">{item.keys}</span>}
              </>
            )
            return item.checked === undefined ? (
              <Radix.Item key={item.label} {...shared}>
                {inside}
              </Radix.Item>
            ) : (
              <Radix.CheckboxItem key={item.label} {...shared} checked={item.checked}>
                {inside}
                <Radix.ItemIndicator className="ui-menu-tick">
                  <Check />
                </Radix.ItemIndicator>
              </Radix.CheckboxItem>
            )
          })}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

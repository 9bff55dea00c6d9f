/** The menu of a column: everything that can be done to it, in words. Loaded when the first one is opened. */
import {
  AlignCenter,
  AlignLeft,
  AlignRight,
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowUp,
  Check,
  ChevronRight,
  Coins,
  Eye,
  EyeOff,
  FoldHorizontal,
  Hash,
  ListFilter,
  type LucideIcon,
  MoveHorizontal,
  PencilLine,
  Pin,
  UnfoldHorizontal,
  X,
} from 'lucide-react'
import { DropdownMenu as Radix } from 'radix-ui'
import { type ReactNode, useRef } from 'react'
import { setContent } from '../../../doc/schema'
import { floating } from '../../../ui/floating'
import { FORMATS, isNumeric } from '../format'
import { CURRENCIES } from '../labels'
import type { SortRule } from '../localView'
import { ALIGNS, alignOf, type TableColumn } from './columns'
import { changeColumn, stepTarget } from './edits'
import type { ColumnActions, HeaderProps } from './Header'
import { ALIGN_NAMES, FORMAT_NAMES } from './names'

/** Pixels a column grows by with one choice of the menu: more than a key does, which is pressed again at once. */
const STEP = 40

interface ColumnMenuProps extends HeaderProps {
  column: TableColumn
  anchor: HTMLElement
  actions: ColumnActions
  onClose: () => void
  /** Puts the focus back on the header. */
  onFocus: () => void
}

const ALIGN_ICONS = { left: AlignLeft, center: AlignCenter, right: AlignRight }

/** How the two directions of a column are called, ascending first. */
const directions = (column: TableColumn): [string, string] =>
  isNumeric(column.format)
    ? ['Sort smallest first', 'Sort largest first']
    : column.format === 'date'
      ? ['Sort earliest first', 'Sort latest first']
      : ['Sort A to Z', 'Sort Z to A']

export default function ColumnMenu(props: ColumnMenuProps) {
  const { block, data, column, columns, shown, sort, readOnly, actions, anchor, onOrder } = props
  /** Where the focus goes when the chosen entry takes it somewhere else: nowhere else then. */
  const leaves = useRef(false)
  const rule = sort.find((one) => one.id === column.field)
  const others = sort.filter((one) => one.id !== column.field)
  const [up, down] = directions(column)
  const box = anchor.getBoundingClientRect()
  const hidden = columns.filter((one) => one.hidden)
  const fields = shown.map((one) => one.field)
  const change = (leaves: Parameters<typeof changeColumn>[3], field = column.field): void =>
    actions.write(() => changeColumn(block, data.columns, field, leaves))
  const order = (desc: boolean, also: boolean): void => {
    const next: SortRule = { id: column.field, desc }
    onOrder(also ? [...others, next] : [next])
  }

  return (
    <Radix.Root
      modal={false}
      open
      onOpenChange={(open) => {
        if (!open) props.onClose()
      }}
    >
      <Radix.Trigger asChild>
        {/* Only the place the menu opens at; the button in the header is what one presses. */}
        <span
          aria-hidden
          style={{
            position: 'fixed',
            pointerEvents: 'none',
            left: box.left,
            top: box.top,
            width: box.width,
            height: box.height,
          }}
        />
      </Radix.Trigger>
      <Radix.Portal container={floating()}>
        <Radix.Content
          className="ui-menu tbl-column-menu"
          align="start"
          sideOffset={2}
          collisionPadding={8}
          aria-label={`Options of ${column.header}`}
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            if (!leaves.current) props.onFocus()
          }}
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
          onKeyDown={(event) => event.stopPropagation()}
        >
          {props.sortable && column.index >= 0 && (
            <>
              <Item icon={ArrowUp} on={rule?.desc === false} testId="sort-up" run={() => order(false, false)}>
                {up}
              </Item>
              <Item icon={ArrowDown} on={rule?.desc === true} testId="sort-down" run={() => order(true, false)}>
                {down}
              </Item>
              {others.length > 0 && rule === undefined && (
                <Item icon={ArrowDown} keys="Shift+Enter" run={() => order(isNumeric(column.format), true)}>
                  Add to the sort
                </Item>
              )}
              {rule && (
                <Item icon={X} run={() => onOrder(others)}>
                  Do not sort by this
                </Item>
              )}
            </>
          )}
          {props.filterable && column.index >= 0 && (
            <Item
              icon={ListFilter}
              testId="column-filter"
              run={() => {
                leaves.current = true
                props.onFilter(anchor, column.field)
              }}
            >
              Filter by this…
            </Item>
          )}
          <Radix.Separator className="ui-menu-line" />
          {!readOnly && (
            <>
              <Item
                icon={PencilLine}
                keys="F2"
                testId="column-rename-item"
                run={() => {
                  leaves.current = true
                  actions.rename(column)
                }}
              >
                Rename…
              </Item>
              <Sub icon={Hash} label="Format" testId="column-format">
                {FORMATS.map((format) => (
                  <Item
                    key={format}
                    on={column.format === format}
                    testId={`format-${format}`}
                    run={() => change({ type: format })}
                  >
                    {FORMAT_NAMES[format]}
                  </Item>
                ))}
                {isNumeric(column.format) && (
                  <>
                    <Radix.Separator className="ui-menu-line" />
                    {[null, 0, 1, 2, 3].map((decimals) => (
                      <Item
                        key={String(decimals)}
                        on={column.decimals === decimals}
                        run={() => change({ decimals: decimals ?? undefined })}
                      >
                        {decimals === null
                          ? 'Decimals as in the data'
                          : decimals === 1
                            ? '1 decimal'
                            : `${decimals} decimals`}
                      </Item>
                    ))}
                  </>
                )}
              </Sub>
              {column.format === 'currency' && (
                <Sub icon={Coins} label={`Currency: ${column.currency}`}>
                  {[...new Set<string>([column.currency, ...CURRENCIES])].map((currency) => (
                    <Item key={currency} on={column.currency === currency} run={() => change({ currency })}>
                      {currency}
                    </Item>
                  ))}
                </Sub>
              )}
              <Sub icon={ALIGN_ICONS[alignOf(column)]} label="Align">
                {ALIGNS.map((align) => (
                  <Item
                    key={align}
                    icon={ALIGN_ICONS[align]}
                    on={alignOf(column) === align}
                    run={() => change({ align })}
                  >
                    {ALIGN_NAMES[align]}
                  </Item>
                ))}
              </Sub>
              <Radix.Separator className="ui-menu-line" />
              <Item
                icon={ArrowLeft}
                keys="Alt+←"
                testId="column-left"
                disabled={stepTarget(fields, column.field, -1) === undefined}
                run={() => actions.step(column, -1)}
              >
                Move left
              </Item>
              <Item
                icon={ArrowRight}
                keys="Alt+→"
                testId="column-right"
                disabled={stepTarget(fields, column.field, 1) === undefined}
                run={() => actions.step(column, 1)}
              >
                Move right
              </Item>
            </>
          )}
          <Item icon={UnfoldHorizontal} keys="Alt+Shift+→" run={() => actions.widen(column, STEP)}>
            Wider
          </Item>
          <Item icon={FoldHorizontal} keys="Alt+Shift+←" run={() => actions.widen(column, -STEP)}>
            Narrower
          </Item>
          <Item icon={MoveHorizontal} testId="column-fit" run={() => actions.fit(column)}>
            Fit to the content
          </Item>
          {!readOnly && (
            <>
              <Radix.Separator className="ui-menu-line" />
              {fields[0] === column.field && (
                <Item
                  icon={Pin}
                  on={props.pinFirst}
                  run={() => actions.write(() => setContent(block, ['pin_first'], !props.pinFirst))}
                >
                  Keep in view
                </Item>
              )}
              <Item
                icon={EyeOff}
                testId="column-hide"
                disabled={shown.length < 2}
                run={() => {
                  leaves.current = true
                  change({ hidden: true })
                  props.say(`${column.header} is hidden.`)
                  props.scroll.current?.focus({ preventScroll: true })
                }}
              >
                Hide
              </Item>
              {hidden.length > 0 && (
                <Sub icon={Eye} label={`Hidden columns (${hidden.length})`} testId="column-hidden">
                  {hidden.map((one) => (
                    <Item key={one.field} run={() => change({ hidden: undefined }, one.field)}>
                      {one.header}
                    </Item>
                  ))}
                </Sub>
              )}
            </>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

interface ItemProps {
  icon?: LucideIcon
  keys?: string
  on?: boolean
  disabled?: boolean
  testId?: string
  run: () => void
  children: ReactNode
}

function Item({ icon: Icon, keys, on = false, disabled = false, testId, run, children }: ItemProps) {
  return (
    <Radix.Item className="ui-menu-item" disabled={disabled} data-testid={testId} onSelect={run}>
      {Icon ? <Icon aria-hidden /> : <Check aria-hidden style={{ visibility: on ? 'visible' : 'hidden' }} />}
      {children}
      {Icon && on && <Check className="tbl-on" aria-label="Chosen" />}
      {keys !== undefined && <span className="ui-menu-keys">{keys}</span>}
    </Radix.Item>
  )
}

interface SubProps {
  icon: LucideIcon
  label: string
  testId?: string
  children: ReactNode
}

function Sub({ icon: Icon, label, testId, children }: SubProps) {
  return (
    <Radix.Sub>
      <Radix.SubTrigger className="ui-menu-item" data-testid={testId}>
        <Icon aria-hidden />
        {label}
        <ChevronRight className="tbl-on" aria-hidden />
      </Radix.SubTrigger>
      <Radix.Portal container={floating()}>
        <Radix.SubContent className="ui-menu tbl-column-menu" collisionPadding={8} sideOffset={4}>
          {children}
        </Radix.SubContent>
      </Radix.Portal>
    </Radix.Sub>
  )
}

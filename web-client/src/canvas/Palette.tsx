/**
 * Ctrl/Cmd+K: every command, every block of this canvas and every other canvas, found by typing. Loaded when it is
 * first opened.
 *
 * A command runs after the palette is gone and the focus is back where it was: it acts on what the person saw.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Command as Cmdk } from 'cmdk'
import {
  CornerDownLeft,
  LayoutDashboard,
  type LucideIcon,
  Search,
  Sparkle,
  SquareDashed,
  UserRound,
} from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useDeferredValue, useMemo, useRef, useState } from 'react'
import { navigate } from 'wouter/use-browser-location'
import { api } from '../app/api'
import { blocksMap, blockType } from '../doc/schema'
import { follow } from '../presence/follow'
import { peopleOf } from '../presence/people'
import type { CanvasSession } from '../sync/session'
import { allIds, blockName, reveal } from './actions'
import { actionsOf } from './blocks/blockActions'
import { typeOf } from './blocks/types'
import { COMMANDS, type Command, contextOf, GROUPS, isOffered } from './commands'
import { KeyCaps } from './KeyCaps'
import { rank } from './paletteRank'
import { recentCommands, rememberCommand } from './recent'
import { openDialog, select, type UiStore } from './ui'
import './commands.css'

/** Blocks listed before anything is typed. */
const FIRST_BLOCKS = 5
/** Canvases asked for at a time. */
const CANVASES = 8

type Found = { items: { id: string; name: string }[] }

export default function Palette({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const [query, setQuery] = useState('')
  const chosen = useRef<(() => void) | null>(null)
  const before = useRef<Element | null>(null)
  // What can be done is decided when the palette opens; the canvas goes on changing behind it.
  const context = useMemo(() => contextOf(session, ui), [session, ui])
  const offered = useMemo(
    () => COMMANDS.filter((command) => command.palette !== false && isOffered(command, context)),
    [context],
  )
  const recent = useMemo(
    () => recentCommands().flatMap((id) => offered.find((command) => command.id === id) ?? []),
    [offered],
  )
  const blocks = useMemo(() => {
    const map = blocksMap(session.doc)
    return allIds(session).flatMap((id) => {
      const block = map.get(id)
      return block === undefined ? [] : [{ id, name: blockName(block), type: blockType(block) }]
    })
  }, [session])
  const only = context.selected.length === 1 ? context.selected[0] : undefined
  const own = only === undefined ? [] : actionsOf(only)
  const people = useMemo(() => peopleOf(session.awareness), [session])
  const typed = query.trim() !== ''
  const canvases = useCanvasesNamed(query)

  const close = (then: (() => void) | null): void => {
    chosen.current = then
    openDialog(ui, null)
  }
  const run = (command: Command): void =>
    close(() => {
      rememberCommand(command.id)
      command.run(contextOf(session, ui))
    })
  const commandItem = (command: Command, prefix: string) => (
    <Item
      key={prefix + command.id}
      value={`${prefix}${command.id}`}
      words={[command.title, command.words ?? '', command.group]}
      icon={command.icon ?? Sparkle}
      title={command.title}
      keys={command.keys?.[0]}
      onSelect={() => run(command)}
    />
  )

  return (
    <Dialog.Root open onOpenChange={() => close(null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="ui-overlay" />
        <Dialog.Content
          className="palette"
          data-testid="palette"
          aria-describedby={undefined}
          onOpenAutoFocus={() => {
            before.current = document.activeElement
          }}
          onCloseAutoFocus={(event) => {
            // Radix knows triggers only, and the palette has none.
            event.preventDefault()
            if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true })
            chosen.current?.()
          }}
        >
          <Dialog.Title className="visually-hidden">Find anything</Dialog.Title>
          <Cmdk label="Commands" loop filter={rank}>
            <div className="palette-search">
              <Search aria-hidden="true" />
              <Cmdk.Input value={query} onValueChange={setQuery} placeholder="Search commands, blocks and canvases" />
              <kbd className="palette-esc">Esc</kbd>
            </div>
            <div role="status">
              <Cmdk.Empty className="palette-none">
                <SquareDashed aria-hidden="true" />
                Nothing is called “{query.trim()}”.
              </Cmdk.Empty>
            </div>
            <Cmdk.List className="palette-list">
              {!typed && recent.length > 0 && (
                <Cmdk.Group heading="Recent">{recent.map((command) => commandItem(command, 'recent '))}</Cmdk.Group>
              )}
              {own.length > 0 && (
                <Cmdk.Group heading="This block">
                  {own.map((action) => (
                    <Item
                      key={action.label}
                      value={`own ${action.label}`}
                      words={[action.label]}
                      icon={action.icon ?? Sparkle}
                      title={action.label}
                      onSelect={() => close(action.run)}
                    />
                  ))}
                </Cmdk.Group>
              )}
              {GROUPS.map((group) => {
                const items = offered.filter(
                  (command) => command.group === group && (typed || !recent.includes(command)),
                )
                return items.length === 0 ? null : (
                  <Cmdk.Group key={group} heading={group}>
                    {items.map((command) => commandItem(command, ''))}
                  </Cmdk.Group>
                )
              })}
              {people.length > 0 && (
                <Cmdk.Group heading="People">
                  {people.map(({ id, name }) => (
                    <Item
                      key={id}
                      value={`person ${id}`}
                      words={[name, 'follow person']}
                      icon={UserRound}
                      title={`Follow ${name}`}
                      onSelect={() => close(() => follow(session, ui, id))}
                    />
                  ))}
                </Cmdk.Group>
              )}
              {blocks.length > 0 && (
                <Cmdk.Group heading="Go to block">
                  {(typed ? blocks : blocks.slice(0, FIRST_BLOCKS)).map(({ id, name, type }) => (
                    <Item
                      key={id}
                      value={`block ${id}`}
                      words={[name, type]}
                      icon={typeOf(type)?.icon ?? SquareDashed}
                      title={name}
                      note={typeOf(type)?.label ?? type}
                      onSelect={() =>
                        close(() => {
                          select(ui, [id])
                          reveal(id)
                        })
                      }
                    />
                  ))}
                </Cmdk.Group>
              )}
              {typed && canvases.length > 0 && (
                <Cmdk.Group heading="Go to canvas">
                  {canvases
                    .filter(({ id }) => id !== session.canvasId)
                    .map(({ id, name }) => (
                      <Item
                        key={id}
                        value={`canvas ${id}`}
                        // The server has searched descriptions too: what it found is shown.
                        words={[name, query]}
                        icon={LayoutDashboard}
                        title={name}
                        onSelect={() => close(() => navigate(`/c/${encodeURIComponent(id)}`))}
                      />
                    ))}
                </Cmdk.Group>
              )}
            </Cmdk.List>
            <div className="palette-foot" aria-hidden="true">
              <span>
                <kbd>↑</kbd>
                <kbd>↓</kbd> to move
              </span>
              <span>
                <kbd>
                  <CornerDownLeft />
                </kbd>{' '}
                to choose
              </span>
              <span className="palette-foot-end">
                <KeyCaps keys="?" /> all shortcuts
              </span>
            </div>
          </Cmdk>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

type ItemProps = {
  value: string
  words: string[]
  icon: LucideIcon
  title: string
  note?: string
  keys?: string | undefined
  onSelect: () => void
}

function Item({ value, words, icon: Icon, title, note, keys, onSelect }: ItemProps) {
  return (
    <Cmdk.Item className="palette-item" value={value} keywords={words} onSelect={onSelect}>
      <Icon aria-hidden="true" />
      <span className="palette-title">{title}</span>
      {note !== undefined && <span className="palette-note">{note}</span>}
      {keys !== undefined && <KeyCaps keys={keys} />}
    </Cmdk.Item>
  )
}

/** Canvases by name or description, asked of the server as one types. Without it there are simply none. */
const useCanvasesNamed = (query: string): Found['items'] => {
  const text = useDeferredValue(query.trim())
  const found = useQuery({
    queryKey: ['canvases-named', text],
    queryFn: ({ signal }) => api<Found>('/v1/canvases', { query: { query: text, limit: CANVASES }, signal }),
    enabled: text !== '',
    placeholderData: keepPreviousData,
    staleTime: 15_000,
    retry: false,
  })
  return found.data?.items ?? []
}

/**
 * The bar of a canvas: where we are, whether it is saved, who is here, and what can be done with the whole of it. On a
 * phone everything but the name, the status and the people is in one menu.
 */
import {
  ArrowLeft,
  Command as CommandIcon,
  Ellipsis,
  Monitor,
  PanelRight,
  Redo2,
  Search,
  SlidersHorizontal,
  Undo2,
} from 'lucide-react'
import { useSyncExternalStore } from 'react'
import { Link } from 'wouter'
import { useStore } from 'zustand'
import { useTheme } from '../app/theme'
import { themeItems } from '../app/themeItems'
import { PHONE, useMedia } from '../app/useMedia'
import { Avatars } from '../presence/Avatars'
import type { CanvasSession } from '../sync/session'
import { IconButton } from '../ui/Button'
import { Menu, type MenuItem } from '../ui/Menu'
import { AddMenu } from './AddMenu'
import { add, redo, undo } from './actions'
import { BLOCK_TYPES } from './blocks/registry'
import { commandItem } from './commandItem'
import { contextOf, keysOf } from './commands'
import { Status } from './Status'
import { Title } from './Title'
import { openDialog, setPanel, type UiStore } from './ui'

type BarProps = { session: CanvasSession; ui: UiStore; readOnly: boolean; ready: boolean }

export function Bar({ session, ui, readOnly, ready }: BarProps) {
  const phone = useMedia(PHONE)
  const panel = useStore(ui, (state) => state.panel)
  return (
    <header className="bar">
      <Link className="ui-icon-button" href="/" aria-label="All canvases" title="All canvases">
        <ArrowLeft />
      </Link>
      {ready ? <Title session={session} readOnly={readOnly} /> : <span className="bar-title-waiting" />}
      <Status session={session} />
      <span className="bar-space" />
      {ready && !readOnly && !phone && (
        <>
          <UndoButtons session={session} />
          <AddMenu ui={ui} />
          <span className="bar-line" />
        </>
      )}
      {ready && !phone && (
        <IconButton
          label="Find anything"
          keys={keysOf('help.palette') ?? ''}
          icon={<Search />}
          data-testid="palette-open"
          onClick={() => openDialog(ui, 'palette')}
        />
      )}
      <Avatars session={session} ui={ui} show={phone ? 1 : 5} />
      {!phone && <span className="bar-line" />}
      {ready &&
        (phone ? <PhoneMenu session={session} ui={ui} readOnly={readOnly} /> : <ViewMenu session={session} ui={ui} />)}
      {ready && !readOnly && !phone && (
        <IconButton
          label="Settings panel"
          keys={keysOf('view.panel') ?? ''}
          icon={<PanelRight />}
          aria-pressed={panel}
          data-testid="panel-toggle"
          onClick={() => setPanel(ui, !panel)}
        />
      )}
    </header>
  )
}

/** Renders anew with what the entries depend on: the selection decides whether a block can fill the window. */
const useViewItems = (session: CanvasSession, ui: UiStore): (MenuItem | string | null)[] => {
  useStore(ui, (state) => state.selected)
  const choice = useTheme((state) => state.choice)
  const context = contextOf(session, ui)
  const present = ['view.solo', 'view.present', 'view.kiosk', 'view.print', 'canvas.usage', 'canvas.download'].flatMap(
    (id) => commandItem(id, context) ?? [],
  )
  return [...present, null, ...themeItems(choice)]
}

function ViewMenu({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const items = useViewItems(session, ui)
  return (
    <Menu keepFocus trigger={<IconButton label="View" icon={<Monitor />} data-testid="view-menu" />} items={items} />
  )
}

function PhoneMenu({ session, ui, readOnly }: { session: CanvasSession; ui: UiStore; readOnly: boolean }) {
  const view = useViewItems(session, ui)
  const can = useUndoState(session)
  const items: (MenuItem | string | null)[] = readOnly
    ? []
    : [
        { label: 'Undo', icon: <Undo2 />, disabled: !can.undo, onSelect: () => undo(session) },
        { label: 'Redo', icon: <Redo2 />, disabled: !can.redo, onSelect: () => redo(session) },
        { label: 'Block settings', icon: <SlidersHorizontal />, onSelect: () => setPanel(ui, true) },
        'Add',
        ...BLOCK_TYPES.map(({ type, label, icon: Icon, defaultSize, createContent }) => ({
          label,
          icon: <Icon />,
          testId: `add-${type}`,
          onSelect: () => add(session, ui, type, createContent(), defaultSize),
        })),
        null,
      ]
  return (
    <Menu
      keepFocus
      trigger={<IconButton label="Menu" icon={<Ellipsis />} data-testid="phone-menu" />}
      items={[
        ...items,
        { label: 'All commands', icon: <CommandIcon />, onSelect: () => openDialog(ui, 'palette') },
        ...view,
      ]}
    />
  )
}

const useUndoState = ({ undo }: CanvasSession): { undo: boolean; redo: boolean } => {
  const can = useSyncExternalStore(
    (notify) => {
      const names = ['stack-item-added', 'stack-item-popped', 'stack-cleared'] as const
      for (const name of names) undo.on(name, notify)
      return () => {
        for (const name of names) undo.off(name, notify)
      }
    },
    () => (undo.canUndo() ? 1 : 0) + (undo.canRedo() ? 2 : 0),
  )
  return { undo: (can & 1) !== 0, redo: (can & 2) !== 0 }
}

function UndoButtons({ session }: { session: CanvasSession }) {
  const can = useUndoState(session)
  return (
    <>
      <IconButton
        label="Undo"
        keys={keysOf('edit.undo') ?? 'Ctrl+Z'}
        icon={<Undo2 />}
        disabled={!can.undo}
        data-testid="undo"
        onClick={() => undo(session)}
      />
      <IconButton
        label="Redo"
        keys={keysOf('edit.redo') ?? 'Ctrl+Shift+Z'}
        icon={<Redo2 />}
        disabled={!can.redo}
        data-testid="redo"
        onClick={() => redo(session)}
      />
    </>
  )
}

/**
 * Everything a person can do to a canvas, in one list. Keys, the palette, the `?` sheet, menus and tooltips come from
 * it, so that none of them can say something the others do not.
 *
 * To add a command: put it in the array of its area under `commands/` and, if the area is new, add the array below.
 */
import type { LucideIcon } from 'lucide-react'
import type { CanvasSession } from '../sync/session'
import { addCommands } from './commands/add'
import { arrangeCommands } from './commands/arrange'
import { canvasCommands } from './commands/canvas'
import { editCommands } from './commands/edit'
import { goCommands } from './commands/go'
import { helpCommands } from './commands/help'
import { importCommands } from './commands/import'
import { viewCommands } from './commands/view'
import { isSingle, type KeyPress, keysText, matchesKeys } from './keys'
import type { UiStore } from './ui'

export type CommandContext = {
  session: CanvasSession
  ui: UiStore
  canEdit: boolean
  selected: readonly string[]
}

export type CommandGroup = 'Add' | 'Edit' | 'Arrange' | 'View' | 'Canvas' | 'Go' | 'Help'

export type Command = {
  id: string
  /** What it does, as a menu says it. */
  title: string
  group: CommandGroup
  /** The first one is shown; all of them work. */
  keys?: readonly string[]
  icon?: LucideIcon
  /** Commands of one family share a row of the `?` sheet under this name. */
  family?: string
  /** Further words that find it in the palette. */
  words?: string
  when?: (c: CommandContext) => boolean
  run: (c: CommandContext) => void
  /** False keeps it out of the palette. */
  palette?: false
  /** Its keys work in text fields too, unless the field takes them for itself. */
  whileTyping?: true
  /** The browser has an event of its own for these keys (copy, cut, paste): they are shown here, and not matched. */
  native?: true
  /** Red where it is listed: it takes something away. */
  danger?: true
  testId?: string
}

export const GROUPS: readonly CommandGroup[] = ['Add', 'Edit', 'Arrange', 'View', 'Canvas', 'Go', 'Help']

export const COMMANDS: readonly Command[] = [
  ...addCommands,
  ...importCommands,
  ...editCommands,
  ...arrangeCommands,
  ...viewCommands,
  ...canvasCommands,
  ...goCommands,
  ...helpCommands,
]

const byId = new Map(COMMANDS.map((command) => [command.id, command]))

export const contextOf = (session: CanvasSession, ui: UiStore): CommandContext => ({
  session,
  ui,
  // Presenting changes nothing, whatever the person may do otherwise.
  canEdit: session.canEdit && ui.getState().mode === 'edit',
  selected: ui.getState().selected,
})

export const isOffered = (command: Command, context: CommandContext): boolean => command.when?.(context) ?? true

/** Runs a command by id if it applies now. False when it does not. */
export const runCommand = (id: string, context: CommandContext): boolean => {
  const command = byId.get(id)
  if (command === undefined || !isOffered(command, context)) return false
  command.run(context)
  return true
}

/** The keys of a command as shown in a tooltip, for instance "Ctrl+Z"; undefined when it has none. */
export const keysOf = (id: string): string | undefined => {
  const keys = byId.get(id)?.keys?.[0]
  return keys === undefined ? undefined : keysText(keys)
}

type Typing = {
  /** The key went to a text field, a menu or a dialog. */
  typing: boolean
  /** Single letters and signs are commands. */
  singles: boolean
}

/** The command that a key press means now. */
export const commandFor = (
  press: KeyPress,
  context: CommandContext,
  { typing, singles }: Typing,
  commands: readonly Command[] = COMMANDS,
): Command | undefined =>
  commands.find(
    (command) =>
      command.native !== true &&
      (!typing || command.whileTyping === true) &&
      (command.keys ?? []).some((keys) => (!isSingle(keys) || (singles && !typing)) && matchesKeys(press, keys)) &&
      isOffered(command, context),
  )

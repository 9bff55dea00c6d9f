/** A command as an entry of a menu. */
import type { MenuItem } from '../ui/Menu'
import { COMMANDS, type CommandContext, isOffered } from './commands'
import { keysText } from './keys'

/** Null where the command does not apply. */
export const commandItem = (id: string, context: CommandContext): MenuItem | null => {
  const command = COMMANDS.find((one) => one.id === id)
  if (command === undefined || !isOffered(command, context)) return null
  const { title, icon: Icon, keys, danger, testId, run } = command
  return {
    label: title,
    ...(Icon === undefined ? {} : { icon: <Icon /> }),
    ...(keys?.[0] === undefined ? {} : { keys: keysText(keys[0]) }),
    ...(danger === undefined ? {} : { danger }),
    ...(testId === undefined ? {} : { testId }),
    onSelect: () => run(context),
  }
}

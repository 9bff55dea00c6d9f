/** Adding blocks: one command for each type, and the menu that finds them by typing. */
import { Plus } from 'lucide-react'
import { add } from '../actions'
import { BLOCK_TYPES } from '../blocks/types'
import type { Command } from '../commands'
import { openAdding } from '../ui'

export const addCommands: readonly Command[] = [
  ...BLOCK_TYPES.map(
    ({ type, label, icon, key, description, defaultSize, createContent }): Command => ({
      id: `add.${type}`,
      title: `Add ${label.toLowerCase()}`,
      group: 'Add',
      icon,
      words: `new insert create block ${description}`,
      keys: [key],
      when: ({ canEdit }) => canEdit,
      run: ({ session, ui }) => add(session, ui, type, createContent(), defaultSize),
    }),
  ),
  {
    id: 'add.menu',
    title: 'Add a block…',
    group: 'Add',
    icon: Plus,
    keys: ['/'],
    palette: false,
    when: ({ canEdit }) => canEdit,
    run: ({ ui }) => openAdding(ui),
  },
]

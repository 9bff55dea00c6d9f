/** Finding out what there is. */
import { Keyboard, ListChecks, Search } from 'lucide-react'
import { openChecklist } from '../checklistState'
import type { Command } from '../commands'
import { openDialog } from '../ui'

export const helpCommands: readonly Command[] = [
  {
    id: 'help.palette',
    title: 'Find anything',
    group: 'Help',
    icon: Search,
    keys: ['mod+k'],
    palette: false,
    whileTyping: true,
    run: ({ ui }) => openDialog(ui, 'palette'),
  },
  {
    id: 'help.shortcuts',
    title: 'Keyboard shortcuts',
    group: 'Help',
    icon: Keyboard,
    keys: ['?', 'mod+/'],
    words: 'keys help',
    run: ({ ui }) => openDialog(ui, 'shortcuts'),
  },
  {
    id: 'checklist',
    title: 'First steps',
    group: 'Help',
    icon: ListChecks,
    words: 'checklist start begin tour',
    run: ({ session }) => openChecklist(session.user.id),
  },
]

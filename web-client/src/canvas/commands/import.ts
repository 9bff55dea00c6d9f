/** Bringing data in. */
import { FileUp } from 'lucide-react'
import type { Command } from '../commands'
import { chooseFiles } from '../DropZone'

export const importCommands: readonly Command[] = [
  {
    id: 'import.file',
    title: 'Import a file…',
    group: 'Add',
    icon: FileUp,
    words: 'csv tsv json upload data dataset picture image',
    when: ({ canEdit }) => canEdit,
    run: chooseFiles,
  },
]

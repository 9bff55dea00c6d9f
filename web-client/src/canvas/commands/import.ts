/** Bringing data in. */
import { FileUp } from 'lucide-react'
import { chooseFiles } from '../chooseFiles'
import type { Command } from '../commands'

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

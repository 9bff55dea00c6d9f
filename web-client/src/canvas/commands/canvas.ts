/** The canvas as a whole. */
import { ChartColumn, TextCursorInput } from 'lucide-react'
import type { Command } from '../commands'
import { openDialog } from '../ui'

export const canvasCommands: readonly Command[] = [
  {
    id: 'canvas.rename',
    title: 'Rename the canvas',
    group: 'Canvas',
    icon: TextCursorInput,
    words: 'title name',
    when: ({ canEdit }) => canEdit,
    run: () => document.querySelector<HTMLElement>('[data-testid="canvas-title"]')?.focus(),
  },
  {
    id: 'canvas.usage',
    title: 'Usage',
    group: 'Canvas',
    icon: ChartColumn,
    words: 'views visitors people statistics',
    testId: 'canvas-usage',
    when: ({ canEdit }) => canEdit,
    run: ({ ui }) => openDialog(ui, 'usage'),
  },
]

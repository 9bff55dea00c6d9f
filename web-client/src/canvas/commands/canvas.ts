/** The canvas as a whole. */
import { ChartColumn, HardDrive, TextCursorInput } from 'lucide-react'
import { canvasName } from '../../doc/schema'
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
  {
    id: 'canvas.download',
    title: 'Download canvas',
    group: 'Canvas',
    icon: HardDrive,
    words: 'export backup file',
    testId: 'canvas-download',
    when: ({ canEdit }) => canEdit,
    run: ({ session }) =>
      void import('../../platform/transfer/download').then(({ downloadCanvas }) =>
        downloadCanvas(session.canvasId, canvasName(session.doc)),
      ),
  },
]

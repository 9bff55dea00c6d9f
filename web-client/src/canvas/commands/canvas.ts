/** The canvas as a whole. */
import { TextCursorInput } from 'lucide-react'
import type { Command } from '../commands'

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
]

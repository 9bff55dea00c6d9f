/** Going elsewhere. Single blocks and other canvases are found by the palette itself. */
import { LayoutGrid } from 'lucide-react'
import { navigate } from 'wouter/use-browser-location'
import type { Command } from '../commands'

export const goCommands: readonly Command[] = [
  {
    id: 'go.home',
    title: 'All canvases',
    group: 'Go',
    icon: LayoutGrid,
    words: 'home list back',
    run: () => navigate('/'),
  },
]

/** How this page shows the canvas: nothing here changes it for anybody else. */
import { PanelRight, SunMoon } from 'lucide-react'
import { toggleTheme } from '../../app/theme'
import type { Command } from '../commands'
import { setPanel } from '../ui'

export const viewCommands: readonly Command[] = [
  {
    id: 'view.panel',
    title: 'Settings panel',
    group: 'View',
    icon: PanelRight,
    keys: ['mod+\\'],
    words: 'inspector sidebar show hide',
    whileTyping: true,
    when: ({ canEdit }) => canEdit,
    run: ({ ui }) => setPanel(ui, !ui.getState().panel),
  },
  {
    id: 'view.theme',
    title: 'Switch between light and dark',
    group: 'View',
    icon: SunMoon,
    words: 'theme colour appearance night',
    run: () => toggleTheme(),
  },
]

/** How this page shows the canvas: nothing here changes it for anybody else. */
import { Expand, Monitor, MonitorCog, Moon, PanelRight, Presentation, Printer, Sun, SunMoon, X } from 'lucide-react'
import { setTheme, toggleTheme, useTheme } from '../../app/theme'
import type { Command } from '../commands'
import { setPanel } from '../ui'
import { closeSolo, kiosk, leaveMode, openSolo, present, printCanvas } from '../viewMode'

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
  {
    id: 'view.theme-light',
    title: 'Light theme',
    group: 'View',
    icon: Sun,
    words: 'day colour appearance',
    when: () => useTheme.getState().choice !== 'light',
    run: () => setTheme('light'),
  },
  {
    id: 'view.theme-dark',
    title: 'Dark theme',
    group: 'View',
    icon: Moon,
    words: 'night colour appearance',
    when: () => useTheme.getState().choice !== 'dark',
    run: () => setTheme('dark'),
  },
  {
    id: 'view.theme-system',
    title: "The system's theme",
    group: 'View',
    icon: MonitorCog,
    words: 'automatic colour appearance default',
    when: () => useTheme.getState().choice !== 'system',
    run: () => setTheme('system'),
  },
  {
    id: 'view.solo',
    title: 'Block full screen',
    group: 'View',
    icon: Expand,
    keys: ['f'],
    words: 'maximise focus alone enlarge',
    testId: 'view-solo',
    when: ({ selected, ui }) => selected.length === 1 || ui.getState().solo !== null,
    run: ({ session, ui, selected }) => {
      if (ui.getState().solo !== null) closeSolo(ui)
      else if (selected[0] !== undefined) openSolo(session, ui, selected[0])
    },
  },
  {
    id: 'view.present',
    title: 'Present',
    group: 'View',
    icon: Presentation,
    keys: ['p'],
    words: 'slides full screen show',
    testId: 'view-present',
    when: ({ ui }) => ui.getState().mode !== 'present',
    run: ({ ui }) => present(ui),
  },
  {
    id: 'view.kiosk',
    title: 'Kiosk',
    group: 'View',
    icon: Monitor,
    words: 'wall display tv screen no bars',
    testId: 'view-kiosk',
    when: ({ ui }) => ui.getState().mode === 'edit',
    run: ({ ui }) => kiosk(ui),
  },
  {
    id: 'view.leave',
    title: 'Show the bars again',
    group: 'View',
    icon: X,
    words: 'end leave exit presentation kiosk',
    when: ({ ui }) => ui.getState().mode !== 'edit',
    run: ({ ui }) => leaveMode(ui),
  },
  {
    id: 'view.print',
    title: 'Print',
    group: 'View',
    icon: Printer,
    words: 'paper pdf',
    testId: 'view-print',
    run: ({ ui }) => void printCanvas(ui),
  },
]

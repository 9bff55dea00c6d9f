/** The three themes as entries of a menu, wherever there is one to choose from. */
import { MonitorCog, Moon, Sun } from 'lucide-react'
import type { MenuItem } from '../ui/Menu'
import { setTheme, type ThemeChoice } from './theme'

const THEMES: readonly { choice: ThemeChoice; label: string; icon: typeof Sun }[] = [
  { choice: 'light', label: 'Light', icon: Sun },
  { choice: 'dark', label: 'Dark', icon: Moon },
  { choice: 'system', label: 'Like the system', icon: MonitorCog },
]

export const themeItems = (choice: ThemeChoice): (MenuItem | string)[] => [
  'Theme',
  ...THEMES.map(({ choice: one, label, icon: Icon }) => ({
    label,
    icon: <Icon />,
    checked: one === choice,
    testId: `theme-${one}`,
    onSelect: () => setTheme(one),
  })),
]

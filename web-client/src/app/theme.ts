/**
 * Light or dark: the system's choice until a person makes one. The result is `data-theme` on <html>, which tokens and
 * charts follow.
 */
import { create } from 'zustand'

export type Theme = 'light' | 'dark'
const KEY = 'jabiru.theme'
const dark = (): MediaQueryList => matchMedia('(prefers-color-scheme: dark)')

const chosen = (): Theme | null => {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : null
  } catch {
    return null
  }
}

export const useTheme = create<{ theme: Theme }>(() => ({ theme: 'light' }))

const apply = (theme: Theme): void => {
  document.documentElement.dataset.theme = theme
  useTheme.setState({ theme })
}

export const startTheme = (): void => {
  const follow = (): void => apply(chosen() ?? (dark().matches ? 'dark' : 'light'))
  follow()
  dark().addEventListener('change', follow)
}

export const toggleTheme = (): void => {
  const theme = useTheme.getState().theme === 'dark' ? 'light' : 'dark'
  try {
    // Choosing what the system has anyway means following it again.
    if (theme === (dark().matches ? 'dark' : 'light')) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, theme)
  } catch {
    // Private windows may refuse storage: the choice then lasts as long as the page.
  }
  apply(theme)
}

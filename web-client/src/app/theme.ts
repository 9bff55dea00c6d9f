/**
 * Light or dark: the system's choice until a person makes one. The result is `data-theme` on <html>, which tokens and
 * charts follow. Paper is light: charts are told while the page is printed.
 */
import { create } from 'zustand'

export type Theme = 'light' | 'dark'
export type ThemeChoice = Theme | 'system'

const KEY = 'jabiru.theme'
const dark = (): MediaQueryList => matchMedia('(prefers-color-scheme: dark)')
const paper = (): MediaQueryList => matchMedia('print')

const remembered = (): ThemeChoice => {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}

export const useTheme = create<{ theme: Theme; choice: ThemeChoice }>(() => ({ theme: 'light', choice: 'system' }))

let printing = false

const apply = (): void => {
  const { choice } = useTheme.getState()
  const theme = choice === 'system' ? (dark().matches ? 'dark' : 'light') : choice
  const shown = printing || paper().matches ? 'light' : theme
  if (document.documentElement.dataset.theme !== shown) document.documentElement.dataset.theme = shown
  // The bar of a phone's browser belongs to the page.
  document.querySelector('meta[name="theme-color"]')?.setAttribute('content', shown === 'dark' ? '#14161a' : '#ffffff')
  useTheme.setState({ theme })
}

export const startTheme = (): void => {
  useTheme.setState({ choice: remembered() })
  apply()
  dark().addEventListener('change', apply)
  paper().addEventListener('change', apply)
  addEventListener('beforeprint', () => {
    printing = true
    apply()
  })
  addEventListener('afterprint', () => {
    printing = false
    apply()
  })
  // Another tab of this device has changed it.
  addEventListener('storage', (event) => {
    if (event.key !== KEY) return
    useTheme.setState({ choice: remembered() })
    apply()
  })
}

export const setTheme = (choice: ThemeChoice): void => {
  try {
    if (choice === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, choice)
  } catch {
    // Private windows may refuse storage: the choice then lasts as long as the page.
  }
  useTheme.setState({ choice })
  apply()
}

/** The other one. Choosing what the system has anyway means following it again. */
export const toggleTheme = (): void => {
  const theme = useTheme.getState().theme === 'dark' ? 'light' : 'dark'
  setTheme(theme === (dark().matches ? 'dark' : 'light') ? 'system' : theme)
}

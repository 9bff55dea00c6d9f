/**
 * The look of charts from the page's own colours. Reads CSS custom properties, follows a change of theme, and gives
 * ECharts a theme object. ECharts keeps the colours it was born with until `setTheme`, so charts subscribe here.
 */
export interface ThemeColors {
  text: string
  muted: string
  /** For what stands back: the rest of a total. */
  faint: string
  line: string
  /** The line marks stand on. */
  base: string
  surface: string
  font: string
  palette: string[]
}

/** Should the page's own be missing. */
const PALETTE = ['#2f6bdc', '#e07b28', '#12877a', '#c23f86', '#7d5bd0', '#a97c00', '#0f8fbf', '#cf4a45']
const PALETTE_SIZE = 10

function colorsFrom(get: (name: string) => string, font: string): ThemeColors {
  const read = (name: string, fallback: string) => get(name).trim() || fallback
  const palette: string[] = []
  for (let index = 1; index <= PALETTE_SIZE; index++) {
    const color = read(`--chart-${index}`, PALETTE[index - 1] ?? '')
    if (color) palette.push(color)
  }
  return {
    text: read('--text', '#15181e'),
    muted: read('--text-2', '#4a5260'),
    faint: read('--chart-other', read('--border-strong', '#c9ced6')),
    line: read('--chart-grid', read('--border', '#e3e6eb')),
    base: read('--chart-axis', read('--border-strong', '#c9ced6')),
    surface: read('--bg-raised', '#ffffff'),
    font: font || 'system-ui, sans-serif',
    palette,
  }
}

/** The colours of the page as it is now. */
export function readColors(element: Element): ThemeColors {
  const style = getComputedStyle(element)
  return colorsFrom((name) => style.getPropertyValue(name), style.fontFamily)
}

/**
 * The light theme's colours, whichever is shown: paper and files are light. Read from the page's own rules for `:root`,
 * because a computed style only knows the theme that is on.
 */
export function lightColors(element: Element): ThemeColors {
  const own = new Map<string, string>()
  for (const sheet of document.styleSheets) {
    let rules: CSSRuleList
    try {
      rules = sheet.cssRules
    } catch {
      // A sheet of another origin, from an extension for instance.
      continue
    }
    for (const rule of rules) {
      if (!(rule instanceof CSSStyleRule) || rule.selectorText !== ':root') continue
      for (const name of rule.style) if (name.startsWith('--')) own.set(name, rule.style.getPropertyValue(name))
    }
  }
  const resolve = (name: string, depth = 0): string => {
    const value = own.get(name)?.trim() ?? ''
    const link = /^var\((--[\w-]+)\)$/.exec(value)
    return link?.[1] !== undefined && depth < 4 ? resolve(link[1], depth + 1) : value
  }
  return colorsFrom(resolve, getComputedStyle(element).fontFamily)
}

export function chartTheme(colors: ThemeColors): object {
  const axis = {
    axisLine: { lineStyle: { color: colors.base, width: 1 } },
    splitLine: { lineStyle: { color: colors.line, width: 1 } },
    axisLabel: { color: colors.muted, fontSize: 11.5 },
    nameTextStyle: { color: colors.muted, fontSize: 11.5 },
  }
  return {
    color: colors.palette,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: colors.font, color: colors.text },
    categoryAxis: axis,
    valueAxis: axis,
    logAxis: axis,
    timeAxis: axis,
    tooltip: {
      backgroundColor: colors.surface,
      borderColor: colors.base,
      borderWidth: 1,
      padding: [8, 10],
      textStyle: { color: colors.text, fontSize: 12 },
      extraCssText: 'border-radius:8px;box-shadow:0 6px 24px rgb(0 0 0 / .18);',
      axisPointer: {
        lineStyle: { color: colors.muted, type: 'dashed' },
        shadowStyle: { color: colors.muted, opacity: 0.08 },
      },
    },
    bar: { label: { color: colors.text, textBorderWidth: 0 } },
    line: { label: { color: colors.text, textBorderWidth: 0 } },
    scatter: { label: { color: colors.text, textBorderWidth: 0 } },
    pie: {
      itemStyle: { borderColor: colors.surface },
      label: { color: colors.text, fontSize: 12 },
      labelLine: { lineStyle: { color: colors.base } },
    },
  }
}

const listeners = new Set<() => void>()
let stop: (() => void) | null = null

/** Calls back after the page's theme changed, whichever way: an attribute of the root, or the system's setting. */
export function onThemeChange(listener: () => void): () => void {
  listeners.add(listener)
  if (!stop) {
    const notify = () => {
      for (const one of listeners) one()
    }
    const observer = new MutationObserver(notify)
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'data-theme', 'style'] })
    const media = window.matchMedia('(prefers-color-scheme: dark)')
    media.addEventListener('change', notify)
    stop = () => {
      observer.disconnect()
      media.removeEventListener('change', notify)
    }
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      stop?.()
      stop = null
    }
  }
}

/**
 * The look of charts from the page's own colours. Reads CSS custom properties, follows a change of theme, and gives
 * ECharts a theme object. ECharts keeps the colours it was born with until `setTheme`, so charts subscribe here.
 */
export interface ThemeColors {
  text: string
  muted: string
  line: string
  surface: string
  raised: string
  font: string
  palette: string[]
}

const PALETTE_SIZE = 10

export function readColors(element: Element): ThemeColors {
  const style = getComputedStyle(element)
  const read = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback
  const palette: string[] = []
  for (let index = 1; index <= PALETTE_SIZE; index++) {
    const color = read(`--chart-${index}`, '')
    if (color) palette.push(color)
  }
  return {
    text: read('--text', '#15181e'),
    muted: read('--text-2', '#4a5260'),
    line: read('--border', '#e3e6eb'),
    surface: read('--bg-raised', '#ffffff'),
    raised: read('--bg-raised', '#ffffff'),
    font: style.fontFamily || 'system-ui, sans-serif',
    palette,
  }
}

export function chartTheme(colors: ThemeColors): object {
  const axis = {
    axisLine: { lineStyle: { color: colors.line } },
    splitLine: { lineStyle: { color: colors.line } },
    axisLabel: { color: colors.muted, fontSize: 11.5 },
    nameTextStyle: { color: colors.muted, fontSize: 11.5 },
  }
  return {
    ...(colors.palette.length > 0 ? { color: colors.palette } : {}),
    backgroundColor: 'transparent',
    textStyle: { fontFamily: colors.font, color: colors.text },
    categoryAxis: axis,
    valueAxis: axis,
    timeAxis: axis,
    legend: {
      textStyle: { color: colors.text, fontSize: 12, lineHeight: 18 },
      pageTextStyle: { color: colors.muted },
      pageIconColor: colors.muted,
      pageIconInactiveColor: colors.line,
      pageIconSize: 10,
      inactiveColor: colors.line,
    },
    tooltip: {
      backgroundColor: colors.raised,
      borderColor: colors.line,
      borderWidth: 1,
      padding: [8, 10],
      textStyle: { color: colors.text, fontSize: 12 },
      extraCssText: 'border-radius:8px;box-shadow:0 6px 24px rgb(0 0 0 / .18);max-height:260px;overflow:hidden;',
      axisPointer: {
        lineStyle: { color: colors.muted, type: 'dashed' },
        shadowStyle: { color: colors.muted, opacity: 0.1 },
      },
    },
    pie: {
      itemStyle: { borderColor: colors.surface },
      label: { color: colors.text, fontSize: 12 },
      labelLine: { lineStyle: { color: colors.muted } },
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

/** The commands somebody ran last from the palette, remembered on this device. */

const KEY = 'jabiru.recent-commands'
const KEPT = 4

export const recentCommands = (): string[] => {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(list) ? list.filter((id) => typeof id === 'string').slice(0, KEPT) : []
  } catch {
    return []
  }
}

export const rememberCommand = (id: string): void => {
  try {
    localStorage.setItem(KEY, JSON.stringify([id, ...recentCommands().filter((other) => other !== id)].slice(0, KEPT)))
  } catch {
    // Without storage nothing is recent.
  }
}

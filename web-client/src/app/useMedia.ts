/** Whether a media query holds, kept up to date. */
import { useCallback, useSyncExternalStore } from 'react'

/** The width below which a canvas is read rather than arranged. */
export const PHONE = '(max-width: 767px)'

export const useMedia = (query: string): boolean => {
  const subscribe = useCallback(
    (notify: () => void) => {
      const list = matchMedia(query)
      list.addEventListener('change', notify)
      return () => list.removeEventListener('change', notify)
    },
    [query],
  )
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches)
}

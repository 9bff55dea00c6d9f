/**
 * What charts on screen show at this moment, for their settings: names to colour, and how full the picture is. Told by
 * the block's view, so that nobody folds 100,000 rows a second time.
 */
import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'
import type { Aggregated } from './aggregate'
import type { Key } from './plot'

export interface Drawn {
  data: Aggregated
  keys: readonly Key[]
  /** Values a logarithmic scale has no place for. */
  unshown: number
}

const drawn = createStore<Record<string, Drawn>>(() => ({}))

export const tellDrawn = (id: string, what: Drawn | null): void => {
  if (what) drawn.setState({ [id]: what })
  else {
    const { [id]: _gone, ...rest } = drawn.getState()
    drawn.setState(rest, true)
  }
}

export const useDrawn = (id: string): Drawn | undefined => useStore(drawn, (all) => all[id])

/**
 * What tells series apart besides colour: patterns of surfaces, dashes of lines, shapes of points. In one order, so that
 * the legend shows the same mark as the picture.
 */
export const SHAPES = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'arrow', 'pin'] as const

/** ECharts dash arrays; the first is a whole line. */
export const DASHES: ('solid' | number[])[] = ['solid', [6, 4], [2, 3], [10, 4, 2, 4], [12, 5], [4, 2, 1, 2]]

/** Patterns, as ECharts reads them. The colour is laid over the series' own. */
export interface Decal {
  symbol: string
  dashArrayX: number | (number | number[])[]
  dashArrayY: number | number[]
  rotation: number
  symbolSize: number
}

const stripes = (rotation: number): Decal => ({
  symbol: 'rect',
  dashArrayX: [1, 0],
  dashArrayY: [2, 5],
  rotation,
  symbolSize: 1,
})

const DECALS: (Decal | null)[] = [
  null,
  stripes(-Math.PI / 4),
  {
    symbol: 'circle',
    dashArrayX: [
      [7, 7],
      [0, 7, 7, 0],
    ],
    dashArrayY: [7, 0],
    rotation: 0,
    symbolSize: 0.6,
  },
  stripes(Math.PI / 4),
  stripes(0),
  {
    symbol: 'rect',
    dashArrayX: [
      [6, 6],
      [0, 6, 6, 0],
    ],
    dashArrayY: [6, 0],
    rotation: 0,
    symbolSize: 1,
  },
  stripes(Math.PI / 2),
  {
    symbol: 'triangle',
    dashArrayX: [
      [9, 9],
      [0, 9, 9, 0],
    ],
    dashArrayY: [7, 2],
    rotation: 0,
    symbolSize: 0.75,
  },
]

export const decalOf = (index: number, color: string): (Decal & { color: string }) | { symbol: 'none' } => {
  const decal = DECALS[index % DECALS.length]
  return decal ? { ...decal, color } : { symbol: 'none' }
}
export const dashOf = (index: number) => DASHES[index % DASHES.length] ?? 'solid'
export const shapeOf = (index: number) => SHAPES[index % SHAPES.length] ?? 'circle'

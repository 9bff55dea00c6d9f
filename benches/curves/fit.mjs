/**
 * How fast a figure grows with a size: exponents, which are slopes on paper with two logarithmic axes. 0 is flat, 1 is linear.
 */

/** Exponent over all points `{ x, y }` by least squares of the logarithms; `undefined` with fewer than two. */
export const exponent = (points) => {
  const logs = usable(points).map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }))
  const mean = (of) => logs.reduce((sum, point) => sum + of(point), 0) / logs.length
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)]
  const spread = mean((point) => (point.x - x) ** 2)
  return spread > 0 ? mean((point) => (point.x - x) * (point.y - y)) / spread : undefined
}

/** Neighbours with the exponent between them. */
export const steps = (points) =>
  usable(points)
    .slice(1)
    .map((to, index) => {
      const from = usable(points)[index]
      return { from, to, exponent: Math.log(to.y / from.y) / Math.log(to.x / from.x) }
    })

/** Points that have a place on the paper. */
export const usable = (points) => points.filter(({ x, y }) => x > 0 && y > 0)

/**
 * Random numbers that can be had again: every run prints its seed, and `SEED=…` repeats it.
 */
export function seeded(t) {
  const seed = process.env.SEED === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(process.env.SEED) >>> 0
  t.diagnostic(`SEED=${seed}`)
  let state = seed
  // mulberry32: 32 bits of state are plenty to choose edits with.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit) => Math.floor(next() * limit)
  return {
    seed,
    /** A whole number from 0 to `limit - 1`. */
    below,
    pick: (items) => items[below(items.length)],
    /** True once in `times`. */
    once: (times) => below(times) === 0,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  }
}

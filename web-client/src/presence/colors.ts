/**
 * One colour for each person on the canvas. The server gives everybody a colour by their id; two people who get the same
 * one are told apart here. Pure, and the same for everybody who sees the same people.
 */

/** The server's own colours: white text can be read on each. */
const COLORS = [
  '#c2410c',
  '#b91c1c',
  '#be185d',
  '#a21caf',
  '#7e22ce',
  '#4338ca',
  '#1d4ed8',
  '#0369a1',
  '#0f766e',
  '#15803d',
]

/** Far apart first: whoever has to take another colour gets one that is unlike most. */
const SPARE = [0, 8, 4, 6, 2, 9, 5, 1, 7, 3].flatMap((index) => COLORS[index] ?? [])

export const colorsOf = (people: readonly { id: string; color: string }[]): Map<string, string> => {
  const given = new Map<string, string>()
  const taken = new Set<string>()
  // By id: who came first does not look the same to everybody.
  const sorted = [...new Map(people.map((person) => [person.id, person])).values()].sort((a, b) =>
    a.id < b.id ? -1 : 1,
  )
  for (const { id, color } of sorted) {
    const own = color.toLowerCase()
    if (taken.has(own)) continue
    taken.add(own)
    given.set(id, color)
  }
  for (const { id, color } of sorted) {
    if (given.has(id)) continue
    const spare = SPARE.find((one) => !taken.has(one)) ?? color
    taken.add(spare)
    given.set(id, spare)
  }
  return given
}

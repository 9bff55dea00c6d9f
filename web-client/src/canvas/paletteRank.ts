/**
 * How well an entry of the palette answers what was typed, from 0 (not at all) to 1. Pure.
 *
 * Every typed word has to be there as it is: guessing letters in between finds everything for three letters. What
 * counts most is the name, from its beginning; words that only describe an entry come last.
 */
export const rank = (_value: string, search: string, keywords: string[] = []): number => {
  const words = plain(search).split(/\s+/).filter(Boolean)
  if (words.length === 0) return 1
  const [name = '', ...rest] = keywords.map(plain)
  const further = rest.join(' ')
  let sum = 0
  for (const word of words) {
    const score = inText(name, word) || 0.4 * inText(further, word)
    if (score === 0) return 0
    sum += score
  }
  // Of two names that both begin with it, the shorter one is closer.
  return sum / words.length - Math.min(0.09, name.length / 1000)
}

const inText = (text: string, word: string): number => {
  const at = text.indexOf(word)
  if (at < 0) return 0
  if (at === 0) return 1
  return new RegExp(`[^\\p{L}\\p{N}]${escaped(word)}`, 'u').test(text) ? 0.8 : 0.5
}

const escaped = (word: string): string => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Lower case, without accents: "uber" finds "Über". */
const plain = (text: string): string => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '')

import { describe, expect, it } from 'vitest'
import { markdownParser } from './language'
import { type Preview, preview, safeHref } from './ranges'

/** The preview of a text; `|` marks the lines that are being edited. */
function look(source: string): { text: string; found: Preview[]; hidden: string[]; shown: string } {
  const openAt = new Set<number>()
  let text = ''
  for (const char of source) {
    if (char === '|') openAt.add(text.length)
    else text += char
  }
  const lineAt = (at: number) => {
    const from = text.lastIndexOf('\n', at - 1) + 1
    const end = text.indexOf('\n', at)
    return { from, to: end < 0 ? text.length : end }
  }
  const open = new Set([...openAt].map((at) => lineAt(at).from))
  const found = preview({
    tree: markdownParser.parse(text),
    from: 0,
    to: text.length,
    slice: (from, to) => text.slice(from, to),
    lineAt,
    isOpen: (line) => open.has(line),
  })
  const gone = found.filter((one) => one.kind === 'hide').sort((a, b) => a.from - b.from)
  let shown = ''
  let at = 0
  for (const one of gone) {
    shown += text.slice(at, one.from)
    at = one.to
  }
  return { text, found, hidden: gone.map((one) => text.slice(one.from, one.to)), shown: shown + text.slice(at) }
}

const kinds = (found: Preview[], kind: Preview['kind']) => found.filter((one) => one.kind === kind)

describe('what is hidden', () => {
  it('is the marks of headings, with their space', () => {
    const { shown, found } = look('## Key Insights\ntext')
    expect(shown).toBe('Key Insights\ntext')
    expect(kinds(found, 'line')).toContainEqual({ kind: 'line', from: 0, className: 'md-h md-h2' })
  })

  it('is the marks of bold, italic, strike and code', () => {
    expect(look('a **b** *c* ~~d~~ `e`').shown).toBe('a b c d e')
    expect(look('__b__ _c_').shown).toBe('b c')
  })

  it('is the address of a link, whose text stays', () => {
    const { shown, found } = look('see [the source](https://example.org/a "title") here')
    expect(shown).toBe('see the source here')
    expect(kinds(found, 'mark')).toContainEqual(
      expect.objectContaining({ className: 'md-link', href: 'https://example.org/a' }),
    )
  })

  it('is the fence of a code block, and nothing in it', () => {
    const { shown, found } = look('```js\nconst a = **1** // {{x}}\n```\nend')
    expect(shown).toBe('\nconst a = **1** // {{x}}\n\nend')
    expect(kinds(found, 'chip')).toEqual([])
    expect(kinds(found, 'line')).toHaveLength(3)
  })

  it('is nothing on a line that is being edited, and only there', () => {
    expect(look('## T|itle\n**bold**').hidden).toEqual(['**', '**'])
    expect(look('# A\n[t](https://e.org)|').shown).toBe('A\n[t](https://e.org)')
    expect(look('```\nin|side\n```').hidden).toEqual([])
    expect(look('{{k}} |').found).toEqual([])
  })
})

describe('what is replaced', () => {
  it('is the mark of a bullet, but not the number of a numbered item', () => {
    const { found } = look('- one\n- two\n\n1. three')
    expect(kinds(found, 'bullet')).toEqual([
      { kind: 'bullet', from: 0, to: 1 },
      { kind: 'bullet', from: 6, to: 7 },
    ])
  })

  it('is a task marker', () => {
    const { found, shown } = look('- [x] done\n- [ ] not')
    expect(kinds(found, 'task')).toEqual([
      { kind: 'task', from: 2, to: 5, checked: true },
      { kind: 'task', from: 13, to: 16, checked: false },
    ])
    expect(shown).toBe('[x] done\n[ ] not')
  })

  it('is a chip for each key, as the data model writes them', () => {
    const { found, text } = look('Sales in Q4 increased by {{metric:25.3}}% compared to {{ q3 }}.')
    const chips = kinds(found, 'chip') as { key: string; from: number; to: number }[]
    expect(chips.map((chip) => chip.key)).toEqual(['metric:25.3', 'q3'])
    expect(chips.map((chip) => text.slice(chip.from, chip.to))).toEqual(['{{metric:25.3}}', '{{ q3 }}'])
  })

  it('is not a chip inside code, nor across lines', () => {
    expect(kinds(look('`{{a}}` {{b\nc}}').found, 'chip')).toEqual([])
  })

  it('is a rule', () => {
    expect(kinds(look('a\n\n---\n\nb').found, 'rule')).toEqual([{ kind: 'rule', from: 3, to: 6 }])
  })
})

describe('links', () => {
  it('open only the web and mail', () => {
    expect(safeHref('https://a.org')).toBe('https://a.org')
    expect(safeHref('mailto:a@b.org')).toBe('mailto:a@b.org')
    expect(safeHref('javascript:alert(1)')).toBeUndefined()
    expect(safeHref('data:text/html,x')).toBeUndefined()
    const link = kinds(look('[x](javascript:alert(1))').found, 'mark')
    expect(link.every((one) => !('href' in one))).toBe(true)
  })
})

describe('hostile text', () => {
  it('gives ranges inside the text, without overlaps of what is hidden', () => {
    for (const text of [
      '#',
      '****',
      '[]()',
      '{{}}',
      '- ',
      '```',
      '>'.repeat(500),
      '*'.repeat(500),
      '[[[[]]]](',
      '\r\n# a\r\n',
    ]) {
      const { found, text: plain } = look(text)
      for (const one of found) {
        expect(one.from).toBeGreaterThanOrEqual(0)
        if ('to' in one) {
          expect(one.to).toBeLessThanOrEqual(plain.length)
          expect(one.to).toBeGreaterThan(one.from)
          expect(plain.slice(one.from, one.to)).not.toContain('\n')
        }
      }
    }
  })
})

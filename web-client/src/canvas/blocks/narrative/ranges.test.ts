import { describe, expect, it } from 'vitest'
import { markdownParser } from './language'
import { type Preview, preview, safeHref, tablesIn } from './ranges'

/** The preview of a text; each `^` is a caret. */
function look(source: string): { text: string; found: Preview[]; hidden: string[]; shown: string } {
  const carets: number[] = []
  let text = ''
  for (const char of source) {
    if (char === '^') carets.push(text.length)
    else text += char
  }
  const lineAt = (at: number) => {
    const from = text.lastIndexOf('\n', at - 1) + 1
    const end = text.indexOf('\n', at)
    return { from, to: end < 0 ? text.length : end }
  }
  const found = preview({
    tree: markdownParser.parse(text),
    from: 0,
    to: text.length,
    slice: (from, to) => text.slice(from, to),
    lineAt,
    touched: (from, to) => carets.some((at) => at >= from && at <= to),
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

const kinds = <K extends Preview['kind']>(found: Preview[], kind: K) =>
  found.filter((one): one is Extract<Preview, { kind: K }> => one.kind === kind)

describe('what is hidden', () => {
  it('is the marks of headings, with their space', () => {
    const { shown, found } = look('## Key Insights\ntext')
    expect(shown).toBe('Key Insights\ntext')
    expect(kinds(found, 'line')).toContainEqual({ kind: 'line', from: 0, className: 'md-h md-h2' })
    expect(look('# A #\n').shown).toBe('A\n')
  })

  it('is the marks of bold, italic, strike and code', () => {
    expect(look('a **b** *c* ~~d~~ `e`').shown).toBe('a b c d e')
    expect(look('__b__ _c_ \\*').shown).toBe('b c *')
  })

  it('is the address of a link, whose text stays; an image is a link', () => {
    const { shown, found } = look('see [the source](https://example.org/a "title") here')
    expect(shown).toBe('see the source here')
    expect(kinds(found, 'mark')).toContainEqual(
      expect.objectContaining({ className: 'md-link', href: 'https://example.org/a' }),
    )
    const image = look('![a picture](https://e.org/p.png) x')
    expect(image.shown).toBe('a picture x')
    expect(kinds(image.found, 'mark')).toEqual([expect.objectContaining({ href: 'https://e.org/p.png' })])
    expect(look('<https://e.org>').shown).toBe('https://e.org')
  })

  it('is the mark of a quote, and of a callout with its kind', () => {
    expect(look('> said').shown).toBe('said')
    const { found } = look('> [!WARNING] Mind this\n> all of it')
    expect(kinds(found, 'callout')).toEqual([{ kind: 'callout', from: 0, to: 13, label: 'warning' }])
    expect(kinds(found, 'line').map((one) => one.className)).toEqual([
      'md-callout md-callout-warning md-first',
      'md-callout md-callout-warning md-last',
    ])
    expect(kinds(found, 'mark')).toEqual([])
  })
})

describe('what a caret brings back', () => {
  it('is the marks it touches, and no others of the line', () => {
    expect(look('**a^** and **b**').hidden).toEqual(['**', '**'])
    expect(look('**a** an^d **b**').shown).toBe('a and b')
    expect(look('[t](https://e.org)^').hidden).toEqual([])
  })
  it('is the mark of a heading or a quote when it stands before the words', () => {
    expect(look('## T^itle').shown).toBe('Title')
    expect(look('## ^Title').shown).toBe('Title')
    expect(look('^## Title').shown).toBe('## Title')
    expect(look('^> said').shown).toBe('> said')
  })
  it('is the whole of a code block', () => {
    expect(look('```js\nin^side\n```').found.filter((one) => one.kind !== 'line')).toEqual([])
  })
  it('is never a bullet, a box, a number or a chip', () => {
    const { found } = look('- a^\n- [ ] b^\n\n1. c^ {{k}}^')
    for (const kind of ['bullet', 'task', 'number', 'chip'] as const) expect(kinds(found, kind)).toHaveLength(1)
  })
})

describe('what is replaced', () => {
  it('is bullets with their space, by depth', () => {
    const { found } = look('- one\n  - two\n- three')
    expect(kinds(found, 'bullet')).toEqual([
      { kind: 'bullet', from: 0, to: 2, depth: 1 },
      { kind: 'bullet', from: 6, to: 10, depth: 2 },
      { kind: 'bullet', from: 14, to: 16, depth: 1 },
    ])
  })

  it('is numbers, counted from the first whatever is written', () => {
    const { found } = look('3. a\n3. b\n99. c')
    expect(kinds(found, 'number').map((one) => one.text)).toEqual(['3.', '4.', '5.'])
  })

  it('is a task with its list mark; done is struck', () => {
    const { found } = look('- [x] done\n- [ ] not')
    expect(kinds(found, 'task')).toEqual([
      { kind: 'task', from: 0, to: 6, at: 2, checked: true },
      { kind: 'task', from: 11, to: 17, at: 13, checked: false },
    ])
    expect(kinds(found, 'mark')).toEqual([{ kind: 'mark', from: 6, to: 10, className: 'md-done' }])
  })

  it('is not yet a dash alone, nor a number sign alone', () => {
    expect(kinds(look('-^').found, 'bullet')).toEqual([])
    expect(look('text\n-').found.some((one) => one.kind === 'line' && /md-h/.test(one.className))).toBe(false)
    expect(look('#\nx').shown).toBe('#\nx')
  })

  it('is the fences of a code block by its language and its text, and nothing in it', () => {
    const { found, text } = look('```js title\nconst a = **1** // {{x}}\n```\nend')
    expect(kinds(found, 'chip')).toEqual([])
    const [code] = kinds(found, 'code')
    expect(code).toMatchObject({ language: 'js', from: 0, to: 11 })
    expect(text.slice(code?.bodyFrom, code?.bodyTo)).toBe('const a = **1** // {{x}}')
    expect(kinds(found, 'line').map((one) => one.className)).toEqual([
      'md-codeblock md-first md-codehead',
      'md-codeblock',
      'md-codeblock md-last md-codefoot',
    ])
    expect(kinds(look('```\n```').found, 'code')).toHaveLength(1)
    expect(kinds(look('```js\nnot closed').found, 'code')).toEqual([])
  })

  it('is a chip for each key, as the data model writes them', () => {
    const { found, text } = look('Sales in Q4 increased by {{metric:25.3}}% compared to {{ q3 }}.')
    const chips = kinds(found, 'chip')
    expect(chips.map((chip) => [chip.key, chip.percent])).toEqual([
      ['metric:25.3', true],
      ['q3', false],
    ])
    expect(chips.map((chip) => text.slice(chip.from, chip.to))).toEqual(['{{metric:25.3}}', '{{ q3 }}'])
  })

  it('is not a chip inside code or the source of a table, nor across lines', () => {
    expect(kinds(look('`{{a}}` {{b\nc}}').found, 'chip')).toEqual([])
    expect(kinds(look('| a |\n|---|\n| {{k}} |').found, 'chip')).toEqual([])
  })

  it('is a rule', () => {
    expect(kinds(look('a\n\n---\n\nb').found, 'rule')).toEqual([{ kind: 'rule', from: 3, to: 6 }])
    expect(kinds(look('a\n---\nb').found, 'rule')).toHaveLength(1)
    expect(kinds(look('a\n\n--^-').found, 'rule')).toEqual([])
  })
})

it('draws one empty line between two things together, unless the caret is on it or it is one of several', () => {
  const gaps = (source: string) =>
    look(source)
      .found.filter((one) => one.kind === 'line' && one.className === 'md-gap')
      .map((one) => one.from)
  expect(gaps('a\n\nb\n\n\nc\n\n')).toEqual([2])
  expect(gaps('a\n^\nb')).toEqual([])
  expect(gaps('```\na\n\nb\n```')).toEqual([])
})

describe('tables', () => {
  const text = 'a\n\n| A | B |\n|---|---|\n| **x** | 2 |\n\nb'
  it('are found, and nothing in them is previewed', () => {
    expect(tablesIn(markdownParser.parse(text))).toEqual([{ from: 3, to: text.length - 3 }])
    expect(look(text).found.filter((one) => one.kind !== 'line')).toEqual([])
  })
  it('show their source line by line while a caret is inside', () => {
    const { found } = look(text.replace('**x', '**^x'))
    const classes = found.map((one) => (one.kind === 'line' ? one.className : one.kind))
    expect(classes.filter((one) => one !== 'md-gap')).toEqual(['md-table md-first', 'md-table', 'md-table md-last'])
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
  it('gives ranges inside the text, on one line each', () => {
    for (const text of [
      '#',
      '# ',
      '****',
      '[]()',
      '![]()',
      '{{}}',
      '- ',
      '- [ ] ',
      '1. ',
      '```',
      '```\n',
      '~~~\n~~~',
      '> ```\n> a\n> ```',
      '- ```\n  a\n  ```',
      '> [!note]',
      '>'.repeat(500),
      '*'.repeat(500),
      '[[[[]]]](',
      '| a\n|-',
      '<b>\n</b>',
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

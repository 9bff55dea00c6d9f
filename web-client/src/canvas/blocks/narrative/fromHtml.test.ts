// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { HTML_LIMIT, htmlToMarkdown } from './fromHtml'

describe('pasted HTML', () => {
  it('keeps headings, emphasis, code and links', () => {
    expect(
      htmlToMarkdown(
        '<h2>Results <b>now</b></h2><p>Up <strong>12%</strong> in <em>May</em>, <del>not</del> <code>x_y</code>, see <a href="https://e.org/a(b)">the source</a>.</p>',
      ),
    ).toBe('## Results **now**\n\nUp **12%** in *May*, ~~not~~ `x_y`, see [the source](https://e.org/a%28b%29).')
  })
  it('keeps lists, nested and numbered, and tasks', () => {
    expect(
      htmlToMarkdown(
        '<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p></li></ul><ol start="3"><li>three</li><li>four</li></ol><ul><li><input type="checkbox" checked> done</li></ul>',
      ),
    ).toBe('- one\n   - inner\n- two\n\n3. three\n4. four\n\n- [x] done')
  })
  it('keeps tables', () => {
    expect(htmlToMarkdown('<table><tr><th>City</th><th>Sales</th></tr><tr><td>a|b</td><td>12</td></tr></table>')).toBe(
      '| City | Sales |\n| ---- | ----- |\n| a\\|b | 12    |',
    )
  })
  it('keeps quotes, rules and code blocks', () => {
    expect(htmlToMarkdown('<blockquote><p>a</p><p>b</p></blockquote><hr><pre>x\n  y\n</pre>')).toBe(
      '> a\n>\n> b\n\n---\n\n```\nx\n  y\n```',
    )
  })
  it('escapes what would be read as a mark', () => {
    expect(htmlToMarkdown('<p><b>1</b></p><p># no * heading_</p>')).toBe('**1**\n\n\\# no \\* heading\\_')
  })
  it('is not fooled by Google Docs wrapping all in a bold that is not', () => {
    expect(htmlToMarkdown('<b style="font-weight:normal"><p><span style="font-weight:700">x</span> y</p></b>')).toBe(
      '**x** y',
    )
  })
  it('takes nothing that runs or loads', () => {
    const text = htmlToMarkdown(
      '<p><b>a</b><script>alert(1)</script><style>p{}</style><img src="https://e.org/p.png" alt="pic" onerror="x()"><img src="data:image/png;base64,aa"><a href="javascript:alert(1)">bad</a></p>',
    )
    expect(text).toBe('**a**[pic](https://e.org/p.png)bad')
  })
  it('leaves plain text and what is too large to the plain paste', () => {
    expect(htmlToMarkdown('<div>just words</div>')).toBeNull()
    expect(htmlToMarkdown(`<b>${'x'.repeat(HTML_LIMIT)}</b>`)).toBeNull()
    expect(() => htmlToMarkdown(`${'<ul><li>'.repeat(1000)}x`)).not.toThrow()
  })
})

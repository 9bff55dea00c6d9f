/** What the panel says about a narrative: the marks one can type. */
export default function NarrativeInspector() {
  const rows: [string, string][] = [
    ['# Title', 'Heading, up to ######'],
    ['**bold**', 'Ctrl+B'],
    ['*italic*', 'Ctrl+I'],
    ['`code`', 'Ctrl+E'],
    ['- item', 'List; Enter goes on, Enter twice ends'],
    ['- [ ] task', 'Checkbox'],
    ['> quote', 'Quotation'],
    ['[text](https://…)', 'Link; Ctrl+click opens it'],
    ['{{key}}', 'The value bound to key'],
    ['Esc', 'Leave the text'],
  ]
  return (
    <div className="insp">
      <p className="insp-note">
        The text is Markdown. The line you are on shows its marks, the others show the result.
      </p>
      <dl className="insp-help">
        {rows.map(([mark, meaning]) => (
          <div key={mark}>
            <dt>
              <code>{mark}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

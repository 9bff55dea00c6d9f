/** Pasting: formatted text becomes Markdown, an address over words links them, and what is asked for plainly stays plain. */
import { EditorView } from '@codemirror/view'
import { htmlToMarkdown } from './fromHtml'
import { linkSelection } from './keys'
import { inCode } from './lines'

/** Editors of code put their colours on the clipboard as HTML; that text is meant as it stands. */
const CODE_EDITORS = ['vscode-editor-data']

export const pasting = () => {
  let plain = false
  return EditorView.domEventHandlers({
    keydown: (event) => {
      plain = event.shiftKey && (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'v'
      return false
    },
    paste: (event, view) => {
      const data = event.clipboardData
      const asText = plain
      plain = false
      if (!data || view.state.readOnly || asText || inCode(view.state, view.state.selection.main.head)) return false
      const text = data.getData('text/plain')
      if (linkSelection(text.trim())(view)) {
        event.preventDefault()
        return true
      }
      if (CODE_EDITORS.some((type) => data.types.includes(type))) return false
      const html = data.getData('text/html')
      const markdown = html === '' ? null : htmlToMarkdown(html)
      if (markdown === null || markdown === '') return false
      event.preventDefault()
      view.dispatch(view.state.replaceSelection(markdown), { scrollIntoView: true, userEvent: 'input.paste' })
      return true
    },
  })
}

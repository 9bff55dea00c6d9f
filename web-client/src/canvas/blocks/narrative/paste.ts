/**
 * Pasting: formatted text becomes Markdown, an address over words links them, what is asked for plainly stays plain, and a
 * number from another text of the canvas brings along what it is bound to.
 */
import { EditorView } from '@codemirror/view'
import { toast } from '../../../ui/Toast'
import type { Metrics } from './complete'
import { htmlToMarkdown } from './fromHtml'
import { linkSelection } from './keys'
import { inCode } from './lines'

/** Editors of code put their colours on the clipboard as HTML; that text is meant as it stands. */
const CODE_EDITORS = ['vscode-editor-data']
/** UTF-16 units of one paste. More in one change and the server closes the canvas to who sent it. */
export const PASTE_LIMIT = 400_000

export const pasting = (metrics: Pick<Metrics, 'carried' | 'together'>) => {
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
      if (!data || view.state.readOnly) return false
      const text = data.getData('text/plain')
      if (text.length > PASTE_LIMIT) {
        event.preventDefault()
        toast(`That text is too long for one block: ${PASTE_LIMIT.toLocaleString()} characters at most.`)
        return true
      }
      if (inCode(view.state, view.state.selection.main.head)) return false
      if (!asText && linkSelection(text.trim())(view)) {
        event.preventDefault()
        return true
      }
      const words = markdownOf(data, asText) ?? text.replace(/\r\n?/g, '\n')
      const bindings = metrics.carried(words)
      // Text that is only text is the editor's own business.
      if (bindings.size === 0 && words === text.replace(/\r\n?/g, '\n')) return false
      event.preventDefault()
      metrics.together(view, bindings, () =>
        view.dispatch(view.state.replaceSelection(words), { scrollIntoView: true, userEvent: 'input.paste' }),
      )
      return true
    },
  })
}

/** The formatted text on the clipboard as Markdown; null where there is none, or it is meant as it stands. */
function markdownOf(data: DataTransfer, asText: boolean): string | null {
  if (asText || CODE_EDITORS.some((type) => data.types.includes(type))) return null
  const html = data.getData('text/html')
  return (html === '' ? null : htmlToMarkdown(html)) || null
}

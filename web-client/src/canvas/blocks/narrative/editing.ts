/**
 * What only somebody who edits needs: completions, the bars, pasting. In a part of its own, so that a reader of a canvas
 * does not wait for it, and neither does the first drawing of a text.
 */
import { startCompletion } from '@codemirror/autocomplete'
import type { Extension } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import { completions, type Metrics } from './complete'
import { pasting } from './paste'
import { toolbar } from './toolbar'

export const editing = (metrics: Metrics): Extension => [completions(metrics), pasting(metrics), toolbar]

/** Somebody began to type what completes before this was here. */
export function catchUp(view: EditorView): void {
  const { head } = view.state.selection.main
  if (/(\{\{[^{}\n]*|(^|\s)\/\w*)$/.test(view.state.sliceDoc(view.state.doc.lineAt(head).from, head))) {
    if (view.hasFocus) startCompletion(view)
  }
}

/**
 * A narrative: Markdown that several people write at once. Owns the editor of one Y.Text, for as long as that text is
 * shown. The text itself is the document's; nothing here keeps a second copy.
 */
import { standardKeymap } from '@codemirror/commands'
import { Compartment, EditorState } from '@codemirror/state'
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view'
import { FileText } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { yCollab } from 'y-codemirror.next'
import * as Y from 'yjs'
import { type BlockProps, narrativeText } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import type { CanvasSession } from '../../../sync/session'
import { Message } from '../states'
import { type Bindings, readBindings } from './bindings'
import { carets } from './carets'
import { narrativeKeys, undoKeys } from './keys'
import { markdown, markdownColors } from './language'
import { livePreview, setBindings } from './livePreview'
import './narrative.css'

export default function NarrativeBlock({ block, session, readOnly }: BlockProps) {
  const text = useY(block, narrativeText)
  const bindings = useY(block, readBindings)
  return (
    <section className="blk note">
      {text ? (
        <Editor text={text} session={session} readOnly={readOnly} bindings={bindings} />
      ) : (
        <Message icon={<FileText aria-hidden />} title="This text cannot be shown">
          <p>The block has no text of the kind this version edits. It is kept as it is.</p>
        </Message>
      )}
    </section>
  )
}

interface EditorProps {
  text: Y.Text
  session: CanvasSession
  readOnly: boolean
  bindings: Bindings
}

const lockOf = (readOnly: boolean) => [
  EditorState.readOnly.of(readOnly),
  EditorView.editable.of(!readOnly),
  // Without an editable element nothing in a viewer's text could take the focus, and a long one could not be scrolled.
  readOnly ? EditorView.contentAttributes.of({ tabindex: '0', 'aria-readonly': 'true' }) : [],
]

const hintOf = (readOnly: boolean) =>
  placeholder(readOnly ? 'Nothing written yet' : 'Write here. # makes a heading, - a list, **bold**')

function Editor({ text, session, readOnly, bindings }: EditorProps) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const lock = useRef(new Compartment())
  const first = useRef({ readOnly, bindings })
  first.current = { readOnly, bindings }

  useEffect(() => {
    const parent = box.current
    if (!parent) return
    const undoManager = new Y.UndoManager(text, { captureTimeout: 400, trackedOrigins: new Set() })
    const editor = new EditorView({
      parent,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          // Only "\n" ends a line: an "\r\n" taken as one character would shift every position after it against the Y.Text.
          EditorState.lineSeparator.of('\n'),
          EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, '\n')),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'Narrative text', spellcheck: 'true' }),
          drawSelection(),
          markdown,
          markdownColors,
          livePreview,
          undoKeys(undoManager),
          yCollab(text, null, { undoManager }),
          carets(text, session.carets),
          keymap.of([...narrativeKeys, ...standardKeymap]),
          lock.current.of([lockOf(first.current.readOnly), hintOf(first.current.readOnly)]),
        ],
      }),
    })
    editor.dispatch({ effects: setBindings.of(first.current.bindings) })
    view.current = editor
    return () => {
      view.current = null
      editor.destroy()
      undoManager.destroy()
    }
  }, [text, session])

  useEffect(() => {
    view.current?.dispatch({ effects: lock.current.reconfigure([lockOf(readOnly), hintOf(readOnly)]) })
  }, [readOnly])

  useEffect(() => {
    view.current?.dispatch({ effects: setBindings.of(bindings) })
  }, [bindings])

  return <div ref={box} className="note-editor" data-testid="narrative-editor" />
}

/**
 * A narrative: Markdown that several people write at once, with numbers in it that stay true. Owns the editor of one Y.Text
 * for as long as that text is shown. The text itself is the document's; nothing here keeps a second copy.
 */
import { standardKeymap } from '@codemirror/commands'
import { Compartment, EditorState } from '@codemirror/state'
import { drawSelection, EditorView, keymap, placeholder, tooltips } from '@codemirror/view'
import { Copy, Download, FileText } from 'lucide-react'
import { lazy, type RefObject, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { yCollab, ySyncFacet } from 'y-codemirror.next'
import * as Y from 'yjs'
import { useStore } from 'zustand'
import { type Block, type BlockProps, blocksMap, contentOf, narrativeText } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { useReadRows } from '../../../platform/datasets/hooks'
import type { CanvasSession } from '../../../sync/session'
import { floating } from '../../../ui/floating'
import { toast } from '../../../ui/Toast'
import { blockName, reveal } from '../../actions'
import { useBlockActions } from '../blockActions'
import { fileName, saveBlob } from '../download'
import { Message } from '../states'
import { type BindingChange, bindingOf, type ChipContext, chipState, readBindings, writeBinding } from './bindings'
import type { OpenCard } from './ChipCard'
import { carets } from './carets'
import { chipsFocusable, setChips } from './chip'
import type { Metrics } from './complete'
import { belongsTo, leaves } from './focus'
import { narrativeKeys, undoKeys } from './keys'
import { markdown, markdownColors } from './language'
import { livePreview } from './livePreview'
import { carried, metricSources, sourceNames } from './metrics'
import { CHIP } from './ranges'
import './narrative.css'

const ChipCard = lazy(() => import('./ChipCard'))

export default function NarrativeBlock({ id, block, session, readOnly }: BlockProps) {
  const text = useY(block, narrativeText)
  const bindings = useY(block, readBindings)
  const { doc } = session
  const sources = useY(blocksMap(doc), () => sourceNames(doc, bindings))
  const online = useStore(session.store, ({ status }) => status.kind !== 'offline' && status.kind !== 'closed')
  const chips = useMemo<ChipContext>(() => ({ bindings, sources, online }), [bindings, sources, online])

  // Elsewhere nobody knows the keys: what leaves has the numbers as they are now.
  const plain = () =>
    (text?.toString() ?? '').replace(CHIP, (whole, key: string, at: number, all: string) => {
      const state = chipState(key.trim(), chips, all[at + whole.length] === '%')
      return state.kind === 'value' ? state.text : whole
    })
  useBlockActions(
    id,
    text
      ? [
          {
            label: 'Copy as Markdown',
            icon: Copy,
            testId: 'narrative-copy',
            run: () => {
              navigator.clipboard?.writeText(plain()).then(
                () => toast('Copied as Markdown.'),
                () => toast('The browser does not allow copying here.'),
              )
            },
          },
          {
            label: 'Download Markdown',
            icon: Download,
            testId: 'narrative-download',
            run: () =>
              saveBlob(
                fileName(blockName(block), 'narrative', 'md'),
                new Blob([plain(), '\n'], { type: 'text/markdown;charset=utf-8' }),
              ),
          },
        ]
      : [],
  )
  return (
    <section className="blk note">
      {text ? (
        <Editor text={text} block={block} session={session} readOnly={readOnly} chips={chips} />
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
  block: Block
  session: CanvasSession
  readOnly: boolean
  chips: ChipContext
}

const lockOf = (readOnly: boolean) => [
  EditorState.readOnly.of(readOnly),
  EditorView.editable.of(!readOnly),
  chipsFocusable.of(readOnly),
  readOnly ? EditorView.contentAttributes.of({ 'aria-readonly': 'true' }) : [],
]

const hintOf = (readOnly: boolean) =>
  placeholder(readOnly ? 'Nothing written yet' : 'Write, or press / for blocks and {{ for a number')

/** Each change of one text is tracked by its own manager; what is chosen from a list is a step of its own. */
const undoOf = new WeakMap<EditorView, Y.UndoManager>()

function asStep(view: EditorView, change: () => void): void {
  // A list or a card may still be open when access changes.
  if (view.state.readOnly) return
  const undo = undoOf.get(view)
  const sync = view.state.facet(ySyncFacet)
  undo?.stopCapturing()
  // The binding and the text are one transaction of the editor's own origin: one step back takes both.
  sync.ytext.doc?.transact(change, sync)
  undo?.stopCapturing()
}

/** The chip the caret stands beside. */
function chipBeside(view: EditorView): { key: string; from: number; to: number } | null {
  const { main } = view.state.selection
  const line = view.state.doc.lineAt(main.head)
  for (const match of line.text.matchAll(CHIP)) {
    const from = line.from + match.index
    const to = from + match[0].length
    if (from === main.head || to === main.head) return { key: (match[1] ?? '').trim(), from, to }
  }
  return null
}

const chipElements = (view: EditorView): HTMLElement[] => [...view.contentDOM.querySelectorAll<HTMLElement>('.md-chip')]

function Editor({ text, block, session, readOnly, chips }: EditorProps) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const lock = useRef(new Compartment())
  const tools = useRef(new Compartment())
  const numbers = useRef<Metrics | null>(null)
  const readRows = useReadRows()
  const [card, setCard] = useState<OpenCard | null>(null)
  const latest = useRef({ readOnly, chips, readRows, block })
  latest.current = { readOnly, chips, readRows, block }

  const jump = useCallback((key: string) => {
    const binding = bindingOf(latest.current.chips.bindings, key)
    if (!binding || !Object.hasOwn(latest.current.chips.sources, binding.source)) return false
    setCard(null)
    reveal(binding.source)
    return true
  }, [])

  useEffect(() => {
    const parent = box.current
    if (!parent) return
    // The bindings are in its scope too, so that undoing a chip takes back what it was bound to.
    const undoManager = new Y.UndoManager(contentOf(latest.current.block), {
      captureTimeout: 400,
      trackedOrigins: new Set(),
    })
    const metrics: Metrics = {
      sources: () => metricSources(session.doc),
      bindings: () => readBindings(latest.current.block),
      shown: (key) => {
        const state = chipState(key, latest.current.chips)
        return state.kind === 'value' ? state.text : state.kind === 'waiting' ? '…' : 'no value'
      },
      rows: (dataset) => latest.current.readRows(dataset),
      carried: (pasted) => carried(session.doc, latest.current.block, pasted),
      together: (editor, bindings, change) =>
        asStep(editor, () => {
          for (const [key, one] of bindings) {
            writeBinding(latest.current.block, key, one, editor.state.facet(ySyncFacet))
          }
          change()
        }),
      insert: (editor, from, to, key, change) =>
        metrics.together(editor, new Map(change ? [[key, change]] : []), () => {
          const insert = `{{${key}}}`
          editor.dispatch({
            changes: { from, to, insert },
            selection: { anchor: from + insert.length },
            effects: EditorView.announce.of(`Value ${key} inserted`),
            userEvent: 'input.complete',
          })
        }),
    }
    numbers.current = metrics
    const openCard = (editor: EditorView): boolean => {
      const chip = chipBeside(editor)
      const anchor = chip && chipElements(editor).find((one) => editor.posAtDOM(one) === chip.from)
      if (!chip || !anchor) return false
      setCard({ key: chip.key, anchor, focus: true })
      return true
    }
    const editor = new EditorView({
      parent,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          // Only "\n" ends a line: an "\r\n" taken as one character would shift every position after it against the Y.Text.
          EditorState.lineSeparator.of('\n'),
          EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, '\n')),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            'aria-label': 'Narrative text',
            'aria-multiline': 'true',
            // Without an editable element nothing in a viewer's text could take the focus, and a long one could not be scrolled.
            tabindex: '0',
            spellcheck: 'true',
            autocorrect: 'on',
            autocapitalize: 'sentences',
          }),
          // The frame of a block cuts off what hangs over it.
          tooltips({ parent: floating(), position: 'fixed' }),
          drawSelection(),
          markdown,
          markdownColors,
          livePreview(),
          tools.current.of([]),
          undoKeys(undoManager),
          yCollab(text, null, { undoManager }),
          carets(text, session.carets),
          keymap.of([
            { key: 'Alt-Enter', run: openCard },
            { key: 'Mod-Enter', run: (editor) => jump(chipBeside(editor)?.key ?? '') },
            ...narrativeKeys,
            ...standardKeymap,
          ]),
          lock.current.of([lockOf(latest.current.readOnly), hintOf(latest.current.readOnly)]),
        ],
      }),
    })
    undoOf.set(editor, undoManager)
    editor.dispatch({ effects: setChips.of(latest.current.chips) })
    view.current = editor
    return () => {
      view.current = null
      setCard(null)
      editor.destroy()
      undoManager.destroy()
    }
  }, [text, session, jump])

  useEffect(() => {
    const editor = view.current
    if (!editor) return
    editor.dispatch({ effects: lock.current.reconfigure([lockOf(readOnly), hintOf(readOnly)]) })
  }, [readOnly])

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text or session is a new editor, which starts without its tools
  useEffect(() => {
    const editor = view.current
    if (!editor) return
    if (readOnly) {
      editor.dispatch({ effects: tools.current.reconfigure([]) })
      return
    }
    let here = true
    import('./editing').then(
      ({ editing, catchUp }) => {
        if (!here || !numbers.current) return
        editor.dispatch({ effects: tools.current.reconfigure(editing(numbers.current)) })
        catchUp(editor)
      },
      // Offline before it was ever cached: the text can be written all the same.
      () => undefined,
    )
    return () => {
      here = false
    }
  }, [readOnly, text, session])

  const before = useRef(chips)
  useEffect(() => {
    const editor = view.current
    if (!editor) return
    const old = before.current
    before.current = chips
    const broken = Object.keys(chips.bindings).filter(
      (key) => chipState(key, chips).kind === 'broken' && chipState(key, old).kind === 'value',
    )
    const key = broken.find((one) => text.toString().includes(`{{${one}}}`))
    const state = key === undefined ? null : chipState(key, chips)
    editor.dispatch({
      effects: [
        setChips.of(chips),
        ...(state?.kind === 'broken' ? [EditorView.announce.of(`The value ${key} is broken. ${state.why}`)] : []),
      ],
    })
  }, [chips, text])

  const hover = useHover(setCard)
  const change = (key: string, next: BindingChange) => {
    const editor = view.current
    if (editor) asStep(editor, () => writeBinding(block, key, next, editor.state.facet(ySyncFacet)))
  }
  const remove = (key: string, anchor: HTMLElement) => {
    const editor = view.current
    setCard(null)
    if (!editor) return
    const found = new RegExp(CHIP.source, 'g')
    const at = editor.contentDOM.contains(anchor) ? editor.posAtDOM(anchor) : 0
    for (const match of editor.state.doc.toString().matchAll(found)) {
      if ((match[1] ?? '').trim() !== key || match.index + match[0].length <= at) continue
      editor.dispatch({
        changes: { from: match.index, to: match.index + match[0].length },
        effects: EditorView.announce.of(`Value ${key} removed`),
        userEvent: 'delete',
      })
      break
    }
    editor.focus()
  }
  return (
    <>
      <Chips box={box} view={view} readOnly={readOnly} jump={jump} hover={hover} open={setCard} />
      {card && (
        <Suspense fallback={null}>
          <ChipCard
            key={card.key}
            card={card}
            block={block}
            chips={chips}
            readOnly={readOnly}
            change={change}
            remove={remove}
            jump={jump}
            close={() => {
              setCard(null)
              ;(readOnly ? card.anchor : view.current)?.focus()
            }}
            belongs={view.current ? belongsTo(view.current.state) : {}}
            left={(event) => {
              if (view.current) leaves(view.current, event)
            }}
            enter={hover.stay}
            leave={hover.leave}
          />
        </Suspense>
      )}
    </>
  )
}

interface Hover {
  over: (card: OpenCard) => void
  stay: () => void
  leave: () => void
}

/** A card opens after a moment of resting on a chip, and closes a moment after the pointer left both. */
function useHover(set: (card: OpenCard | null) => void): Hover {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return useMemo(() => {
    const later = (run: () => void, time: number) => {
      clearTimeout(timer.current)
      timer.current = setTimeout(run, time)
    }
    return {
      over: (card) => later(() => set(card), 220),
      stay: () => clearTimeout(timer.current),
      leave: () => later(() => set(null), 260),
    }
  }, [set])
}

interface ChipsProps {
  box: RefObject<HTMLDivElement | null>
  view: RefObject<EditorView | null>
  readOnly: boolean
  jump: (key: string) => boolean
  hover: Hover
  open: (card: OpenCard) => void
}

/** The element the editor lives in, and what pointers and keys do to the chips in it, in lines and in drawn tables alike. */
function Chips({ box, view, readOnly, jump, hover, open }: ChipsProps) {
  const chipOf = (target: EventTarget): HTMLElement | null =>
    target instanceof Element ? target.closest<HTMLElement>('.md-chip') : null
  const cardOf = (anchor: HTMLElement, focus: boolean): OpenCard => ({ key: anchor.dataset.key ?? '', anchor, focus })
  const go = (chip: HTMLElement) => {
    if (!jump(chip.dataset.key ?? '')) open(cardOf(chip, true))
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: listens for the chips inside, which have their own roles and keys
    <div
      ref={box}
      className="note-editor"
      data-testid="narrative-editor"
      onMouseOver={(event) => {
        const chip = chipOf(event.target)
        if (chip && event.buttons === 0) hover.over(cardOf(chip, false))
      }}
      onMouseOut={(event) => {
        if (chipOf(event.target)) hover.leave()
      }}
      onFocus={(event) => {
        const chip = chipOf(event.target)
        if (chip) open(cardOf(chip, false))
      }}
      onBlur={(event) => {
        if (chipOf(event.target)) hover.leave()
      }}
      onClick={(event) => {
        const chip = chipOf(event.target)
        const touch = event.nativeEvent instanceof PointerEvent && event.nativeEvent.pointerType === 'touch'
        if (!chip || view.current?.state.selection.main.empty === false) return
        // A finger cannot hover: it sees the card first, and goes on from there.
        if (touch) open(cardOf(chip, false))
        else go(chip)
      }}
      onKeyDown={(event) => {
        const chip = readOnly ? chipOf(event.target) : null
        if (!chip || (event.key !== 'Enter' && event.key !== ' ')) return
        event.preventDefault()
        event.stopPropagation()
        go(chip)
      }}
    />
  )
}

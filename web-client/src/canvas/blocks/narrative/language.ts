/**
 * Markdown for the editor, straight from @lezer/markdown: the CodeMirror package for it brings the grammars of HTML, CSS
 * and JavaScript along, which a narrative never needs and which weigh more than all the rest of the editor.
 *
 * Left out on purpose: headings by underlining (a dash typed for a list would turn the paragraph above it into one), code
 * by indenting (so would a tab), and blocks of HTML, which is shown as the text it is.
 */
import {
  defineLanguageFacet,
  HighlightStyle,
  Language,
  languageDataProp,
  syntaxHighlighting,
} from '@codemirror/language'
import { tags } from '@lezer/highlight'
import { GFM, parser } from '@lezer/markdown'

const data = defineLanguageFacet({})

export const markdownParser = parser.configure([
  GFM,
  {
    remove: ['SetextHeading', 'IndentedCode', 'HTMLBlock'],
    props: [languageDataProp.add({ Document: data })],
  },
])

export const markdown = new Language(data, markdownParser, [], 'markdown')

/** Marks that show while they are edited step back; what they mean is styled by the live preview. */
export const markdownColors = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.processingInstruction, class: 'md-syntax' },
    { tag: tags.url, class: 'md-syntax' },
    { tag: tags.contentSeparator, class: 'md-syntax' },
  ]),
)

/** The card of a chip: where its number comes from, what is wrong with it, and, for those who may, what it asks. */
import { ArrowUpRight, TriangleAlert } from 'lucide-react'
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { createPortal } from 'react-dom'
import type { Block } from '../../../doc/schema'
import { useDataset, useRows } from '../../../platform/datasets/hooks'
import { Button } from '../../../ui/Button'
import { Choice } from '../fields'
import { NUMBER_FORMATS, toNumberFormat } from '../format'
import { NUMBER_FORMAT_NAMES, optionsOf } from '../labels'
import { type BindingChange, bindingOf, type ChipContext, chipState } from './bindings'
import { inWords, parseCalculation, proposals, writeCalculation } from './calc'
import { findSource, type MetricSource, metricSources, rowsFor } from './metrics'

export interface OpenCard {
  key: string
  anchor: HTMLElement
  /** Opened by a key: the card takes the focus, and gives it back. */
  focus: boolean
}

interface Props {
  card: OpenCard
  block: Block
  chips: ChipContext
  readOnly: boolean
  change: (key: string, change: BindingChange) => void
  remove: (key: string, anchor: HTMLElement) => void
  jump: (key: string) => void
  close: () => void
  /** The attribute that says which text it belongs to. */
  belongs: Record<string, string>
  /** The focus went on to something else. */
  left: (event: { relatedTarget: EventTarget | null }) => void
  enter: () => void
  leave: () => void
}

const DECIMALS = ['', '0', '1', '2', '3', '4'].map((value) => ({ value, label: value === '' ? 'As needed' : value }))

/** Below the chip, or above where there is no room; inside the window in any case. */
function usePlace(anchor: HTMLElement, box: RefObject<HTMLDivElement | null>, again: unknown): void {
  useLayoutEffect(() => {
    void again
    const put = () => {
      const card = box.current
      // The chip may have been drawn anew under the card: then the card stays where it is.
      if (!card || !anchor.isConnected) return
      const at = anchor.getBoundingClientRect()
      const { width, height } = card.getBoundingClientRect()
      const below = at.bottom + 6
      const top = below + height > innerHeight - 8 && at.top - height - 6 > 8 ? at.top - height - 6 : below
      card.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`
      card.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`
    }
    put()
    addEventListener('resize', put)
    addEventListener('scroll', put, { capture: true, passive: true })
    return () => {
      removeEventListener('resize', put)
      removeEventListener('scroll', put, { capture: true })
    }
  }, [anchor, box, again])
}

export default function ChipCard({
  card,
  block,
  chips,
  readOnly,
  change,
  remove,
  jump,
  close,
  belongs,
  left,
  enter,
  leave,
}: Props) {
  const { key, anchor, focus } = card
  const box = useRef<HTMLDivElement>(null)
  const state = chipState(key, chips)
  const [editing, setEditing] = useState(false)
  usePlace(anchor, box, `${editing} ${state.kind}`)
  useEffect(() => {
    if (focus) box.current?.querySelector<HTMLElement>('button, select')?.focus()
  }, [focus])
  const binding = bindingOf(chips.bindings, key)
  const source = binding && block.doc ? findSource(block.doc, binding.source) : null
  const calculation = binding ? parseCalculation(binding.calculation) : null
  const dataset = useDataset(source?.datasetId ?? '')
  return createPortal(
    <div
      ref={box}
      className="note-card"
      role="dialog"
      aria-label={`Value ${key}`}
      data-testid="chip-card"
      {...belongs}
      onMouseEnter={enter}
      onMouseLeave={leave}
      onBlur={(event) => {
        const to = event.relatedTarget
        if (to instanceof Node && event.currentTarget.contains(to)) return
        left(event)
        if (focus || to !== null) leave()
      }}
      onFocus={enter}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        event.stopPropagation()
        close()
      }}
    >
      <div className="note-card-head">
        <strong data-state={state.kind}>
          {state.kind === 'value' ? state.text : state.kind === 'waiting' ? '…' : 'No value'}
        </strong>
        <span>{key}</span>
      </div>
      {state.kind === 'broken' && (
        <p className="note-card-broken" role="alert">
          <TriangleAlert aria-hidden size={13} /> {state.why}
        </p>
      )}
      {state.kind === 'waiting' && <p className="note-card-note">{state.why}</p>}
      {binding && (
        <dl>
          {calculation && (
            <div>
              <dt>Calculation</dt>
              <dd>{inWords(calculation, source?.defaults ?? { y: '', x: '', aggregation: '' })}</dd>
            </div>
          )}
          {source && (
            <div>
              <dt>Source</dt>
              <dd>
                <button type="button" className="note-card-link" onClick={() => jump(key)}>
                  {source.name} <ArrowUpRight aria-hidden size={12} />
                </button>
              </dd>
            </div>
          )}
          {dataset.data && (
            <div>
              <dt>Dataset</dt>
              <dd>{dataset.data.name}</dd>
            </div>
          )}
        </dl>
      )}
      {!readOnly && editing && block.doc && (
        <Fields
          sources={metricSources(block.doc)}
          source={source}
          binding={binding}
          change={(next) => change(key, next)}
        />
      )}
      {!readOnly && (
        <div className="note-card-foot">
          <Button onClick={() => setEditing(!editing)} aria-expanded={editing}>
            {editing ? 'Done' : state.kind === 'broken' ? 'Change source' : 'Edit'}
          </Button>
          <Button onClick={() => remove(key, anchor)}>Remove</Button>
        </div>
      )}
    </div>,
    document.body,
  )
}

interface FieldsProps {
  sources: MetricSource[]
  source: MetricSource | null
  binding: ReturnType<typeof bindingOf>
  change: (change: BindingChange) => void
}

function Fields({ sources, source, binding, change }: FieldsProps) {
  const rows = useRows(source?.datasetId ?? '')
  const set = rows.data
  const calculations = useMemo(() => {
    if (!source) return []
    const list = set ? proposals(source.defaults, rowsFor(source, set)) : []
    const options = list.map((one) => ({ value: writeCalculation(one), label: inWords(one, source.defaults) }))
    const now = binding?.calculation ?? ''
    const parsed = parseCalculation(now)
    if (now !== '' && !options.some((one) => one.value === now)) {
      options.unshift({ value: now, label: parsed ? inWords(parsed, source.defaults) : now })
    }
    return options
  }, [source, set, binding?.calculation])
  const choices = sources.map((one) => ({ value: one.id, label: one.name }))
  if (!source) choices.unshift({ value: '', label: sources.length === 0 ? 'No block with data' : 'Choose a block' })
  return (
    <div className="note-card-fields">
      <Choice
        label="Source"
        value={source?.id ?? ''}
        disabled={sources.length === 0}
        options={choices}
        onChange={(id) => {
          const next = sources.find((one) => one.id === id)
          if (!next) return
          // A column the new source does not know would only break the value again.
          const own = parseCalculation(binding?.calculation ?? '')
          const keep = own && own.column === '' && (next.defaults.y !== '' || own.agg === 'count')
          change({ source: id, calculation: keep ? writeCalculation(own) : next.defaults.y !== '' ? 'sum' : 'count' })
        }}
      />
      {source && (
        <Choice
          label="Calculation"
          value={binding?.calculation ?? ''}
          disabled={calculations.length === 0}
          options={calculations}
          onChange={(calculation) => change({ calculation })}
        />
      )}
      <div className="note-card-pair">
        <Choice
          label="Format"
          value={binding?.format ?? 'auto'}
          disabled={!binding}
          options={optionsOf(NUMBER_FORMAT_NAMES, NUMBER_FORMATS)}
          onChange={(format) => change({ format: toNumberFormat(format) })}
        />
        <Choice
          label="Decimals"
          value={binding?.decimals == null ? '' : String(binding.decimals)}
          disabled={!binding}
          options={DECIMALS}
          onChange={(value) => change({ decimals: value === '' ? null : Number(value) })}
        />
      </div>
    </div>
  )
}

/** The settings of a heading: its text, how large it is, whether a line runs under it. */
import { setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { Check, Commit } from '../fields'
import type { InspectorProps } from '../registry'
import { Segments } from '../Segments'
import { LEVELS, readHeading, writeHeading } from './fields'

const SIZES = { 1: 'Large', 2: 'Medium', 3: 'Small' } as const

export default function HeadingInspector({ block, session, editable }: InspectorProps) {
  const { text, level, line } = useY(block, readHeading)
  return (
    <div className="insp">
      <Commit
        label="Text"
        value={text}
        disabled={!editable}
        onCommit={(value) => step(session, () => writeHeading(block, value))}
      />
      <Segments
        label="Size"
        value={String(level)}
        disabled={!editable}
        options={LEVELS.map((value) => ({ value: String(value), label: SIZES[value] }))}
        onChange={(value) => step(session, () => setContent(block, ['level'], Number(value)))}
      />
      <Check
        label="Line under it"
        checked={line}
        disabled={!editable}
        onChange={(on) => step(session, () => setContent(block, ['line'], on))}
      />
    </div>
  )
}

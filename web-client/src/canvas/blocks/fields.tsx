/** The fields an inspector is made of. A field is one gesture: it writes when the person is done with it, not on every key. */
import { useEffect, useId, useRef, useState } from 'react'
import { TextField } from '../../ui/TextField'

interface CommitProps {
  label: string
  value: string
  disabled: boolean
  placeholder?: string
  onCommit: (value: string) => void
}

/** A text written when the person is done with it: on Enter, on leaving, or when the panel goes away. Escape takes it back. */
export function Commit({ label, value, disabled, placeholder, onCommit }: CommitProps) {
  const [draft, setDraft] = useState<string | null>(null)
  const latest = useRef({ draft, value, disabled, onCommit })
  latest.current = { draft, value, disabled, onCommit }
  const commit = () => {
    const now = latest.current
    latest.current = { ...now, draft: null }
    // Access may have changed while somebody typed.
    if (now.draft !== null && !now.disabled && now.draft.trim() !== now.value) now.onCommit(now.draft.trim())
  }
  const commitLatest = useRef(commit)
  commitLatest.current = commit
  // Clicking another block takes this panel away before the field hears that it lost the focus.
  useEffect(() => () => commitLatest.current(), [])
  return (
    <TextField
      label={label}
      value={draft ?? value}
      disabled={disabled}
      maxLength={200}
      {...(placeholder === undefined ? {} : { placeholder })}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => {
        commit()
        setDraft(null)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          commit()
          setDraft(null)
        } else if (event.key === 'Escape') {
          latest.current = { ...latest.current, draft: null }
          setDraft(null)
        }
      }}
    />
  )
}

interface NumberCommitProps {
  label: string
  /** Null where nothing is set; the field is then empty. */
  value: number | null
  disabled: boolean
  placeholder?: string
  min?: number
  max?: number
  whole?: boolean
  onCommit: (value: number | null) => void
}

/** A number written as `Commit` writes a text. An empty field is null; what is no number is refused and said. */
export function NumberCommit({
  label,
  value,
  disabled,
  placeholder,
  min,
  max,
  whole = false,
  onCommit,
}: NumberCommitProps) {
  const [draft, setDraft] = useState<string | null>(null)
  const read = (text: string): number | null | undefined => {
    const clean = text.trim().replace(',', '.')
    if (clean === '') return null
    const number = Number(clean)
    if (!Number.isFinite(number) || (whole && !Number.isInteger(number))) return undefined
    return Math.min(max ?? Number.POSITIVE_INFINITY, Math.max(min ?? Number.NEGATIVE_INFINITY, number))
  }
  const latest = useRef({ draft, value, disabled, onCommit })
  latest.current = { draft, value, disabled, onCommit }
  const commit = () => {
    const now = latest.current
    if (now.draft === null) return
    const number = read(now.draft)
    if (number === undefined) return
    latest.current = { ...now, draft: null }
    if (!now.disabled && number !== now.value) now.onCommit(number)
  }
  const commitLatest = useRef(commit)
  commitLatest.current = commit
  // As above: the panel may go away before the field hears that it lost the focus.
  useEffect(() => () => commitLatest.current(), [])
  const refused = draft !== null && read(draft) === undefined && !/^[-+.,]*$/.test(draft.trim())
  return (
    <TextField
      label={label}
      value={draft ?? (value === null ? '' : String(value))}
      disabled={disabled}
      inputMode="decimal"
      maxLength={24}
      {...(placeholder === undefined ? {} : { placeholder })}
      error={refused ? (whole ? 'A whole number.' : 'A number.') : null}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={() => {
        commit()
        setDraft(null)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          commit()
          if (!refused) setDraft(null)
        } else if (event.key === 'Escape') {
          latest.current = { ...latest.current, draft: null }
          setDraft(null)
        }
      }}
    />
  )
}

interface ChoiceProps {
  label: string
  value: string
  disabled: boolean
  options: { value: string; label: string }[]
  /** For a field whose meaning its neighbour already says. */
  hideLabel?: boolean
  testId?: string
  onChange: (value: string) => void
}

export function Choice({ label, value, disabled, options, hideLabel = false, testId, onChange }: ChoiceProps) {
  const id = useId()
  return (
    <div className="ui-field">
      <label className={hideLabel ? 'visually-hidden' : 'ui-field-label'} htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        data-testid={testId}
        className="ui-input"
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  )
}

interface CheckProps {
  label: string
  checked: boolean
  disabled: boolean
  onChange: (on: boolean) => void
}

export function Check({ label, checked, disabled, onChange }: CheckProps) {
  return (
    <label className="insp-check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  )
}

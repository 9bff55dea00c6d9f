/** The fields an inspector is made of. A field is one gesture: it writes when the person is done with it, not on every key. */
import { useEffect, useId, useRef, useState } from 'react'
import { TextField } from '../../ui/TextField'

interface CommitProps {
  label: string
  value: string
  disabled: boolean
  onCommit: (value: string) => void
}

/** A text written when the person is done with it: on Enter, on leaving, or when the panel goes away. Escape takes it back. */
export function Commit({ label, value, disabled, onCommit }: CommitProps) {
  const [draft, setDraft] = useState<string | null>(null)
  const latest = useRef({ draft, value, onCommit })
  latest.current = { draft, value, onCommit }
  const commit = () => {
    const now = latest.current
    latest.current = { ...now, draft: null }
    if (now.draft !== null && now.draft.trim() !== now.value) now.onCommit(now.draft.trim())
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

interface ChoiceProps {
  label: string
  value: string
  disabled: boolean
  options: { value: string; label: string }[]
  onChange: (value: string) => void
}

export function Choice({ label, value, disabled, options, onChange }: ChoiceProps) {
  const id = useId()
  return (
    <div className="ui-field">
      <label className="ui-field-label" htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
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

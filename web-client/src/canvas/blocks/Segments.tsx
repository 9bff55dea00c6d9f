/** A choice of a few short words, all in sight: one press each, arrows between them as in any group of radio buttons. */
import { type ReactNode, useId } from 'react'
import '../../ui/figures.css'

interface SegmentsProps {
  label: string
  value: string
  disabled: boolean
  options: { value: string; label: string; icon?: ReactNode }[]
  onChange: (value: string) => void
}

export function Segments({ label, value, disabled, options, onChange }: SegmentsProps) {
  const name = useId()
  return (
    <fieldset className="insp-segments" disabled={disabled}>
      <legend className="ui-field-label">{label}</legend>
      <div className="segments">
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              className="visually-hidden"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>
              {option.icon}
              {option.label}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

/** A labelled text input. With `error` the field is marked invalid and the sentence is read out with it. */
import { type InputHTMLAttributes, type Ref, useId } from 'react'
import { join } from './Button'

type TextFieldProps = InputHTMLAttributes<HTMLInputElement> & {
  label: string
  hideLabel?: boolean
  hint?: string
  error?: string | null
  ref?: Ref<HTMLInputElement>
}

export function TextField({ label, hideLabel, hint, error, className, id, ...rest }: TextFieldProps) {
  const own = useId()
  const field = id ?? own
  const note = `${field}-note`
  const failed = error !== undefined && error !== null && error !== ''
  return (
    <div className={join('ui-field', className)}>
      <label className={hideLabel ? 'visually-hidden' : 'ui-field-label'} htmlFor={field}>
        {label}
      </label>
      <input
        type="text"
        autoComplete="off"
        {...rest}
        id={field}
        className="ui-input"
        aria-invalid={failed ? true : undefined}
        aria-describedby={failed || hint !== undefined ? note : undefined}
      />
      {failed ? (
        <span id={note} className="ui-field-error" role="alert">
          {error}
        </span>
      ) : (
        hint !== undefined && (
          <span id={note} className="ui-field-hint">
            {hint}
          </span>
        )
      )}
    </div>
  )
}

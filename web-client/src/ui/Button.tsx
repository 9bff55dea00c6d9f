/** Buttons. A button that only shows an icon must say in words what it does: `label` is its name and its tooltip. */
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  size?: 'normal' | 'large'
  ref?: Ref<HTMLButtonElement>
}

export function Button({ kind = 'plain', size = 'normal', type = 'button', className, ...rest }: ButtonProps) {
  return <button {...rest} type={type} className={join('ui-button', className)} data-kind={kind} data-size={size} />
}

type IconButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'children' | 'aria-label'> & {
  label: string
  icon: ReactNode
  /** Shown behind the label in the tooltip, for instance "Ctrl+Z". */
  keys?: string
  size?: 'normal' | 'small'
  ref?: Ref<HTMLButtonElement>
}

export function IconButton({
  label,
  icon,
  keys,
  size = 'normal',
  type = 'button',
  className,
  ...rest
}: IconButtonProps) {
  return (
    <button
      title={keys === undefined ? label : `${label} (${keys})`}
      {...rest}
      type={type}
      aria-label={label}
      className={join('ui-icon-button', className)}
      data-size={size}
    >
      {icon}
    </button>
  )
}

export const join = (...names: (string | undefined | false)[]): string => names.filter(Boolean).join(' ')

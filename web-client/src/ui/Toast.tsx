/**
 * Short messages at the bottom of the window. `toast()` may be called from anywhere; <Toasts /> is mounted once.
 *
 * A message with an action stays longer, and stays for good while the pointer or the focus is on it: nobody should have
 * to race a clock to undo.
 */
import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { create } from 'zustand'

type Toast = { id: number; text: string; action?: { label: string; run: () => void } | undefined }

const useToasts = create<{ list: Toast[] }>(() => ({ list: [] }))
let next = 1

export const toast = (text: string, action?: Toast['action']): void =>
  useToasts.setState(({ list }) => ({ list: [...list.slice(-2), { id: next++, text, action }] }))

const dismiss = (id: number): void =>
  useToasts.setState(({ list }) => ({ list: list.filter((item) => item.id !== id) }))

export function Toasts() {
  const list = useToasts((state) => state.list)
  return (
    <ol className="ui-toasts" aria-live="polite" aria-label="Messages">
      {list.map((item) => (
        <ToastRow key={item.id} item={item} />
      ))}
    </ol>
  )
}

function ToastRow({ item }: { item: Toast }) {
  const [held, setHeld] = useState(false)
  useEffect(() => {
    if (held) return
    const timer = setTimeout(() => dismiss(item.id), item.action === undefined ? 4_000 : 10_000)
    return () => clearTimeout(timer)
  }, [held, item])
  return (
    <li
      className="ui-toast"
      data-testid="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span>{item.text}</span>
      {item.action !== undefined && (
        <button
          type="button"
          onClick={() => {
            item.action?.run()
            dismiss(item.id)
          }}
        >
          {item.action.label}
        </button>
      )}
      <button type="button" data-close="" aria-label="Dismiss" onClick={() => dismiss(item.id)}>
        <X />
      </button>
    </li>
  )
}

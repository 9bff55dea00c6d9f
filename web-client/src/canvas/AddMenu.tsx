/** The `+` of the bar: opens the add menu below itself. */
import { Plus } from 'lucide-react'
import { useStore } from 'zustand'
import { Button } from '../ui/Button'
import { keysOf } from './commands'
import { openAdding, type UiStore } from './ui'

export function AddMenu({ ui }: { ui: UiStore }) {
  const open = useStore(ui, (state) => state.adding !== null)
  const keys = keysOf('add.menu')
  return (
    <Button
      data-testid="add-menu"
      data-adding=""
      title={keys === undefined ? 'Add a block' : `Add a block (${keys})`}
      aria-haspopup="dialog"
      aria-expanded={open}
      onClick={(event) => {
        if (open) {
          ui.setState({ adding: null })
          return
        }
        const box = event.currentTarget.getBoundingClientRect()
        openAdding(ui, { x: box.left, y: box.bottom + 6, spot: 'free' })
      }}
    >
      <Plus /> Add
    </Button>
  )
}

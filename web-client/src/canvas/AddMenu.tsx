/** The `+`: one entry for each type of block. */
import { Plus } from 'lucide-react'
import type { CanvasSession } from '../sync/session'
import { Button } from '../ui/Button'
import { Menu } from '../ui/Menu'
import { add } from './actions'
import { BLOCK_TYPES } from './blocks/registry'
import type { UiStore } from './ui'

export function AddMenu({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  return (
    <Menu
      keepFocus
      trigger={
        <Button data-testid="add-menu" title="Add a block">
          <Plus /> Add
        </Button>
      }
      items={BLOCK_TYPES.map(({ type, label, icon: Icon, defaultSize, createContent }) => ({
        label,
        icon: <Icon />,
        testId: `add-${type}`,
        onSelect: () => add(session, ui, type, createContent(), defaultSize),
      }))}
    />
  )
}

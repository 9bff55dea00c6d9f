/** Moving and resizing without dragging. */
import {
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowUp,
  FoldHorizontal,
  FoldVertical,
  type LucideIcon,
  UnfoldHorizontal,
  UnfoldVertical,
} from 'lucide-react'
import { canMove, type Direction, grow, nudge } from '../actions'
import type { Command } from '../commands'

const move = (direction: Direction, icon: LucideIcon): Command => ({
  id: `arrange.${direction}`,
  title: `Move ${direction}`,
  family: 'Move',
  group: 'Arrange',
  icon,
  keys: [`alt+arrow${direction}`],
  when: (c) => c.canEdit && canMove(c.session, c.selected),
  run: ({ session, ui, selected }) => nudge(session, ui, selected, direction),
})

const resize = (id: string, title: string, direction: Direction, icon: LucideIcon): Command => ({
  id: `arrange.${id}`,
  title,
  family: 'Resize',
  group: 'Arrange',
  icon,
  words: 'resize size',
  keys: [`alt+shift+arrow${direction}`],
  when: (c) => c.canEdit && canMove(c.session, c.selected),
  run: ({ session, ui, selected }) => grow(session, ui, selected, direction),
})

export const arrangeCommands: readonly Command[] = [
  move('left', ArrowLeft),
  move('right', ArrowRight),
  move('up', ArrowUp),
  move('down', ArrowDown),
  resize('wider', 'Wider', 'right', UnfoldHorizontal),
  resize('narrower', 'Narrower', 'left', FoldHorizontal),
  resize('taller', 'Taller', 'down', UnfoldVertical),
  resize('shorter', 'Shorter', 'up', FoldVertical),
]

/**
 * The frame of one block: its place, its handle, its menu, and a boundary inside which it is mounted when it comes near
 * the viewport. It never renders for somebody else's cursor, and while a neighbour is dragged only its place changes.
 */
import { Ellipsis, GripHorizontal, Lock, SlidersHorizontal } from 'lucide-react'
import { type CSSProperties, memo, useEffect, useRef, useState } from 'react'
import { useStore } from 'zustand'
import { type Block, blockType, isLocked } from '../doc/schema'
import { useY } from '../doc/useY'
import type { CanvasSession } from '../sync/session'
import { IconButton, join } from '../ui/Button'
import { whenIdle } from '../ui/idle'
import { Menu, type MenuItem } from '../ui/Menu'
import { useActionsOf } from './blocks/blockActions'
import { BlockView, typeOf } from './blocks/registry'
import { commandItem } from './commandItem'
import { contextOf } from './commands'
import { select, setPanel, type UiStore } from './ui'

export type FrameProps = {
  id: string
  block: Block
  /** What it is and its name, unlike any other block's. */
  label: string
  session: CanvasSession
  ui: UiStore
  readOnly: boolean
  /** The arrangement on screen is one people make by hand, so blocks can be moved. */
  arrangeable: boolean
  left: number
  top: number
  width: number
  height: number
  /** Its cells as a CSS grid area: on paper blocks flow. */
  area: string
  near: Near
}

/** Tells a frame once when it comes near the viewport. One observer serves all frames. */
export type Near = {
  watch: (element: Element, seen: () => void) => () => void
  /** Whether a frame that is about to be made is in view: an observer would say so a painted frame later. */
  shows: (top: number, height: number) => boolean
}

/** Pixels above and below the window in which blocks are mounted ahead of being scrolled to. */
const AHEAD = 700

export const createNear = (root: Element): Near & { stop: () => void } => {
  const waiting = new Map<Element, () => void>()
  const observe = (margin: number): IntersectionObserver => {
    const made = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue
          made.unobserve(target)
          waiting.get(target)?.()
          waiting.delete(target)
        }
      },
      { root, rootMargin: `${margin}px 0px` },
    )
    for (const element of waiting.keys()) made.observe(element)
    return made
  }
  let observer = observe(0)
  // What is in the window comes first.
  const stay = whenIdle(() => {
    observer.disconnect()
    observer = observe(AHEAD)
  })
  return {
    watch: (element, seen) => {
      waiting.set(element, seen)
      observer.observe(element)
      return () => {
        waiting.delete(element)
        observer.unobserve(element)
      }
    },
    shows: (top, height) => top < root.scrollTop + root.clientHeight && top + height > root.scrollTop,
    stop: () => {
      stay()
      observer.disconnect()
    },
  }
}

/** Only the place changes while blocks are dragged around, so only this renders then: the inside stays as it is. */
export const Frame = memo(function Frame(props: FrameProps) {
  const { id, block, label, session, ui, readOnly, arrangeable, left, top, width, height, area, near } = props
  const element = useRef<HTMLElement>(null)
  // What somebody has just made is selected from the start, and there at once.
  const [seen, setSeen] = useState(() => ui.getState().selected.includes(id) || near.shows(top, height))
  const mounted = useStore(ui, (state) => state.printing || state.solo === id) || seen
  const solo = useStore(ui, (state) => state.solo === id)
  const selected = useStore(ui, (state) => state.selected.includes(id))

  useEffect(() => {
    if (mounted || element.current === null) return
    return near.watch(element.current, () => setSeen(true))
  }, [mounted, near])

  const style = {
    '--x': `${left}px`,
    '--y': `${top}px`,
    '--w': `${width}px`,
    '--h': `${height}px`,
    '--area': area,
  } as CSSProperties
  return (
    <section
      ref={element}
      className={join('frame', selected && 'frame-selected')}
      style={style}
      data-testid="block"
      data-block-id={id}
      data-block-type={blockType(block)}
      data-solo={solo ? '' : undefined}
      data-quiet={typeOf(blockType(block))?.quiet ? '' : undefined}
      aria-label={label}
      // A region of the canvas that keys act on: it takes the focus as a whole, its content comes after it.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: blocks are moved, copied and deleted by keyboard
      tabIndex={0}
    >
      {mounted && (
        <Inside id={id} block={block} session={session} ui={ui} readOnly={readOnly} arrangeable={arrangeable} />
      )}
    </section>
  )
})

type InsideProps = Pick<FrameProps, 'id' | 'block' | 'session' | 'ui' | 'readOnly' | 'arrangeable'>

const Inside = memo(function Inside({ id, block, session, ui, readOnly, arrangeable }: InsideProps) {
  const alone = useStore(ui, (state) => state.selected.length === 1 && state.selected[0] === id)
  const locked = useY(block, isLocked)
  const movable = arrangeable && !readOnly && !locked
  return (
    <>
      <div className="frame-bar" data-drag={movable ? '' : undefined}>
        {movable && (
          <span className="frame-grip" data-testid="drag-handle" title="Drag to move" aria-hidden="true">
            <GripHorizontal />
          </span>
        )}
        {locked && <Lock className="frame-lock" aria-label="Locked" />}
        {!readOnly && (
          <span className="frame-tools">
            {blockType(block) !== 'narrative' && (
              <IconButton
                size="small"
                label="Settings"
                icon={<SlidersHorizontal />}
                data-testid="block-settings"
                onClick={() => {
                  select(ui, [id])
                  setPanel(ui, !(alone && ui.getState().panel))
                }}
              />
            )}
            <BlockMenu id={id} session={session} ui={ui} />
          </span>
        )}
      </div>
      <div className="frame-body">
        <BlockView id={id} block={block} session={session} readOnly={readOnly} />
      </div>
      {movable && (
        <span
          className="frame-resize"
          data-resize=""
          data-testid="resize-handle"
          title="Drag to resize"
          aria-hidden="true"
        />
      )}
    </>
  )
})

/** The commands a block's menu offers, by id; a line between the groups. */
const MENU: readonly (readonly string[])[] = [
  ['edit.cut', 'edit.copy', 'edit.duplicate', 'edit.lock', 'edit.unlock', 'edit.delete'],
  ['arrange.left', 'arrange.right', 'arrange.up', 'arrange.down'],
  ['arrange.wider', 'arrange.narrower', 'arrange.taller', 'arrange.shorter'],
]

function BlockMenu({ id, session, ui }: Pick<FrameProps, 'id' | 'session' | 'ui'>) {
  const actions = useActionsOf(id)
  // A command offered here acts on this block alone, whatever else is selected.
  const context = { ...contextOf(session, ui), selected: [id] }
  const own = actions.map(
    ({ label, icon: Icon, run, testId }): MenuItem => ({
      label,
      ...(Icon === undefined ? {} : { icon: <Icon /> }),
      ...(testId === undefined ? {} : { testId }),
      onSelect: run,
    }),
  )
  const groups = MENU.map((ids) => ids.flatMap((command) => commandItem(command, context) ?? []))
  const items = [own, ...groups].filter((group) => group.length > 0)
  return (
    <Menu
      trigger={<IconButton size="small" label="Block menu" icon={<Ellipsis />} data-testid="block-menu" />}
      items={items.flatMap((group, index) => (index === 0 ? group : [null, ...group]))}
    />
  )
}

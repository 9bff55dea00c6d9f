/**
 * The add menu: every type of block, found by typing, by its key or by pointing, and dragged from here onto the grid.
 *
 * One menu for the `+`, for `/` and for a double click; where the block goes is `ui.adding.spot`.
 */
import { Search } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'
import { useStore } from 'zustand'
import type { CanvasSession } from '../sync/session'
import { add } from './actions'
import { startArriving } from './arrive'
import { BLOCK_TYPES, type BlockType } from './blocks/types'
import { KeyCaps } from './KeyCaps'
import type { Adding, UiStore } from './ui'
import './commands.css'

/** The types all of whose typed words are somewhere in their name or purpose; those named so first. */
export const findTypes = (query: string, types: readonly BlockType[] = BLOCK_TYPES): BlockType[] => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const found = types.filter((type) => {
    const text = `${type.label} ${type.type} ${type.description}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
  const starts = (type: BlockType): number => (type.label.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1)
  return found.sort((a, b) => starts(a) - starts(b))
}

export default function AddPicker({ session, ui }: { session: CanvasSession; ui: UiStore }) {
  const adding = useStore(ui, (state) => state.adding)
  const canEdit = useStore(session.store, (state) => state.canEdit)
  // It must not be there again when the canvas can be changed again.
  useEffect(() => {
    if (!canEdit) ui.setState({ adding: null })
  }, [canEdit, ui])
  if (adding === null || !canEdit) return null
  return <Picker key={`${adding.x},${adding.y}`} session={session} ui={ui} adding={adding} />
}

function Picker({ session, ui, adding }: { session: CanvasSession; ui: UiStore; adding: Adding }) {
  const [query, setQuery] = useState('')
  const [active, setActive] = useState(0)
  const panel = useRef<HTMLDivElement>(null)
  const list = useId()
  const found = findTypes(query)
  const current = found[Math.min(active, found.length - 1)]

  // Where the keys were before; they go back there unless a block is added.
  const before = useRef<Element | null>(null)
  useEffect(() => {
    before.current = document.activeElement
    panel.current?.querySelector('input')?.focus({ preventScroll: true })
    const outside = (event: PointerEvent): void => {
      const target = event.target as Element
      if (!panel.current?.contains(target) && target.closest('[data-adding]') === null) ui.setState({ adding: null })
    }
    addEventListener('pointerdown', outside, true)
    return () => removeEventListener('pointerdown', outside, true)
  }, [ui])

  useLayoutEffect(() => {
    const element = panel.current
    if (element === null) return
    const { width, height } = element.getBoundingClientRect()
    const left = Math.max(8, Math.min(adding.x, innerWidth - width - 8))
    // Above the point when there is no room below it.
    const above = adding.y - height - 12
    const top =
      adding.y + height + 8 <= innerHeight ? adding.y : Math.max(8, above >= 8 ? above : innerHeight - height - 8)
    element.style.left = `${left}px`
    element.style.top = `${top}px`
    element.style.visibility = 'visible'
  }, [adding])

  const close = (back: boolean): void => {
    ui.setState({ adding: null })
    if (back && before.current instanceof HTMLElement) before.current.focus({ preventScroll: true })
  }
  const choose = (type: BlockType): void => {
    close(false)
    add(session, ui, type.type, type.createContent(), type.defaultSize, adding.spot)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const byKey = query === '' && !event.ctrlKey && !event.metaKey && found.find((type) => type.key === event.key)
    if (byKey) choose(byKey)
    else if (event.key === 'ArrowDown') setActive((index) => (Math.min(index, found.length - 1) + 1) % found.length)
    else if (event.key === 'ArrowUp') setActive((index) => (index - 1 + found.length) % found.length)
    else if (event.key === 'Home' && query === '') setActive(0)
    else if (event.key === 'End' && query === '') setActive(found.length - 1)
    else if (event.key === 'Enter' && current !== undefined) choose(current)
    else if (event.key === 'Escape' || event.key === 'Tab') close(true)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div
      ref={panel}
      className="add"
      role="dialog"
      aria-label="Add a block"
      data-testid="add-picker"
      style={{ visibility: 'hidden' }}
    >
      <div className="add-search">
        <Search aria-hidden="true" />
        <input
          role="combobox"
          aria-label="Find a type of block"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={current === undefined ? undefined : `${list}-${current.type}`}
          placeholder="Add a block"
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value)
            setActive(0)
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div className="add-list" id={list} role="listbox" aria-label="Types of blocks">
        {found.map((type, index) => {
          const Icon = type.icon
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's above, as in every combobox
            <div
              key={type.type}
              id={`${list}-${type.type}`}
              className="add-item"
              role="option"
              tabIndex={-1}
              aria-selected={type === current}
              data-testid={`add-${type.type}`}
              onPointerMove={() => setActive(index)}
              onPointerDown={(event) => {
                // The field keeps the focus.
                event.preventDefault()
                startArriving(event.nativeEvent, event.currentTarget, session, ui, type)
              }}
              onClick={() => choose(type)}
            >
              <span className="add-icon">
                <Icon />
              </span>
              <span className="add-text">
                <b>{type.label}</b>
                <small>{type.description}</small>
              </span>
              <KeyCaps keys={type.key} />
            </div>
          )
        })}
        {found.length === 0 && <p className="add-none">No type of block is called “{query}”.</p>}
      </div>
      <p className="add-hint">Choose one, or drag it to its place.</p>
    </div>
  )
}

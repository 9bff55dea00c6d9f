/** One canvas on the home page: its picture, its name, and what can be done with it as a whole. */
import { CopyPlus, Ellipsis, ExternalLink, Pencil, RotateCcw, Star, Trash2 } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { NAME_LIMIT } from '../../doc/limits'
import { Button, IconButton } from '../../ui/Button'
import { Menu } from '../../ui/Menu'
import { ago } from './ago'
import type { CanvasSummary } from './api'
import { Thumbnail } from './Thumbnail'

export type CardActions = {
  open: (canvas: CanvasSummary) => void
  startRename: (canvas: CanvasSummary) => void
  rename: (canvas: CanvasSummary, name: string | null) => void
  duplicate: (canvas: CanvasSummary) => void
  favourite: (canvas: CanvasSummary) => void
  remove: (canvas: CanvasSummary) => void
  restore: (canvas: CanvasSummary) => void
}

const ROLES: Record<string, string> = { owner: 'Owner', editor: 'Can edit', viewer: 'Can view' }

const blocks = (count: number): string => (count === 1 ? '1 block' : `${count} blocks`)

type Props = { canvas: CanvasSummary; renaming: boolean; actions: CardActions }

export function Card({ canvas, renaming, actions }: Props) {
  const owner = canvas.role === 'owner'
  const edits = owner || canvas.role === 'editor'
  const favourite = canvas.favourite === true
  const deleted = canvas.deleted_at !== null
  const when = canvas.deleted_at ?? canvas.updated_at
  return (
    <li className="card" data-testid="home-row" data-canvas-id={canvas.id} data-deleted={deleted ? '' : undefined}>
      <Thumbnail id={canvas.id} updatedAt={canvas.updated_at} />
      <div className="card-text">
        {renaming ? (
          <RenameInput name={canvas.name} onDone={(name) => actions.rename(canvas, name)} />
        ) : (
          <span className="card-title">
            {favourite && <Star className="card-favourite" aria-hidden />}
            {deleted ? (
              <span className="card-name">{canvas.name}</span>
            ) : (
              <Link className="card-name home-name" href={`/c/${canvas.id}`}>
                {canvas.name}
              </Link>
            )}
          </span>
        )}
        <p className="card-about">
          <time dateTime={when} title={new Date(when).toLocaleString()}>
            {deleted ? 'Deleted' : 'Changed'} {ago(when)}
          </time>
          <span>{blocks(canvas.block_count)}</span>
          <span>{ROLES[canvas.role] ?? canvas.role}</span>
        </p>
      </div>
      {deleted ? (
        <Button
          className="card-restore"
          disabled={!owner}
          title={owner ? undefined : 'Only its owner can restore it'}
          onClick={() => actions.restore(canvas)}
        >
          <RotateCcw /> Restore
        </Button>
      ) : (
        <div className="card-tools">
          <IconButton
            label={favourite ? `Remove ${canvas.name} from favourites` : `Add ${canvas.name} to favourites`}
            title={favourite ? 'Remove from favourites' : 'Add to favourites'}
            icon={<Star />}
            size="small"
            className="card-star"
            aria-pressed={favourite}
            data-testid="favourite"
            onClick={() => actions.favourite(canvas)}
          />
          <Menu
            keepFocus
            trigger={
              <IconButton label={`More for ${canvas.name}`} icon={<Ellipsis />} size="small" data-testid="row-menu" />
            }
            items={[
              { label: 'Open', icon: <ExternalLink />, onSelect: () => actions.open(canvas) },
              { label: 'Rename', icon: <Pencil />, disabled: !edits, onSelect: () => actions.startRename(canvas) },
              { label: 'Duplicate', icon: <CopyPlus />, onSelect: () => actions.duplicate(canvas) },
              {
                label: favourite ? 'Remove from favourites' : 'Add to favourites',
                icon: <Star />,
                onSelect: () => actions.favourite(canvas),
              },
              null,
              {
                label: 'Delete',
                icon: <Trash2 />,
                danger: true,
                disabled: !owner,
                onSelect: () => actions.remove(canvas),
              },
            ]}
          />
        </div>
      )}
    </li>
  )
}

function RenameInput({ name, onDone }: { name: string; onDone: (name: string | null) => void }) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    // After the menu has let go of the focus.
    const frame = requestAnimationFrame(() => {
      input.current?.focus()
      input.current?.select()
    })
    return () => cancelAnimationFrame(frame)
  }, [])
  return (
    <input
      ref={input}
      className="ui-input card-rename"
      aria-label="Name of the canvas"
      defaultValue={name}
      maxLength={NAME_LIMIT}
      onBlur={(event) => onDone(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') onDone(null)
      }}
    />
  )
}

/** Starting from a copy: the canvases there are, samples among them, as pictures to choose from. Loaded when asked for. */
import { Button } from '../../ui/Button'
import { Dialog } from '../../ui/Dialog'
import { type CanvasSummary, useCanvases } from './api'
import { Thumbnail } from './Thumbnail'

type Props = { busy: boolean; onClose: () => void; onPick: (canvas: CanvasSummary) => void }

export default function FromCanvas({ busy, onClose, onPick }: Props) {
  const list = useCanvases({ view: 'all', query: '' })
  const items = (list.data?.pages.flatMap((page) => page.items) ?? []).filter((canvas) => canvas.block_count > 0)
  return (
    <Dialog
      wide
      onClose={onClose}
      title="Start from a sample or another canvas"
      text="You get a copy of your own. The data it shows stays the same."
      actions={<Button onClick={onClose}>Cancel</Button>}
    >
      {items.length === 0 ? (
        <p className="home-none">{list.isPending ? 'Loading…' : 'There is no canvas to start from yet.'}</p>
      ) : (
        <ul className="pick">
          {items.map((canvas) => (
            <li key={canvas.id}>
              <button type="button" data-testid="pick-canvas" disabled={busy} onClick={() => onPick(canvas)}>
                <Thumbnail id={canvas.id} updatedAt={canvas.updated_at} />
                {canvas.name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  )
}

/** How a canvas is used, in a window over it. Loaded when it is first asked for. */
import { useState } from 'react'
import { Link } from 'wouter'
import { lastMe } from '../../app/me'
import { Button } from '../../ui/Button'
import { Dialog } from '../../ui/Dialog'
import { type Range, useCanvasUsage } from './api'
import { seesUsage } from './offered'
import { UsageView } from './UsageView'

type Props = { canvasId: string; onClose: () => void }

export default function CanvasUsage({ canvasId, onClose }: Props) {
  const [range, setRange] = useState<Range>(30)
  const read = useCanvasUsage(canvasId, range)
  return (
    <Dialog
      wide
      onClose={onClose}
      title="Usage of this canvas"
      actions={
        <>
          {seesUsage(lastMe()) && (
            <Link className="app-link usage-all" href="/usage" data-testid="usage-all">
              Usage of all canvases
            </Link>
          )}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <UsageView
        inDialog
        read={read}
        range={range}
        onRange={setRange}
        quiet="Nobody has opened this canvas in these days"
      />
    </Dialog>
  )
}

/** Asks what to do with changes that the server will never take. Loaded only when there are some. */
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'

type Props = { count: number; detail: string; onKeep: () => void; onDownload: () => void; onDiscard: () => void }

export default function LostDialog({ count, detail, onKeep, onDownload, onDiscard }: Props) {
  return (
    <Dialog
      onClose={onKeep}
      title={count === 1 ? 'One change was never saved' : `${count} changes were never saved`}
      text={`${detail} The changes are still on this device. Keep them if you may get access again, or take a copy.`}
      actions={
        <>
          {/* First, so that it has the focus: Enter must not delete anything. */}
          <Button kind="primary" onClick={onKeep}>
            Keep them
          </Button>
          <Button onClick={onDownload}>Download a copy</Button>
          <Button kind="danger" data-testid="discard" onClick={onDiscard}>
            Delete them
          </Button>
        </>
      }
    />
  )
}

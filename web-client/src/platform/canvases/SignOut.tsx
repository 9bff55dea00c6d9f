/** Asks before signing out deletes changes that no server has. Loaded only when there are some. */
import { Button } from '../../ui/Button'
import { Dialog } from '../../ui/Dialog'

type Props = { count: number; onCancel: () => void; onConfirm: () => void }

export default function SignOut({ count, onCancel, onConfirm }: Props) {
  return (
    <Dialog
      onClose={onCancel}
      title={count === 1 ? 'One change is not saved yet' : `${count} changes are not saved yet`}
      text="Signing out removes what this device keeps of your canvases. Open the canvas while the server can be reached to save them first."
      actions={
        <>
          <Button kind="primary" onClick={onCancel}>
            Stay signed in
          </Button>
          <Button kind="danger" onClick={onConfirm}>
            Delete them and sign out
          </Button>
        </>
      }
    />
  )
}

/** The first steps while a canvas is open. */
import { useLocation } from 'wouter'
import { blocksMap } from '../doc/schema'
import { useY } from '../doc/useY'
import type { CanvasSession } from '../sync/session'
import { Checklist } from './Checklist'
import { chooseFiles } from './chooseFiles'

export default function ChecklistOnCanvas({ session, readOnly }: { session: CanvasSession; readOnly: boolean }) {
  const [, navigate] = useLocation()
  const filled = useY(blocksMap(session.doc), (blocks) => blocks.size > 0)
  return (
    <Checklist
      userId={session.user.id}
      canvas={{ id: session.canvasId, filled }}
      onSample={() => navigate('/')}
      {...(readOnly ? {} : { onData: chooseFiles })}
    />
  )
}

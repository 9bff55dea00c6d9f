/** Tells the server that a file was made of a block here: it counts exports, and these are made without it. */
import { api } from '../../app/api'

export const noteExport = (canvasId: string, block: string, kind: 'png' | 'csv'): void => {
  // Nobody waits for it, and a file that is not counted is a file all the same.
  void api<void>(`/v1/canvases/${encodeURIComponent(canvasId)}/exports`, {
    method: 'POST',
    json: { kind, block },
  }).catch(() => undefined)
}

/**
 * A canvas as a file for `jabiru import`, with its history. Read into memory and not by a link: a visit with a token has no
 * cookie that a link would send, and what goes wrong is said. Loaded when it is first asked for.
 */
import { ApiError, describeError, refusal, visitToken } from '../../app/api'
import { fileName, saveBlob } from '../../canvas/blocks/download'
import { toast } from '../../ui/Toast'

const read = async (canvasId: string): Promise<Blob> => {
  const token = visitToken()
  let response: Response
  try {
    response = await fetch(`/v1/canvases/${encodeURIComponent(canvasId)}/export`, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      credentials: 'same-origin',
    })
    if (response.ok) return await response.blob()
  } catch {
    throw new ApiError(0, 'Cut off', 'The server cannot be reached. Check that it runs, then try again.')
  }
  throw refusal(response.status, await response.text().catch(() => ''), 'Refused')
}

/** On their way: a second press does not make a second file. */
const busy = new Set<string>()

export async function downloadCanvas(canvasId: string, name: string): Promise<void> {
  if (busy.has(canvasId)) return
  busy.add(canvasId)
  try {
    saveBlob(fileName(name, 'canvas', 'jabiru'), await read(canvasId))
  } catch (error) {
    toast(`The canvas was not downloaded. ${describeError(error)}`)
  } finally {
    busy.delete(canvasId)
  }
}

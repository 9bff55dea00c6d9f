/** A file or a pasted table as a canvas of its own: uploaded, shown by a chart and a table, named after the file. */
import { blocksFor, titleOf, upload } from '../../canvas/ingestUpload'
import { NAME_LIMIT } from '../../doc/limits'
import type { Dataset } from '../datasets/api'
import { type CanvasSummary, createCanvas } from './api'

export { failureOf } from '../../canvas/ingestUpload'

/** Kept between tries: a canvas that could not be made does not need its data sent again. */
export type Attempt = { file: File; uploaded?: Awaited<ReturnType<typeof upload>> }

export async function canvasFrom(
  attempt: Attempt,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<{ canvas: CanvasSummary; dataset: Dataset }> {
  attempt.uploaded ??= await upload(attempt.file, progress, signal)
  const blocks = blocksFor(attempt.uploaded).map(({ type, content, at: [x, y], size: [w, h] }) => ({
    // Ids need only be different from each other on one canvas.
    id: `${type}-${Math.random().toString(36).slice(2, 10)}`,
    type,
    position: { x, y, w, h },
    content,
  }))
  const name = titleOf(attempt.file.name).slice(0, NAME_LIMIT)
  return { canvas: await createCanvas(name, { blocks }), dataset: attempt.uploaded.dataset }
}

/**
 * One upload at a time into one image block. Owns what is told of it; the document is written once, when the image is on
 * the server.
 */
import { useCallback, useEffect, useRef, useState } from 'react'
import { describeError } from '../../../app/api'
import { type Block, blocksMap, setContent, step } from '../../../doc/schema'
import { uploadImage } from '../../../platform/images/api'
import { useKeepImage } from '../../../platform/images/hooks'
import type { CanvasSession } from '../../../sync/session'

export type Upload =
  | { state: 'idle' }
  | { state: 'sending'; file: File; share: number }
  | { state: 'refused'; name: string; message: string }

export interface Uploader {
  upload: Upload
  start: (file: File) => void
  stop: () => void
}

const IDLE: Upload = { state: 'idle' }

export function useUpload(id: string, block: Block, session: CanvasSession): Uploader {
  const [upload, setUpload] = useState<Upload>(IDLE)
  const running = useRef<AbortController | null>(null)
  const keep = useKeepImage()

  useEffect(() => () => running.current?.abort(), [])

  const start = useCallback(
    (file: File) => {
      running.current?.abort()
      const control = new AbortController()
      running.current = control
      setUpload({ state: 'sending', file, share: 0 })
      const progress = (share: number) => {
        if (!control.signal.aborted) setUpload({ state: 'sending', file, share })
      }
      uploadImage(file, progress, control.signal).then(
        (image) => {
          if (control.signal.aborted) return
          setUpload(IDLE)
          // Somebody may have deleted the block, or this session may have become a viewer's, while it was sent.
          if (blocksMap(session.doc).get(id) !== block || !session.canEdit) return
          keep(image, file)
          step(session, () => setContent(block, ['image_id'], image.id))
        },
        (error: unknown) => {
          if (!control.signal.aborted) {
            setUpload({ state: 'refused', name: file.name, message: describeError(error) })
          }
        },
      )
    },
    [id, block, session, keep],
  )
  const stop = useCallback(() => {
    running.current?.abort()
    setUpload(IDLE)
  }, [])
  return { upload, start, stop }
}

/** A file on its way to becoming a dataset: how far it is, and what was wrong with it, with the place in the file. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { describeError } from '../../app/api'
import { type Dataset, placeOf, uploadDataset } from './api'
import { useAddDataset } from './hooks'

/** Files above this are refused before they are sent, bytes. The server's own default limit. */
export const MAX_FILE = 64 * 1_048_576

/** What a dataset is made of, for a window that chooses files. */
export const ACCEPTED = '.csv,.json,text/csv,application/json'

export type Upload =
  | { state: 'idle' }
  | { state: 'sending'; name: string; share: number }
  | { state: 'failed'; name: string; place: string; message: string }

export function useUpload(onDone: (dataset: Dataset) => void): {
  upload: Upload
  send: (file: File) => void
  stop: () => void
} {
  const addDataset = useAddDataset()
  const [upload, setUpload] = useState<Upload>({ state: 'idle' })
  const abort = useRef<AbortController | null>(null)
  const done = useRef(onDone)
  done.current = onDone

  useEffect(() => () => abort.current?.abort(), [])

  const send = useCallback(
    async (file: File): Promise<void> => {
      const { name } = file
      if (file.size > MAX_FILE) {
        const size = `${Math.ceil(file.size / 1_048_576)} MiB`
        const message = `The file has ${size}; a dataset may have ${MAX_FILE / 1_048_576} MiB.`
        setUpload({ state: 'failed', name, place: '', message })
        return
      }
      // One at a time: a second file takes the place of the first.
      abort.current?.abort()
      const controller = new AbortController()
      abort.current = controller
      setUpload({ state: 'sending', name, share: 0 })
      try {
        const progress = (share: number): void => {
          if (!controller.signal.aborted) setUpload({ state: 'sending', name, share })
        }
        const dataset = await uploadDataset(file, progress, controller.signal)
        addDataset(dataset)
        setUpload({ state: 'idle' })
        done.current(dataset)
      } catch (error) {
        if (!controller.signal.aborted) {
          setUpload({ state: 'failed', name, place: placeOf(error), message: describeError(error) })
        } else if (abort.current === controller) setUpload({ state: 'idle' })
      }
    },
    [addDataset],
  )
  const stop = useCallback(() => abort.current?.abort(), [])
  return { upload, send: (file) => void send(file), stop }
}

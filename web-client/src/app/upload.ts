/**
 * Sends a file as the body of a request. XMLHttpRequest and not fetch, because only it reports how much has been sent.
 * Owns how an upload ends; what a refusal means is the slice's to say.
 */
import { ApiError, visitToken } from './api'

type Sent = {
  path: string
  file: Blob
  contentType: string
  /** Called with 0 to 1; 1 means sent, the server may still be reading. */
  progress?: (share: number) => void
  signal?: AbortSignal | undefined
  /** A refusal in words. */
  problem: (status: number, body: string) => ApiError
  /** The sentence for when the server could not be reached, or closed while the file was sent. */
  cutOff: string
}

export function upload<T>({ path, file, contentType, progress, signal, problem, cutOff }: Sent): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new ApiError(0, 'Upload stopped', 'The upload was stopped.'))
    if (signal?.aborted) return stopped()
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.setRequestHeader('content-type', contentType)
    request.setRequestHeader('accept', 'application/json')
    const token = visitToken()
    if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) progress?.(event.loaded / event.total)
    }
    request.onload = () => {
      if (request.status < 200 || request.status >= 300) {
        reject(problem(request.status, request.responseText))
        return
      }
      try {
        resolve(JSON.parse(request.responseText) as T)
      } catch {
        reject(new ApiError(request.status, 'Unreadable answer', 'The server sent an answer that is not JSON.'))
      }
    }
    // A server that refuses a large body may close before it is all sent, and browsers report that as a network error.
    request.onerror = () => reject(new ApiError(0, 'Upload cut off', cutOff))
    request.onabort = stopped
    signal?.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

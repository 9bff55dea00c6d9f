/**
 * Images in React: one cached copy of an image, however many blocks show it, and its address while one does.
 * An image never changes once it is uploaded, so what was read stays good; only failures are tried again.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { mayHelp } from '../datasets/api'
import { readImage, type UploadedImage } from './api'

/** While an image could not be read, look again this often (milliseconds). */
const RETRY_EVERY = 15_000

const keyOf = (id: string) => ['image', id] as const

/** The address of bytes in memory for as long as the caller is on screen. */
export function useBlobUrl(blob: Blob | null | undefined): string | null {
  const [url, setUrl] = useState<string | null>(null)
  useEffect(() => {
    if (!blob) return
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => {
      setUrl(null)
      URL.revokeObjectURL(made)
    }
  }, [blob])
  return url
}

/** The bytes of an image; an empty id reads nothing. */
export const useImage = (id: string) =>
  useQuery({
    queryKey: keyOf(id),
    queryFn: ({ signal }) => readImage(id, signal),
    enabled: id !== '',
    networkMode: 'always',
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    structuralSharing: false,
    retry: (count, error) => count < 2 && mayHelp(error),
    retryDelay: (attempt) => 400 * 2 ** attempt,
    refetchInterval: ({ state }) => (state.status === 'error' && mayHelp(state.error) ? RETRY_EVERY : false),
  })

/** Keeps what was just uploaded, so that it is not read back from the server to be shown. */
export function useKeepImage(): (image: UploadedImage, file: Blob) => void {
  const client = useQueryClient()
  return useCallback(
    (image, file) => client.setQueryData(keyOf(image.id), new Blob([file], { type: image.media_type })),
    [client],
  )
}

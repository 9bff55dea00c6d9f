/**
 * A picture: chosen, dropped or pasted, then shown from memory. Until it is there the block keeps its size and says what it
 * waits for. Who may edit is reminded of the words for people who do not see it.
 */
import { CloudOff, ImageOff, ImagePlus, ImageUp, TriangleAlert } from 'lucide-react'
import { type DragEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { ApiError, describeError } from '../../../app/api'
import { type BlockProps, setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { IMAGE_ACCEPT, MAX_IMAGE } from '../../../platform/images/api'
import { useBlobUrl, useImage } from '../../../platform/images/hooks'
import { Button } from '../../../ui/Button'
import { Message } from '../states'
import { ALT_LIMIT, type ImageContent, pictureIn, readImageContent } from './fields'
import './image.css'
import { type Uploader, useUpload } from './useUpload'

export default function ImageBlock({ id, block, session, readOnly }: BlockProps) {
  const content = useY(block, readImageContent)
  const uploader = useUpload(id, block, session)
  const root = useRef<HTMLDivElement>(null)
  const drop = useDrop(!readOnly, uploader.start)
  const empty = content.imageId === ''
  usePaste(root, !readOnly && empty, uploader.start)

  return (
    <div ref={root} className="image" data-over={drop.over ? '' : undefined} {...drop.handlers}>
      {uploader.upload.state === 'sending' ? (
        <Sending file={uploader.upload.file} share={uploader.upload.share} stop={uploader.stop} />
      ) : empty ? (
        <Chooser uploader={uploader} readOnly={readOnly} />
      ) : (
        <Shown content={content}>
          {!readOnly && content.alt === '' && content.caption === '' && (
            <Describe onDescribe={(alt) => step(session, () => setContent(block, ['alt'], alt))} />
          )}
        </Shown>
      )}
      {!empty && uploader.upload.state === 'refused' && (
        <p className="image-refused" role="alert">
          {uploader.upload.message}
          <button type="button" onClick={uploader.stop}>
            Close
          </button>
        </p>
      )}
      {drop.over && (
        <p className="image-drop" aria-hidden="true">
          <ImageUp />
          {empty ? 'Drop the image' : 'Drop to replace'}
        </p>
      )}
    </div>
  )
}

/** Nothing yet: the three ways to bring a picture, and why the last one was not taken. */
function Chooser({ uploader, readOnly }: { uploader: Uploader; readOnly: boolean }) {
  const file = useRef<HTMLInputElement>(null)
  const { upload } = uploader
  if (readOnly) return <Message icon={<ImagePlus aria-hidden />} title="No image yet" />
  return (
    <div className="image-empty">
      <input
        ref={file}
        type="file"
        accept={IMAGE_ACCEPT}
        className="visually-hidden"
        tabIndex={-1}
        aria-label="Image file"
        data-testid="image-file"
        onChange={(event) => {
          const chosen = event.target.files?.[0]
          // The same file may be chosen again after it was made smaller.
          event.target.value = ''
          if (chosen) uploader.start(chosen)
        }}
      />
      <ImagePlus aria-hidden />
      <Button onClick={() => file.current?.click()} data-testid="image-choose">
        Choose an image
      </Button>
      {upload.state === 'refused' ? (
        <p className="image-error" role="alert" data-testid="image-error">
          <strong>{upload.name} was not taken.</strong> {upload.message}
        </p>
      ) : (
        <p className="image-hint">or drop or paste one. PNG, JPEG, WebP or GIF, up to {MAX_IMAGE / 1_048_576} MiB</p>
      )}
    </div>
  )
}

function Sending({ file, share, stop }: { file: File; share: number; stop: () => void }) {
  const preview = useBlobUrl(file)
  return (
    <div className="image-sending" data-testid="image-sending">
      {preview && <img src={preview} alt="" />}
      <div className="image-progress">
        <span>{share < 1 ? `Adding ${file.name}` : `Checking ${file.name}`}</span>
        <progress value={share < 1 ? share : undefined} max={1} aria-label={`Upload of ${file.name}`} />
        <Button kind="quiet" onClick={stop}>
          Stop
        </Button>
      </div>
    </div>
  )
}

function Shown({ content, children }: { content: ImageContent; children: ReactNode }) {
  const { imageId, alt, caption, fit } = content
  const image = useImage(imageId)
  const url = useBlobUrl(image.data)
  // Bytes that begin like a picture and are none are only found out by drawing them.
  const [broken, setBroken] = useState<string | null>(null)
  const words = alt || caption

  if (image.isError) return <Gone error={image.error} retry={() => void image.refetch()} trying={image.isFetching} />
  if (url !== null && broken === url) {
    return (
      <Message icon={<ImageOff aria-hidden />} title="This image could not be shown">
        <p>The file is damaged or not a picture. {words && `It is described as: ${words}`}</p>
      </Message>
    )
  }
  return (
    <figure className="image-figure" data-fit={fit}>
      <div className="image-stage">
        {url === null ? (
          <div className="image-skeleton" role="status" aria-label={words ? `Loading ${words}` : 'Loading an image'} />
        ) : (
          <img
            src={url}
            // With a caption the words are beside it already: read twice they would only be in the way.
            alt={alt || (caption ? '' : 'Image without a description')}
            draggable={false}
            data-testid="image"
            onError={() => setBroken(url)}
          />
        )}
        {url !== null && children}
      </div>
      {caption !== '' && <figcaption>{caption}</figcaption>}
    </figure>
  )
}

function Gone({ error, retry, trying }: { error: unknown; retry: () => void; trying: boolean }) {
  const status = error instanceof ApiError ? error.status : 0
  if (status === 404 || status === 403) {
    return (
      <Message icon={<ImageOff aria-hidden />} title="This image cannot be shown">
        <p role="alert">{describeError(error)}</p>
      </Message>
    )
  }
  return (
    <Message icon={<CloudOff aria-hidden />} title="The image could not be loaded">
      <p role="alert">{describeError(error)}</p>
      <Button onClick={retry} disabled={trying}>
        {trying ? 'Trying…' : 'Retry'}
      </Button>
    </Message>
  )
}

/** The reminder: a small button that becomes the field for the words. */
function Describe({ onDescribe }: { onDescribe: (alt: string) => void }) {
  const [open, setOpen] = useState(false)
  const [draft, setDraft] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (open) field.current?.focus()
  }, [open])
  if (!open) {
    return (
      <button type="button" className="image-nudge" data-testid="image-describe" onClick={() => setOpen(true)}>
        <TriangleAlert aria-hidden /> Describe this image
      </button>
    )
  }
  const done = () => {
    if (draft.trim() !== '') onDescribe(draft.trim())
    setOpen(false)
  }
  return (
    <input
      ref={field}
      className="image-alt ui-input"
      aria-label="Description for people who cannot see the image"
      placeholder="What the image shows, for people who cannot see it"
      maxLength={ALT_LIMIT}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return
        if (event.key === 'Enter') done()
        else if (event.key === 'Escape') {
          event.stopPropagation()
          setDraft('')
          setOpen(false)
        }
      }}
    />
  )
}

/** One picture is for this block. Several, and anything else, are for the canvas, which makes blocks of them. */
const isPicture = (event: DragEvent): boolean => {
  const files = [...event.dataTransfer.items].filter((item) => item.kind === 'file')
  return files.length === 1 && files.every((file) => file.type.startsWith('image/'))
}

/** A picture dropped on the block goes into it. Entering a child is told as leaving the parent, so the two are counted. */
function useDrop(enabled: boolean, take: (file: File) => void) {
  const depth = useRef(0)
  const [over, setOver] = useState(false)
  const handlers = enabled
    ? {
        onDragEnter: (event: DragEvent) => {
          if (!isPicture(event)) return
          // The canvas leaves alone what was prevented here.
          event.preventDefault()
          depth.current++
          setOver(true)
        },
        onDragOver: (event: DragEvent) => {
          if (!isPicture(event)) return
          event.preventDefault()
          event.dataTransfer.dropEffect = 'copy'
        },
        onDragLeave: () => {
          depth.current = Math.max(0, depth.current - 1)
          if (depth.current === 0) setOver(false)
        },
        onDrop: (event: DragEvent) => {
          depth.current = 0
          setOver(false)
          const file = pictureIn(event.dataTransfer)
          if (!file || !isPicture(event)) return
          event.preventDefault()
          take(file)
        },
      }
    : {}
  return { over: enabled && over, handlers }
}

/** A picture pasted while this block has the focus goes into it, and not beside it as a block of its own. */
function usePaste(root: { current: HTMLElement | null }, enabled: boolean, take: (file: File) => void): void {
  useEffect(() => {
    if (!enabled) return
    const onPaste = (event: ClipboardEvent) => {
      const frame = root.current?.closest('[data-block-id]') ?? root.current
      if (!frame?.contains(document.activeElement)) return
      // Spreadsheets put a picture of the cells beside their text: the text is what was meant, and it is not for here.
      if (event.clipboardData?.getData('text/plain')) return
      const file = pictureIn(event.clipboardData)
      if (!file) return
      event.preventDefault()
      event.stopImmediatePropagation()
      take(file)
    }
    // Before the canvas hears of it.
    addEventListener('paste', onPaste, true)
    return () => removeEventListener('paste', onPaste, true)
  }, [root, enabled, take])
}

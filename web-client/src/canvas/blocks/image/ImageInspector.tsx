/** The settings of an image: which one, its words, how it fills the block. */
import { ImageUp, Trash2 } from 'lucide-react'
import { useRef } from 'react'
import { type Json, setContent, step } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import { IMAGE_ACCEPT } from '../../../platform/images/api'
import { Button } from '../../../ui/Button'
import { Commit } from '../fields'
import type { InspectorProps } from '../registry'
import { Segments } from '../Segments'
import { readImageContent } from './fields'
import { useUpload } from './useUpload'

export default function ImageInspector({ id, block, session, editable }: InspectorProps) {
  const { imageId, alt, caption, fit } = useY(block, readImageContent)
  const { upload, start, stop } = useUpload(id, block, session)
  const file = useRef<HTMLInputElement>(null)
  const set = (key: string, value: Json) => step(session, () => setContent(block, [key], value))
  return (
    <div className="insp">
      <input
        ref={file}
        type="file"
        accept={IMAGE_ACCEPT}
        className="visually-hidden"
        tabIndex={-1}
        aria-label="Image file"
        data-testid="image-replace-file"
        disabled={!editable}
        onChange={(event) => {
          const chosen = event.target.files?.[0]
          event.target.value = ''
          if (chosen) start(chosen)
        }}
      />
      {upload.state === 'sending' ? (
        <div className="insp-sending">
          <progress
            value={upload.share < 1 ? upload.share : undefined}
            max={1}
            aria-label={`Upload of ${upload.file.name}`}
          />
          <Button kind="quiet" onClick={stop}>
            Stop
          </Button>
        </div>
      ) : (
        <div className="insp-pair">
          <Button disabled={!editable} onClick={() => file.current?.click()}>
            <ImageUp aria-hidden /> {imageId === '' ? 'Choose…' : 'Replace…'}
          </Button>
          {imageId !== '' && (
            <Button disabled={!editable} onClick={() => set('image_id', '')}>
              <Trash2 aria-hidden /> Remove
            </Button>
          )}
        </div>
      )}
      {upload.state === 'refused' && (
        <p className="insp-error" role="alert">
          <strong>{upload.name} was not taken.</strong> {upload.message}
        </p>
      )}
      <div>
        <Commit label="Description" value={alt} disabled={!editable} onCommit={(value) => set('alt', value)} />
        <p className="insp-hint" data-wanted={alt === '' && imageId !== '' ? '' : undefined}>
          What the image shows, for people who cannot see it.
        </p>
      </div>
      <Commit label="Caption" value={caption} disabled={!editable} onCommit={(value) => set('caption', value)} />
      <Segments
        label="Size"
        value={fit}
        disabled={!editable}
        options={[
          { value: 'contain', label: 'Whole image' },
          { value: 'cover', label: 'Fill the block' },
        ]}
        onChange={(value) => set('fit', value)}
      />
    </div>
  )
}

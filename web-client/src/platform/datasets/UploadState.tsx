/** How far an upload is, or why a file was not taken. */
import { Button } from '../../ui/Button'
import type { Upload } from './useUpload'

export function UploadState({ upload, onStop }: { upload: Upload; onStop: () => void }) {
  if (upload.state === 'sending') {
    return (
      <div className="ds-upload">
        <div className="ds-upload-name" role="status">
          {upload.share < 1 ? `Uploading ${upload.name}` : `Reading ${upload.name}`}
        </div>
        <progress value={upload.share < 1 ? upload.share : undefined} max={1} aria-label={`Upload of ${upload.name}`} />
        <Button kind="quiet" onClick={onStop}>
          Stop
        </Button>
      </div>
    )
  }
  if (upload.state === 'failed') {
    return (
      <div className="ds-error" role="alert" data-testid="dataset-error">
        <strong>{upload.name} was not taken.</strong> {upload.place && <span>{upload.place}: </span>}
        {upload.message}
      </div>
    )
  }
  return null
}

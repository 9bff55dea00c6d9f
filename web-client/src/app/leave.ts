/** Everything this device keeps of a person's canvases goes: they signed out, or somebody else signed in. */
import { forgetList } from '../platform/canvases/api'
import { forgetThumbnails } from '../platform/canvases/thumbnail/forget'
import { forgetAll, forgetTab } from '../sync/device'

export const forgetDevice = async (): Promise<void> => {
  forgetList()
  forgetTab()
  await Promise.all([forgetAll().catch(() => undefined), forgetThumbnails()])
}

/** The settings of an image. */
export default function ImageInspector() {
  return null
}

/** A picture somebody uploaded. */
import { Image } from 'lucide-react'
import { Message } from '../states'

export default function ImageBlock() {
  return <Message icon={<Image aria-hidden />} title="No image" />
}

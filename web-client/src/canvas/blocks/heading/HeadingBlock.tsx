/** The title of a section. */
import { type BlockProps, getContent } from '../../../doc/schema'
import { useY } from '../../../doc/useY'
import './heading.css'

export default function HeadingBlock({ block }: BlockProps) {
  const text = useY(block, (map) => getContent(map, ['text']))
  return <h2>{typeof text === 'string' ? text : ''}</h2>
}

/** One number from a dataset. */
import type { BlockProps } from '../../../doc/schema'
import { useSource } from '../source'
import { NoSource } from '../states'

export default function MetricBlock({ block, readOnly }: BlockProps) {
  const source = useSource(block)
  return <NoSource foreign={source.state === 'none' && source.kind === 'foreign'} readOnly={readOnly} />
}

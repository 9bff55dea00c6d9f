/** Keys as small caps, one for each: Ctrl, Shift, Z. For eyes only; the same keys are said by `aria-keyshortcuts`. */
import { keyCaps } from './keys'

export function KeyCaps({ keys }: { keys: string }) {
  return (
    <span className="ui-keys" aria-hidden="true">
      {keyCaps(keys).map((cap) => (
        <kbd key={cap}>{cap}</kbd>
      ))}
    </span>
  )
}

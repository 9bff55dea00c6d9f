/** A line across the canvas. It shares nothing but its place. */
import '../heading/heading.css'

export default function DividerBlock() {
  return (
    <div className="divider">
      <hr />
    </div>
  )
}

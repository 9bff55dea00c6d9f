/** The settings of a metric. */
export default function MetricInspector() {
  return null
}

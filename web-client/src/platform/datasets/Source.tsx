/** Where a dataset is from: a link where it is one, in its short form. */
export function Source({ text }: { text: string }) {
  return /^https?:\/\//i.test(text) ? (
    <a href={text} target="_blank" rel="noopener noreferrer">
      {hostOf(text)}
    </a>
  ) : (
    text
  )
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}

/**
 * Where menus and lists of suggestions are drawn: above everything, outside of what they were opened from, and yet in a
 * landmark of the page, so that who walks from landmark to landmark comes by them.
 */
const ID = 'floating'

export const floating = (): HTMLElement => {
  const known = document.getElementById(ID)
  if (known !== null) return known
  const made = document.createElement('section')
  made.id = ID
  made.setAttribute('aria-label', 'Menus')
  document.body.append(made)
  return made
}

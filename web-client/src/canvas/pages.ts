/**
 * A canvas as pages to present. Pure: places of blocks in, vertical ranges out.
 *
 * Blocks that stand beside each other are one row and stay together. A page takes as many rows as fit into the window; a
 * heading begins a new one; a row that is higher than the window is gone through in parts.
 */
export type Tile = { id: string; top: number; height: number; heading: boolean }
export type Page = { top: number; bottom: number }

/** How much of the window is shown again when a high row goes on. */
const OVERLAP = 0.12

type Row = Page & { heading: boolean }

const rowsOf = (tiles: readonly Tile[]): Row[] => {
  const rows: Row[] = []
  for (const { top, height, heading } of [...tiles].sort((a, b) => a.top - b.top)) {
    const row = rows.at(-1)
    if (row !== undefined && top < row.bottom) {
      row.bottom = Math.max(row.bottom, top + height)
      row.heading &&= heading
    } else rows.push({ top, bottom: top + height, heading })
  }
  return rows
}

export const pagesOf = (tiles: readonly Tile[], room: number): Page[] => {
  const pages: Page[] = []
  let page: (Page & { lead: boolean }) | null = null
  for (const row of rowsOf(tiles)) {
    // Headings below one another, a title and its section for example, are not torn apart.
    const opens = row.heading && page?.lead !== true
    if (page !== null && !opens && row.bottom - page.top <= room) {
      page.bottom = row.bottom
      page.lead &&= row.heading
      continue
    }
    page = { top: row.top, bottom: row.bottom, lead: row.heading }
    pages.push(page)
    const step = Math.max(1, room * (1 - OVERLAP))
    for (let top = row.top; row.bottom - top > room; ) {
      if (page !== null) page.bottom = top + room
      top = Math.min(top + step, row.bottom - room)
      page = { top, bottom: row.bottom, lead: false }
      pages.push(page)
      if (top + room >= row.bottom) break
    }
  }
  return pages.map(({ top, bottom }) => ({ top, bottom }))
}

/** The page that shows `y`, or the nearest one. */
export const pageAt = (pages: readonly Page[], y: number): number => {
  let best = 0
  for (const [index, { top }] of pages.entries()) if (top <= y + 1) best = index
  return best
}

/** The pictures of canvases kept on this device. Apart from the drawing, so that signing out need not load it. */
export const THUMBNAILS = 'jabiru-thumbnails'

export const forgetThumbnails = (): Promise<void> =>
  new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(THUMBNAILS)
    // Another tab that still holds it lets go and the deletion follows; nobody waits for that here.
    request.onsuccess = request.onerror = request.onblocked = () => resolve()
  })

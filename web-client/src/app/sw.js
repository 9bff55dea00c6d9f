/*
 * The service worker: the app's own files, so that a canvas opens with the server away. The build fills in the list.
 *
 * It never answers for the API, the socket, or the login link. `ignoreVary`: a `Vary: Origin` header would make module
 * scripts miss the cache exactly when they are needed.
 */
const CACHE = '__CACHE__'
const FILES = ['__FILES__']
const SERVER = /^\/(v1|login|healthz|readyz|metrics|docs)(\/|$)/

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' }))))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      // The build before this one stays: pages that still run it load their lazy parts from there.
      .then((names) => names.filter((name) => name.startsWith('jabiru-') && name !== CACHE))
      .then((old) => Promise.all(old.slice(0, -1).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || SERVER.test(url.pathname)) return
  if (request.mode === 'navigate') event.respondWith(page(request))
  else if (url.pathname.startsWith('/assets/') || FILES.includes(url.pathname)) event.respondWith(file(request))
})

/** The newest page when the server answers soon, else the one of this build. */
async function page(request) {
  const kept = await caches.match('/', { ignoreVary: true })
  if (kept === undefined) return fetch(request)
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(3000) })
    return answer.status < 500 ? answer : kept
  } catch {
    return kept
  }
}

/** Names carry a hash of the content: what is in the cache is right. */
async function file(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request)
}

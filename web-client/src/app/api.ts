/**
 * The HTTP client: `/v1` in and out as JSON, refusals as ApiError.
 *
 * Owns: headers, the token of a visit, reading problem+json. Refuses caching (react-query does that) and routes of
 * slices (`platform/*` name their own).
 */

/** A refusal by the server (RFC 9457), or status 0 when it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    /** Further members of the problem, for instance `line` and `column` of a bad file. */
    readonly extra: Record<string, unknown> = {},
  ) {
    super(detail === '' ? title : detail)
    this.name = 'ApiError'
  }
}

/** The sentence to show for any error: what happened, in the server's words where it has some. */
export const describeError = (error: unknown): string =>
  error instanceof ApiError ? error.message : error instanceof Error ? error.message : 'Something went wrong.'

const TOKEN_KEY = 'jabiru.token'

/** Moves `?token=` of the address into this tab's storage: addresses are logged, shared and bookmarked. */
export const adoptToken = (): void => {
  const address = new URL(location.href)
  const token = address.searchParams.get('token')
  if (token === null || location.pathname === '/login') return
  sessionStorage.setItem(TOKEN_KEY, token)
  address.searchParams.delete('token')
  history.replaceState(null, '', address)
}

/** The signed token this tab was opened with, if any; otherwise the cookie identifies the person. */
export const visitToken = (): string | undefined => sessionStorage.getItem(TOKEN_KEY) ?? undefined

/** Forgets that token: it was refused, or the person signs out. */
export const dropToken = (): void => sessionStorage.removeItem(TOKEN_KEY)

type Options = {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is, with `contentType`. */
  body?: BodyInit
  contentType?: string
  query?: Record<string, string | number | boolean | undefined | null>
  signal?: AbortSignal
}

export async function api<T>(path: string, options: Options = {}): Promise<T> {
  const { method = 'GET', json, body, contentType, query = {}, signal } = options
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(key, String(value))
  }
  const headers: Record<string, string> = { Accept: 'application/json' }
  const token = visitToken()
  if (token !== undefined) headers.Authorization = `Bearer ${token}`
  if (json !== undefined) headers['Content-Type'] = 'application/json'
  else if (contentType !== undefined) headers['Content-Type'] = contentType

  let response: Response
  try {
    response = await fetch(`${path}${search.size > 0 ? `?${search}` : ''}`, {
      method,
      headers,
      credentials: 'same-origin',
      ...(json !== undefined ? { body: JSON.stringify(json) } : body !== undefined ? { body } : {}),
      ...(signal !== undefined ? { signal } : {}),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(
      0,
      'The server cannot be reached',
      'The server cannot be reached. Check that it runs, then try again.',
    )
  }
  if (!response.ok) {
    throw refusal(response.status, await response.text().catch(() => ''), response.statusText || 'Refused')
  }
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    throw new ApiError(response.status, 'Unreadable answer', 'The server sent an answer that is not JSON.')
  }
}

/**
 * The problem in the body of a refusal. Where it brings no sentence (a proxy in between answers in HTML) there are `words`
 * for it, and `name` where it brings no title.
 */
export function refusal(
  status: number,
  body: string,
  name: string,
  words: (extra: Record<string, unknown>) => string | undefined = () => undefined,
): ApiError {
  let members: Record<string, unknown> = {}
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json === 'object' && json !== null) members = json as Record<string, unknown>
  } catch {
    // A proxy's page, or nothing at all.
  }
  const { title, detail, type: _type, status: _status, ...extra } = members
  const named = typeof title === 'string'
  const said = typeof detail === 'string' && detail !== ''
  const sentence = said ? detail : (words(extra) ?? (named ? '' : `The server answered ${status}.`))
  return new ApiError(status, named ? title : name, sentence, extra)
}

/**
 * Caching headers. Every answer starts as uncacheable, since most carry a token or a verdict about one; the few public
 * documents (metadata, keys) opt out afterwards.
 */
import type { ServerResponse } from 'node:http'

/** RFC 6749 §5.1 wants both headers. */
export function setNoStore(res: ServerResponse): void {
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Pragma', 'no-cache')
}

/** For documents that are the same for everybody, such as RFC 8414 metadata. */
export function allowCaching(res: ServerResponse, maxAgeSeconds: number): void {
  res.setHeader('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  res.removeHeader('Pragma')
}

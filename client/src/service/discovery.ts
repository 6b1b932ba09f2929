/**
 * Finds the service through the issuer's RFC 8414 metadata. The feed and batches are extensions. A server without them is
 * used as any RFC 7662 server, with a time to live instead of the feed.
 */

import { ClaimcheckError } from '../errors.ts'
import { isSecureUrl } from '../options.ts'
import type { Send } from './endpoint.ts'

/** The service as its metadata describes it. */
interface Service {
  readonly introspectionEndpoint: string
  readonly batchEndpoint: string | undefined
  /** A WebSocket URL; `undefined` for a server without a feed. */
  readonly feedEndpoint: string | undefined
}

/** Finds the service. Asks the issuer again after a failure, never after a success; concurrent calls share one request. */
export type Discover = () => Promise<Service>

const WELL_KNOWN = '/.well-known/oauth-authorization-server'

/** Makes the discovery of an issuer. */
export function createDiscovery(issuer: string, send: Send): Discover {
  let found: Promise<Service> | undefined
  return () => {
    found ??= discover(issuer, send).catch((error: unknown) => {
      found = undefined
      throw error
    })
    return found
  }
}

async function discover(issuer: string, send: Send): Promise<Service> {
  const { origin, pathname } = new URL(issuer)
  // RFC 8414 §3.1: the well-known part goes between host and path.
  const url = origin + WELL_KNOWN + pathname.replace(/\/$/, '')
  const { text } = await send({ url, method: 'GET', headers: { accept: 'application/json' } })
  const metadata = parseMetadata(text)
  if (metadata.issuer !== issuer) throw bad('it names another issuer (RFC 8414 §3.3)')
  const introspectionEndpoint = urlMember(metadata, 'introspection_endpoint')
  if (introspectionEndpoint === undefined) throw bad('it names no introspection_endpoint')
  return {
    introspectionEndpoint,
    batchEndpoint: urlMember(metadata, 'claimcheck_introspection_batch_endpoint'),
    feedEndpoint: urlMember(metadata, 'claimcheck_feed_endpoint')?.replace(/^http/, 'ws'),
  }
}

function parseMetadata(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Any other text that is not an object gets the same error.
  }
  throw bad('it is not a JSON object')
}

function urlMember(metadata: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = metadata[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && isSecureUrl(value)) return value
  throw bad(`its ${name} is not an https URL`)
}

function bad(what: string): ClaimcheckError {
  return new ClaimcheckError(
    'ERR_CLAIMCHECK_BAD_RESPONSE',
    `the issuer's metadata cannot be used: ${what}`,
  )
}

/**
 * The address a request comes from, for the log and for counting failed authentications. Behind a trusted proxy it is the last
 * hop of X-Forwarded-For: the proxy wrote only that one, and the caller may have invented the others.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

const IPV4_MAPPED = '::ffff:'

/** The caller's address, or '' once the socket is gone. */
export function sourceAddress(req: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? lastHop(req.headers['x-forwarded-for']) : undefined
  const address = forwarded ?? req.socket.remoteAddress ?? ''
  return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address
}

function lastHop(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const list = typeof header === 'string' ? header : header.join(',')
  const hop = list.slice(list.lastIndexOf(',') + 1).trim()
  return isIP(hop) === 0 ? undefined : hop
}

/** Reads the public URLs of the services: whether a host is the local machine, and the path that routes begin with. */
import { isIPv4 } from 'node:net'

/** Whether `host` (a name, an address, or an IPv6 address in brackets) is reachable only from this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  if (name === '::1' || name === '[::1]') return true
  return isIPv4(name) && name.startsWith('127.')
}

/** The path of a public URL as a route prefix: '' for none, '/auth' for `https://host/auth` and `https://host/auth/`. */
export function pathPrefix(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/+$/, '')
}

/** Which URLs may receive secrets. */
import { usage } from '../exit.ts'

/** @throws {CliError} when secrets must not travel to this URL */
export function assertSecureUrl(url: string, what: string): void {
  const isUrl = URL.canParse(url)
  const { protocol, search = '', hash = '', username = '' } = isUrl ? new URL(url) : {}
  if (!isUrl || !/^https?:$/.test(protocol ?? '') || search !== '' || hash !== '') {
    throw usage(`${what} must be an http(s) URL without query and fragment: ${url}`)
  }
  if (username !== '') throw usage(`${what} must not contain a user name or password`)
  if (protocol === 'https:' || isLoopback(url)) return
  throw usage(
    `${what} is plain http on another machine: secrets and tokens would travel unprotected`,
    'Use its https URL.',
  )
}

/** Whether the URL is on this machine. */
export function isLoopback(url: string): boolean {
  return (
    URL.canParse(url) && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname)
  )
}

/** Whether two URLs are the same, apart from a slash at the end. */
export function isSameUrl(one: string, other: string): boolean {
  if (!URL.canParse(one) || !URL.canParse(other)) return false
  const plain = (url: string) => new URL(url).href.replace(/\/$/, '')
  return plain(one) === plain(other)
}

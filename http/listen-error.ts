/**
 * Words for a listener that could not start: which address, why, and which setting changes it.
 */

/** The error of a listener that did not start; `cause` is the system's own. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'ERR_CLAIMCHECK_LISTEN'

  constructor(address: string, portSetting: string, cause: NodeJS.ErrnoException) {
    super(messageOf(address, portSetting, cause), { cause })
  }
}

function messageOf(address: string, portSetting: string, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return `${address} is taken by another process. Stop that one, or set ${portSetting} to a free port (0 picks one).`
    case 'EACCES':
      return `${address} may not be opened by this user. Set ${portSetting} to a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${address} is not an address of this machine. Set CLAIMCHECK_HOST to one that is.`
    default:
      return `${address} could not be opened (${cause.code ?? 'unknown reason'}).`
  }
}

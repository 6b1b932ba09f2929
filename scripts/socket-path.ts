// Where the unix sockets of a data directory lie: in the directory itself, or, when that path is too
// long for a socket address or could not stand in a URL unescaped, in a private folder of the system's
// temporary directory that is named by a hash of it.

import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// A socket address holds 104 bytes on macOS and 108 on Linux.
const LONGEST_BYTES = 99
const PLAIN = /^[A-Za-z0-9/._-]+$/
const PRIVATE_MODE = 0o700

export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= LONGEST_BYTES && PLAIN.test(path)
}

/**
 * The path for the socket `name` of a data directory; the same at every start.
 *
 * @throws {Error} when the folder in the temporary directory belongs to another user.
 */
export function socketPath(dataDir: string, name: string): string {
  const direct = join(dataDir, name)
  if (isSocketPath(direct)) return direct
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `claimcheck-${hash}`)
  mkdirSync(folder, { recursive: true, mode: PRIVATE_MODE })
  const { uid, mode } = lstatSync(folder)
  if (uid !== process.getuid?.() || (mode & 0o777) !== PRIVATE_MODE) {
    throw new Error(`${folder} is not a private folder of this user; remove it`)
  }
  return join(folder, name)
}

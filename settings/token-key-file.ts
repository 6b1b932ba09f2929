/**
 * The token keys of a development machine: a file in the data directory, created once with owner-only permissions and shared
 * by both services. In production the keys must be set, and this file is not used.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseTokenKeys, type TokenKeySecret } from './token-key-list.ts'

const FILE_NAME = 'token-keys'
const KEY_BYTES = 32

/**
 * Reads the key file of a data directory, and creates it if there is none.
 *
 * @throws {Error} when the file cannot be read or holds anything but keys
 */
export function loadTokenKeyFile(dataDir: string): readonly TokenKeySecret[] {
  const path = join(dataDir, FILE_NAME)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const fresh = `k1.${randomBytes(KEY_BYTES).toString('base64url')}\n`
  try {
    // Exclusive: of two services that start at once, one writes and the other reads.
    writeFileSync(path, fresh, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const parsed = parseTokenKeys(readFileSync(path, 'utf8'))
  if (parsed.kind === 'keys') return parsed.keys
  throw new Error(
    `The keys in ${path} ${parsed.mistakes.join('; ')}. Correct the file, or remove it to get a new key.`,
  )
}

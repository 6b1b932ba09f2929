/**
 * Finds libfaketime, which lets a program see another time than the machine's; on Debian and Ubuntu, as root, installs the
 * package when it is missing, as the bench does with Redis.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { apt } from '../../scripts/redis-binary.ts'

// The variant for programs with threads: Redis frees and syncs in some.
const LIBRARY = join('faketime', 'libfaketimeMT.so.1')
const FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib']

/** Its path, or `undefined` where it is not and cannot be installed. */
export async function faketimeLibrary(): Promise<string | undefined> {
  return find() ?? (await install())
}

function find(): string | undefined {
  const folders = FOLDERS.filter((folder) => existsSync(folder))
  const deeper = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  return [...folders, ...deeper]
    .map((folder) => join(folder, LIBRARY))
    .find((path) => existsSync(path))
}

async function install(): Promise<string | undefined> {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) return undefined
  try {
    await apt(['update'])
    await apt(['install', '-y', '--no-install-recommends', 'libfaketime'])
  } catch {
    // No packages to be had here: its own words are on standard error, and the report says what was not measured.
    return undefined
  }
  return find()
}

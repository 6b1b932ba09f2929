/**
 * Finds libfaketime, which makes a program see another time than that of the machine. On Debian and Ubuntu, as root, installs
 * the package when it is missing.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { apt } from '../../scripts/redis-binary.ts'

// The variant for programs with threads, such as Redis.
const LIBRARY = join('faketime', 'libfaketimeMT.so.1')
const FOLDERS = ['/usr/lib', '/usr/lib64', '/usr/local/lib']

/** Its path, or `undefined` where it is missing and cannot be installed. */
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
    // apt has printed the reason to standard error, and the report says what was not measured.
    return undefined
  }
  return find()
}

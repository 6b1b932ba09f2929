/** Files that only their owner may read: profiles, secrets, tokens, resume files. */
import { randomBytes } from 'node:crypto'
import { lstat, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileProblem, usage } from '../exit.ts'

const OWNER_ONLY = 0o600

/** Writes a file of mode 0600 atomically: a reader sees the old text or the new one. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(draft, text, { mode: OWNER_ONLY, flag: 'wx' })
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/**
 * Writes a file that the user has named, with mode 0600.
 *
 * @throws {CliError} 2 when it cannot be written
 */
export async function writeNamed(cwd: string, name: string, text: string): Promise<void> {
  const path = resolve(cwd, name)
  const found = await lstat(path).catch(() => undefined)
  // The rename would replace a device or a link instead of writing to it.
  if (found !== undefined && !found.isFile()) throw usage(`${name} is not a regular file`)
  try {
    await writePrivate(path, text)
  } catch (error) {
    throw fileProblem('write', name, error)
  }
}

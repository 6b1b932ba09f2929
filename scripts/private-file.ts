// Files that hold secrets: readable by this user only, and never half-written.

import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

const PRIVATE_MODE = 0o600

/** Writes a file of mode 0600 in one step: a reader sees the old text or the new one. */
export function writePrivateFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, text, { mode: PRIVATE_MODE })
  renameSync(draft, path)
}

/** The text of a private file, which is made with `create` when it does not exist yet. */
export function keepPrivateFile(path: string, create: () => string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = create()
  writePrivateFile(path, `${text}\n`)
  return text
}

/** 256 random bits in base64url, the size of every secret here. */
export function createSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Reads single records, always from the primary. */
import { defineScript } from './define-script.ts'
import type { RunScript } from './script-runner.ts'

const readValues = defineScript('read-record', {
  keys: 'key',
  args: '...fields',
  list: 'values',
})

/**
 * Reads a string, or some fields of a hash; what does not exist is `null`.
 *
 * @throws {StoreUnavailableError} when the server that answers is no longer a primary
 */
export function readRecord(
  run: RunScript,
  key: string,
  ...fields: readonly string[]
): Promise<readonly (string | null)[]> {
  return readValues(run, { key, fields })
}

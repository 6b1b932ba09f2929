/**
 * Reads a presented token without its record, so junk is refused before its record is looked up. If the token names a key
 * that this node lacks but others use, the token may be good: the node is behind in a key rotation, and the answer is an
 * outage instead of "junk".
 */
import type { StoreContext } from '../context.ts'
import { StoreUnavailableError } from '../errors.ts'
import { INSTALLATION_KEY, tokenKeyField } from '../keys.ts'
import type { ParsedToken } from '../mint/token.ts'
import { readRecord } from '../redis/read-record.ts'

/**
 * @returns `undefined` for junk
 * @throws {StoreUnavailableError} when this node lacks a token key that is in use
 */
export type LocateToken = (token: string) => Promise<ParsedToken | undefined>

/** Makes the function of a store. */
export function createTokenLocator({ run, mint }: StoreContext): LocateToken {
  return async (token) => {
    const reading = mint.read(token)
    if (reading.kind === 'genuine') return reading.token
    if (reading.kind === 'junk') return undefined
    const [inUse] = await readRecord(run, INSTALLATION_KEY, tokenKeyField(reading.keyId))
    if (inUse === null) return undefined
    throw new StoreUnavailableError(
      `this node lacks the token key "${reading.keyId}" that others mint with: add it to CLAIMCHECK_TOKEN_KEYS`,
    )
  }
}

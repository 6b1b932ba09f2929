/** The actors of an exchanged token (RFC 8693 §4.1): identity claims only, the latest actor outermost. */
import type { Actor } from '../../../client/src/wire/index.ts'
import { invalidRequest } from '../../../http/errors/oauth-error.ts'

/** Most nested actors, and so most exchanges between a token and its original. */
export const MAX_ACTORS = 4

/**
 * Puts an actor before those of the subject token.
 *
 * @throws {OAuthError} `invalid_request` when there are too many
 */
export function chainActor(sub: string, clientId: string, prior: Actor | undefined): Actor {
  if (countActors(prior) >= MAX_ACTORS) {
    throw invalidRequest(`a token may be exchanged at most ${MAX_ACTORS} times in a row`)
  }
  return { sub, client_id: clientId, ...(prior === undefined ? {} : { act: prior }) }
}

function countActors(actor: Actor | undefined): number {
  let count = 0
  for (let one = actor; one !== undefined; one = one.act) count++
  return count
}

/**
 * The extension parameter `context`: the contexts to resolve roles in, space-separated. Bounded, because each costs a read;
 * checked, because a name that can be no context would silently resolve to nothing.
 */
import { isContext } from '../client/src/wire/index.ts'
import { invalidRequest } from '../http/errors/oauth-error.ts'
import { type ContextQuestion, EVERYWHERE } from '../store/roles/resolve.ts'

/** Most contexts one token may be asked about. */
export const MAX_ASKED_CONTEXTS = 100

/**
 * Reads the parameter; absent or empty asks for all contexts that fit an answer. `*` may be named and adds nothing: what is
 * held everywhere is always told.
 *
 * @throws {OAuthError} `invalid_request` for too many or for what is no context
 */
export function readContexts(text: string | undefined): ContextQuestion {
  if (text === undefined || text === '') return 'all'
  const names = text.split(' ')
  if (names.length > MAX_ASKED_CONTEXTS) {
    throw invalidRequest(`the parameter context may name at most ${MAX_ASKED_CONTEXTS} contexts`)
  }
  for (const name of names) {
    if (name !== EVERYWHERE && !isContext(name)) {
      throw invalidRequest(
        'the parameter context must be contexts such as course:123, separated by single spaces',
      )
    }
  }
  return [...new Set(names)].filter((name) => name !== EVERYWHERE)
}

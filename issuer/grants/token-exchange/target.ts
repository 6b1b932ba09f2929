/**
 * The audience of an exchanged token: never more than that of the subject token, nor than the client is allowed. The parameter
 * `audience` may be a resource, or the id of a resource server, which means all its resources.
 */
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import type { Client } from '../../../store/registry/clients.ts'
import { clientId } from '../../values/fields.ts'
import { MAX_RESOURCES, narrowResources } from '../../values/resource.ts'
import type { ExchangeParameters } from './parameters.ts'

/** Reads a client's registration. */
export type FindClient = (clientId: string) => Promise<Client | undefined>

/**
 * @param granted the audience of the subject token
 * @throws {OAuthError} `invalid_target` when a target is malformed, unknown or not granted, and when none is left
 */
export async function exchangeTarget(
  { resources, audiences }: Pick<ExchangeParameters, 'resources' | 'audiences'>,
  granted: readonly string[],
  client: Client,
  findClient: FindClient,
): Promise<readonly string[]> {
  const { allowed_resources: allowed } = client.metadata
  const grantable = granted.filter((resource) => allowed?.includes(resource) ?? true)
  if (grantable.length === 0) throw refused()
  if (resources.length + audiences.length > MAX_RESOURCES) throw refused()
  const named = [...resources]
  for (const audience of audiences) {
    named.push(...(await resourcesOf(audience, grantable, findClient)))
  }
  return narrowResources([...new Set(named)], grantable)
}

async function resourcesOf(
  audience: string,
  grantable: readonly string[],
  findClient: FindClient,
): Promise<readonly string[]> {
  if (grantable.includes(audience)) return [audience]
  // A text that cannot be a client id, such as a misplaced token, must not reach Redis.
  const named = clientId.safeParse(audience).success ? await findClient(audience) : undefined
  const { resources } = named?.enabled === true ? named.metadata : { resources: [] }
  // Refused because an empty list of targets would mean all of them.
  if (resources.length === 0) throw refused()
  return resources
}

function refused(): OAuthError {
  return new OAuthError('invalid_target', 'the target is unknown or beyond the subject token')
}

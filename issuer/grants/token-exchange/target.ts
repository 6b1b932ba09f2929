/**
 * What an exchanged token is aimed at: never more than the token it is exchanged for, nor than its client may aim at. An
 * `audience` may be a resource or the id of a client that is a resource server, which stands for all its resources.
 */
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import type { Client } from '../../../store/registry/clients.ts'
import { clientId } from '../../values/fields.ts'
import { MAX_RESOURCES, narrowResources } from '../../values/resource.ts'
import type { ExchangeParameters } from './parameters.ts'

/** Reads a client's registration. */
export type FindClient = (clientId: string) => Promise<Client | undefined>

/**
 * @param granted what the subject token is aimed at
 * @throws {OAuthError} `invalid_target` for what is malformed, unknown or more than granted, and when nothing is left
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
  // What cannot be an id, such as a token in the wrong place, must not travel on to Redis.
  const named = clientId.safeParse(audience).success ? await findClient(audience) : undefined
  const { resources } = named?.enabled === true ? named.metadata : { resources: [] }
  // A service without resources names no target; an empty list would come to mean all of them.
  if (resources.length === 0) throw refused()
  return resources
}

function refused(): OAuthError {
  return new OAuthError('invalid_target', 'the target is unknown or beyond the subject token')
}

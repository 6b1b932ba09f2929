/** Whoever gives roles in an installation of the bench: a client that may do just that. */
import { fetchToken, type TestClient } from '../../test/fixture/requests.ts'
import type { Installation } from '../installation.ts'
import { ROLE } from './names.ts'

const OPERATOR = 'roles-operator'

/** Puts the role into the schema, and fetches a token that may give it. @returns an `Authorization` */
export async function authorizeOperator({ callAdmin, issuerUrl }: Installation): Promise<string> {
  await callAdmin('PUT', '/role-schema', { roles: { [ROLE]: { permissions: ['grade:write'] } } })
  const scope = 'claimcheck:roles'
  await callAdmin('PUT', `/clients/${OPERATOR}`, { grant_types: ['client_credentials'], scope })
  const added = (await callAdmin('POST', `/clients/${OPERATOR}/secrets`)) as TestClient
  const client = { client_id: OPERATOR, client_secret: added.client_secret }
  return `Bearer ${await fetchToken(issuerUrl, client)}`
}

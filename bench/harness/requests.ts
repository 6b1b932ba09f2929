/** The requests that a load process sends to an installation, and what every answer to them must contain. */
import { basic } from '../../test/fixture/requests.ts'
import { type Installation, SCOPE } from './installation.ts'
import type { Stretch } from './load.ts'

/** As of a busy resource server. */
export const CONNECTIONS = 64

/** A stretch without its length. */
export type Question = Omit<Stretch, 'seconds' | 'count'>

/** Introspects each token in turn. */
export function introspections(
  { resourceServer }: Pick<Installation, 'resourceServer'>,
  tokens: readonly string[],
  connections = CONNECTIONS,
): Question {
  const authorization = basic(resourceServer)
  const requests = tokens.map((token) =>
    requestText('/introspect', authorization, `token=${token}`),
  )
  return { connections, requests, expect: '"active":true', status: 200 }
}

/** Issues tokens of the application itself. */
export function issues({ application }: Pick<Installation, 'application'>): Question {
  const form = `grant_type=client_credentials&scope=${encodeURIComponent(SCOPE)}`
  return {
    connections: CONNECTIONS,
    requests: [requestText('/token', basic(application), form)],
    expect: '"access_token":"',
    status: 200,
  }
}

/** The whole text of a POST with a form. */
export function requestText(path: string, authorization: string, form: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${authorization}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${Buffer.byteLength(form)}`,
    '',
    form,
  ].join('\r\n')
}

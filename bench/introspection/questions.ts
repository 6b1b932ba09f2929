/** What introspection is asked: requests, and what every answer to them must hold. */
import { basic } from '../../test/fixture/requests.ts'
import type { Installation } from '../installation.ts'
import { postRequest, type Stretch } from '../load.ts'

/** Of a service that is asked a lot. */
export const CONNECTIONS = 64

/** A stretch without its length. */
export type Question = Omit<Stretch, 'seconds'>

/** Asks about each token in turn. */
export function askEach(
  { resourceServer }: Pick<Installation, 'resourceServer'>,
  tokens: readonly string[],
  expect = '"active":true',
): Question {
  const authorization = basic(resourceServer)
  return {
    connections: CONNECTIONS,
    requests: tokens.map((token) => postRequest('/introspect', authorization, `token=${token}`)),
    expect,
    status: 200,
  }
}

/** Asks about so many tokens in one request. */
export function askBatches(
  { resourceServer }: Pick<Installation, 'resourceServer'>,
  tokens: readonly string[],
  size: number,
): Question {
  const authorization = basic(resourceServer)
  const requests: string[] = []
  for (let first = 0; first + size <= tokens.length; first += size) {
    const body = JSON.stringify({ tokens: tokens.slice(first, first + size) })
    requests.push(postRequest('/introspect/batch', authorization, body))
  }
  return { connections: CONNECTIONS, requests, expect: '{"results":[{"active":true', status: 200 }
}

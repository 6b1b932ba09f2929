/** The world of token exchange: {@link startWorld} with two services that call others on behalf of users. */
import { expect } from 'vitest'
import type { Login } from '../fixture/operator.ts'
import { postForm, type TestClient } from '../fixture/requests.ts'
import { extendWorld, GRADES, startWorld, type World } from '../fixture/world.ts'

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const ACCESS = 'urn:ietf:params:oauth:token-type:access_token'
export const GATEWAY = 'https://gateway.test'
const REPORTS = 'https://reports.test'

const ALL = [GATEWAY, REPORTS, GRADES]

const SCOPE = 'grades:read grades:write'

/** Parameters of an exchange beside the subject token; a list is sent as repeated parameters. */
export type Wishes = Readonly<Record<string, string | readonly string[]>>

/** The clients, and what is done with them. */
export interface ExchangeWorld extends World {
  /** Two resource servers that exchange. */
  readonly gateway: TestClient
  readonly reports: TestClient
  /** Registers one more application that users log in to. */
  application(id: string): Promise<TestClient>
  /** Logs a subject in; the token is for all services. */
  login(sub: string, request?: object): Promise<Login>
  send(subjectToken: string, wishes?: Wishes, client?: TestClient): Promise<Response>
  /** The new token of an exchange that must succeed; by the gateway unless another client is named. */
  exchange(subjectToken: string, wishes?: Wishes, client?: TestClient): Promise<string>
  /** `error` and `error_description` of an exchange that must fail with 400. */
  refusal(
    subjectToken: string,
    wishes?: Wishes,
    client?: TestClient,
  ): Promise<{ readonly error: string; readonly text: string }>
  /** What the grades service is told about a token, by either node. */
  answer(token: string, context?: string): Promise<Record<string, unknown>>
  /** Revokes, and insists that it was done. */
  revoke(target: object): Promise<void>
}

/** Starts it. */
export async function startExchangeWorld(): Promise<ExchangeWorld> {
  const world = await extendWorld(await startWorld(), async ({ register }) => {
    const service = (id: string, resource: string) =>
      register(id, {
        grant_types: [EXCHANGE, 'client_credentials'],
        introspect: true,
        scope: SCOPE,
        resources: [resource],
        default_resources: ALL,
      })
    return {
      gateway: await service('gateway-api', GATEWAY),
      reports: await service('reports-api', REPORTS),
    }
  })

  function send(
    subjectToken: string,
    wishes: Wishes = {},
    client = world.gateway,
  ): Promise<Response> {
    const form = new URLSearchParams({
      grant_type: EXCHANGE,
      subject_token: subjectToken,
      subject_token_type: ACCESS,
    })
    for (const [name, value] of Object.entries(wishes)) {
      for (const one of [value].flat()) form.append(name, one)
    }
    return postForm(`${world.issuer}/token`, client, form)
  }

  let asked = 0
  return {
    ...world,
    application: (id) =>
      world.register(id, {
        grant_types: ['refresh_token'],
        scope: SCOPE,
        default_resources: ALL,
      }),
    login: (sub, request = {}) => world.login(sub, { resource: ALL, ...request }),
    send,
    async exchange(subjectToken, wishes, client) {
      const response = await send(subjectToken, wishes, client)
      const text = await response.text()
      expect({ status: response.status, text }).toMatchObject({ status: 200 })
      return (JSON.parse(text) as { readonly access_token: string }).access_token
    },
    async refusal(subjectToken, wishes, client) {
      const response = await send(subjectToken, wishes, client)
      expect(response.status).toBe(400)
      const body = (await response.json()) as Record<string, string>
      return { error: body.error as string, text: body.error_description as string }
    },
    async answer(token, context) {
      const node = world.introspect[asked++ % 2] as string
      const form = { token, ...(context === undefined ? {} : { context }) }
      const response = await postForm(`${node}/introspect`, world.grades, form)
      expect(response.status).toBe(200)
      return (await response.json()) as Record<string, unknown>
    },
    async revoke(target) {
      const response = await world.callAdmin('POST', '/revocations', target)
      expect(response.status).toBe(200)
    },
  }
}

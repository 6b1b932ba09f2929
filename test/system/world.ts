/** What most system tests start with: a resource server that introspects, an application with refresh, and logins. */
import { postForm, type TestClient } from '../fixture/requests.ts'
import type { TestServices } from '../fixture/services.ts'

/** The answer for every token that is not active. */
export const INACTIVE = '{"active":false}'

/** The resource all tokens of these tests are for. */
export const GRADES = 'https://grades.test'

/** Answer of `POST /admin/v1/tokens`. */
export interface Login {
  readonly access_token: string
  readonly refresh_token: string
  readonly grant_id: string
  readonly sid: string
}

/** The clients of a test. */
export interface World {
  /** The resource server. */
  readonly grades: TestClient
  /** The application. */
  readonly web: TestClient
}

/** Registers both. */
export async function registerWorld(services: TestServices): Promise<World> {
  const grades = await services.register('grades-api', { introspect: true, resources: [GRADES] })
  return { grades, web: await registerApplication(services, 'web-app') }
}

/** Registers one more application. */
export function registerApplication(services: TestServices, id: string): Promise<TestClient> {
  return services.register(id, {
    grant_types: [
      'client_credentials',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    scope: 'grades:read grades:write',
    default_resources: [GRADES],
  })
}

/** Logs a subject in, with a refresh token. */
export async function login(
  services: TestServices,
  sub: string,
  clientId = 'web-app',
): Promise<Login> {
  const body = { sub, client_id: clientId, refresh: true }
  const response = await services.callAdmin('POST', '/tokens', body)
  if (!response.ok) throw new Error(`/tokens answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Login
}

/** Uses a refresh token. */
export function refresh(
  services: TestServices,
  client: TestClient,
  refreshToken: string,
): Promise<Response> {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return postForm(`${services.issuer}/token`, client, form)
}

/** Which of the tokens a node says are active; asked in batches of a hundred. */
export async function activeTokens(
  node: string,
  { client_id, client_secret }: TestClient,
  tokens: readonly string[],
): Promise<readonly string[]> {
  const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
  const active: string[] = []
  for (let start = 0; start < tokens.length; start += 100) {
    const asked = tokens.slice(start, start + 100)
    const response = await fetch(`${node}/introspect/batch`, {
      method: 'POST',
      headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tokens: asked }),
    })
    if (!response.ok) throw new Error(`/introspect/batch answered ${response.status}`)
    const { results } = (await response.json()) as { results: { active: boolean }[] }
    active.push(...asked.filter((_, index) => results[index]?.active === true))
  }
  return active
}

/** For each partition of 64 one subject that lives there. */
export function subjectsOfAllPartitions(partitionOf: (sub: string) => number): readonly string[] {
  const subjects = new Map<number, string>()
  for (let n = 0; subjects.size < 64; n++) {
    const sub = `user-${n}`
    if (!subjects.has(partitionOf(sub))) subjects.set(partitionOf(sub), sub)
  }
  return [...subjects.values()]
}

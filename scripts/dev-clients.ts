// The clients of a development installation, made through the issuer's HTTP API, as an operator would
// make them: `admin` (made by the issuer itself), `grades-api` (may introspect) and `web-app`.
//
// A secret of an earlier start is kept as long as it works, so that programs that have it keep working.
// Every start sets the registrations to the state below.

import { readFileSync } from 'node:fs'

export interface DevClient {
  readonly client_id: string
  readonly client_secret: string
  readonly resources?: readonly string[]
}

/** `.claimcheck/dev.json`, as the command line tool reads it. */
export interface DevFile {
  readonly issuer: string
  readonly introspect: string
  readonly redis: string
  readonly clients: {
    readonly admin: DevClient
    readonly 'grades-api': DevClient
    readonly 'web-app': DevClient
  }
}

/** The URLs of the services as seen from this machine, which may differ from their public URLs. */
export interface Services {
  readonly issuer: string
  readonly introspect: string
}

const GRADES = 'https://grades.test'

const REGISTRATIONS = {
  'grades-api': {
    enabled: true,
    client_name: 'Grades API (development)',
    introspect: true,
    resources: [GRADES],
  },
  'web-app': {
    enabled: true,
    client_name: 'Web app (development)',
    grant_types: [
      'client_credentials',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    scope: 'grades:read grades:write profile',
    default_resources: [GRADES],
  },
} as const

type DevClientId = keyof typeof REGISTRATIONS

/** The clients in the file of an earlier start; empty when there is no readable file. */
export function readEarlierClients(path: string): Partial<DevFile['clients']> {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<DevFile> // checked below
    return typeof file.clients === 'object' && file.clients !== null ? file.clients : {}
  } catch {
    // Absent or damaged: it is written again.
    return {}
  }
}

/** Registers the development clients and returns them with secrets that work. */
export async function makeDevClients(options: {
  readonly services: Services
  readonly adminSecret: string
  readonly earlier: Partial<DevFile['clients']>
}): Promise<DevFile['clients']> {
  const { services, adminSecret, earlier } = options
  const admin: DevClient = { client_id: 'admin', client_secret: adminSecret }
  const bearer = await adminToken(services, admin)
  const secretOf = async (id: DevClientId): Promise<string> => {
    const url = `${services.issuer}/admin/v1/clients/${id}`
    await call('PUT', url, { authorization: bearer, json: REGISTRATIONS[id] })
    const kept = earlier[id]?.client_secret
    if (typeof kept === 'string' && (await isAccepted(services, id, kept))) return kept
    const made = await call('POST', `${url}/secrets`, { authorization: bearer, json: {} })
    return stringMember(made, 'client_secret')
  }
  return {
    admin,
    'grades-api': {
      client_id: 'grades-api',
      client_secret: await secretOf('grades-api'),
      resources: [GRADES],
    },
    'web-app': { client_id: 'web-app', client_secret: await secretOf('web-app') },
  }
}

async function adminToken(services: Services, admin: DevClient): Promise<string> {
  const answer = await call('POST', `${services.issuer}/token`, {
    authorization: basic(admin),
    form: { grant_type: 'client_credentials', scope: 'claimcheck:admin' },
  })
  return `Bearer ${stringMember(answer, 'access_token')}`
}

// Only a call with the credentials shows whether they work: Redis may hold another registry by now.
async function isAccepted(services: Services, id: DevClientId, secret: string): Promise<boolean> {
  const response = await fetch(`${services.issuer}/revoke`, {
    method: 'POST',
    headers: { authorization: basic({ client_id: id, client_secret: secret }) },
    // RFC 7009: a token that does not exist is answered with 200 to an authenticated client.
    body: new URLSearchParams({ token: 'none' }),
  })
  await response.body?.cancel()
  return response.ok
}

function basic(client: DevClient): string {
  const pair = [client.client_id, client.client_secret].map(encodeURIComponent).join(':')
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

interface Call {
  readonly authorization: string
  readonly json?: object
  readonly form?: Readonly<Record<string, string>>
}

// Error bodies of the services hold no secret, so they may be shown; the request is not.
async function call(method: string, url: string, request: Call): Promise<unknown> {
  const { authorization, json, form } = request
  const response = await fetch(url, {
    method,
    headers: { authorization, ...(json && { 'content-type': 'application/json' }) },
    body: json ? JSON.stringify(json) : new URLSearchParams(form),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

function stringMember(answer: unknown, name: string): string {
  const value = (answer as Readonly<Record<string, unknown>> | undefined)?.[name]
  if (typeof value !== 'string') throw new Error(`the issuer's answer has no "${name}"`)
  return value
}

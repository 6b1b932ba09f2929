/**
 * Plays the part of an identity provider: signs people in and out through the issuer's admin API, with the clients that
 * `npm start` has registered. A real API has no such rights; it only checks tokens.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The file that `npm start` writes for programs like this. */
export interface DevFile {
  readonly issuer: string
  readonly clients: Readonly<Record<'admin' | 'grades-api', DevClient>>
}

/** A client and its secret. */
export interface DevClient {
  readonly client_id: string
  readonly client_secret: string
}

/** Somebody who is signed in. */
export interface SignedIn {
  readonly token: string
  readonly session: string
}

/** Who is there, and what they may ask for. */
export const PEOPLE = {
  tina: { role: 'teacher', scope: 'grades:read grades:write' },
  tariq: { role: 'teaching assistant', scope: 'grades:read' },
  sam: { role: 'student', scope: 'grades:read' },
} as const

/** A person's name. */
export type Person = keyof typeof PEOPLE

/** Where `npm start` keeps its files. */
export const DATA_DIR: string =
  process.env.CLAIMCHECK_DATA_DIR ?? join(import.meta.dirname, '..', '..', '.claimcheck')

/** @throws {Error} when `npm start` has not written the file */
export async function readDevFile(): Promise<DevFile> {
  const path = join(DATA_DIR, 'dev.json')
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DevFile
  } catch (cause) {
    throw new Error(`${path} cannot be read: run "npm start" in another terminal first`, { cause })
  }
}

/** The operator's side of the issuer. */
export interface Operator {
  signIn(person: Person): Promise<SignedIn>
  /** Takes back whatever matches, such as `{ token }`, `{ session }` or `{ subject }`. */
  revoke(target: Readonly<Record<string, string>>): Promise<void>
}

/** Makes the operator, with the rights of the development installation's admin. */
export async function createOperator({ issuer, clients }: DevFile): Promise<Operator> {
  const { client_id, client_secret } = clients.admin
  const token = await post(`${issuer}/token`, {
    authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}`,
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'claimcheck:admin' }),
  })
  const admin = (path: string, body: object) =>
    post(`${issuer}/admin/v1${path}`, {
      authorization: `Bearer ${token.access_token}`,
      'content-type': 'application/json',
      body: JSON.stringify(body),
    })
  return {
    async signIn(person) {
      const { scope } = PEOPLE[person]
      const { access_token = '', sid = '' } = await admin('/tokens', {
        sub: person,
        client_id: 'web-app',
        scope,
      })
      return { token: access_token, session: sid }
    },
    async revoke(target) {
      await admin('/revocations', target)
    },
  }
}

async function post(
  url: string,
  { body, ...headers }: PostOptions,
): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(url, { method: 'POST', headers, body })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
  return JSON.parse(text) as Record<string, string>
}

interface PostOptions {
  readonly authorization: string
  readonly 'content-type'?: string
  readonly body: string | URLSearchParams
}

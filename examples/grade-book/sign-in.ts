/**
 * Plays the part of an identity provider: signs people in and out through the issuer's admin API, with the clients that
 * `npm start` has registered. A real API has no such rights; it only checks tokens.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The file that `npm start` writes for programs like this. */
export interface DevFile {
  readonly issuer: string
  readonly clients: Readonly<Record<'admin' | 'grades-api' | 'web-app', DevClient>>
}

/** A client and its secret. */
export interface DevClient {
  readonly client_id: string
  readonly client_secret: string
}

/** A person who is signed in. */
export interface SignedIn {
  readonly token: string
  readonly session: string
}

/** A role that a person holds in a context. */
export interface Held {
  readonly context: string
  readonly role: string
  /** Epoch seconds. */
  readonly expires_at?: number
}

/** What the roles of the grade book permit. */
const ROLES = {
  administrator: { permissions: ['grade:read', 'grade:write'] },
  teacher: { permissions: ['grade:read', 'grade:write'], assumable: ['student'] },
  'teaching-assistant': { permissions: ['grade:read'] },
  student: { permissions: ['grade:read-own'] },
}

/** The people, and the roles they hold. */
export const PEOPLE = {
  tina: [{ context: 'course:101', role: 'teacher' }],
  tariq: [
    { context: 'course:101', role: 'teaching-assistant' },
    { context: 'course:202', role: 'student' },
  ],
  sam: [
    { context: 'course:101', role: 'student' },
    { context: 'course:202', role: 'student' },
  ],
  ada: [{ context: 'school:north', role: 'administrator' }],
} as const satisfies Readonly<Record<string, readonly Held[]>>

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

/** What an identity provider does for people. */
export interface Operator {
  /** Sets the role schema, and the roles people hold. */
  setUpRoles(): Promise<void>
  signIn(person: Person): Promise<SignedIn>
  assign(person: Person, held: Held): Promise<void>
  remove(person: Person, held: Held): Promise<void>
  /** A token that sees a course as a student does (RFC 8693); it dies with the token it was exchanged for. */
  viewAsStudent(token: string, course: string): Promise<string>
  /** Revokes what matches, such as `{ token }`, `{ session }` or `{ subject }`. */
  revoke(target: Readonly<Record<string, string>>): Promise<void>
}

/** Makes the operator, with the rights of the development installation's admin. */
export async function createOperator({ issuer, clients }: DevFile): Promise<Operator> {
  const token = await post(`${issuer}/token`, {
    authorization: basic(clients.admin),
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'claimcheck:admin' }),
  })
  const admin = (path: string, body?: object, method = 'POST') =>
    post(`${issuer}/admin/v1${path}`, {
      authorization: `Bearer ${token.access_token}`,
      ...(body === undefined
        ? { method: 'GET' }
        : { method, 'content-type': 'application/json', body: JSON.stringify(body) }),
    })
  const change = async (op: 'assign' | 'remove', subject: Person, held: Held): Promise<void> => {
    await admin('/role-assignments', { op, subject, ...held })
  }
  return {
    async setUpRoles() {
      // Other roles stay: a developer may be trying things out beside the example.
      const { roles } = (await admin('/role-schema')) as unknown as { readonly roles: object }
      await admin('/role-schema', { roles: { ...roles, ...ROLES } }, 'PUT')
      const changes = Object.entries(PEOPLE).flatMap(([subject, roles]) =>
        roles.map((held) => ({ op: 'assign', subject, ...held })),
      )
      await admin('/role-assignments', changes)
    },
    async signIn(person) {
      const { access_token = '', sid = '' } = await admin('/tokens', {
        sub: person,
        client_id: 'web-app',
        scope: 'grades:read grades:write',
      })
      return { token: access_token, session: sid }
    },
    assign: (person, held) => change('assign', person, held),
    remove: (person, held) => change('remove', person, held),
    async viewAsStudent(subjectToken, course) {
      const { access_token = '' } = await post(`${issuer}/token`, {
        authorization: basic(clients['web-app']),
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: subjectToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          context: `course:${course}`,
          role: 'student',
        }),
      })
      return access_token
    },
    async revoke(target) {
      await admin('/revocations', target)
    },
  }
}

function basic({ client_id, client_secret }: DevClient): string {
  return `Basic ${btoa(`${client_id}:${client_secret}`)}`
}

async function post(
  url: string,
  { body, method = 'POST', ...headers }: PostOptions,
): Promise<Answer> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
  return JSON.parse(text) as Answer
}

/** The members of an answer that are strings; callers that know others read them. */
type Answer = Readonly<Record<string, string>>

interface PostOptions {
  readonly method?: string
  readonly authorization: string
  readonly 'content-type'?: string
  readonly body?: string | URLSearchParams
}

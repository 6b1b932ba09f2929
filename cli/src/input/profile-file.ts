/** The files that profiles are read from: the stored ones, and `.claimcheck/dev.json`, which `npm start` writes. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Environment } from '../environment.ts'
import { fileProblem, usage } from '../exit.ts'
import { isObject, type JsonObject, parseObject } from './json-object.ts'
import { assertSecureUrl } from './secure-url.ts'

/** A client and its secret. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** An installation, and the clients that the tool uses there. */
export interface Profile {
  readonly name: string
  readonly issuer: string
  /** Base URL of the introspection service; by default it comes from the issuer's metadata. */
  readonly introspect?: string
  /** Uses the admin API. */
  readonly operator: Credentials
  /** Introspects and follows the feed; by default the operator does. */
  readonly resourceServer?: Credentials
}

/** The name of the profile that `npm start` writes. */
export const DEV_PROFILE = 'dev'
const OTHERS_MAY = 0o077

/** Looks for dev.json in CLAIMCHECK_DATA_DIR, or from the working directory upwards. */
export async function findDevFile({
  env,
  cwd,
}: Pick<Environment, 'env' | 'cwd'>): Promise<string | undefined> {
  if (env.CLAIMCHECK_DATA_DIR) {
    const path = resolve(cwd, env.CLAIMCHECK_DATA_DIR, 'dev.json')
    return (await isFile(path)) ? path : undefined
  }
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, '.claimcheck', 'dev.json')
    if (await isFile(path)) return path
    if (dirname(folder) === folder) return undefined
  }
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true
}

/** Reads the development profile. @throws {CliError} when its file is damaged */
export async function readDevProfile(path: string): Promise<Profile> {
  const file = await readJson(path)
  const clients = objectMember(file, 'clients')
  const introspect = file.introspect
  const resourceServer = clients['grades-api']
  return {
    name: DEV_PROFILE,
    issuer: textMember(file, 'issuer', path),
    ...(typeof introspect === 'string' ? { introspect } : {}),
    operator: credentialsOf(objectMember(clients, 'admin'), path),
    ...(resourceServer === undefined
      ? {}
      : { resourceServer: credentialsOf(objectMember(clients, 'grades-api'), path) }),
  }
}

async function readPrivate(path: string, userId: number | undefined): Promise<JsonObject> {
  const found = await stat(path).catch((error) => {
    throw fileProblem('read', path, error)
  })
  // A system without user ids has no such file modes either.
  if (userId !== undefined && (found.mode & OTHERS_MAY) !== 0) {
    throw usage(`other users may read ${path}, which holds a secret`, `chmod 600 ${path}`)
  }
  return readJson(path)
}

async function readJson(path: string): Promise<JsonObject> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw fileProblem('read', path, error)
  })
  const value = parseObject(text)
  if (value !== undefined) return value
  throw usage(`${path} is damaged: it is not a JSON object`)
}

/** Reads a stored profile. @throws {CliError} when its file is damaged, or other users may read it */
export async function readStoredProfile(
  name: string,
  path: string,
  userId: number | undefined,
): Promise<Profile> {
  const file = await readPrivate(path, userId)
  const issuer = textMember(file, 'issuer', path)
  assertSecureUrl(issuer, `the issuer in ${path}`)
  const { introspect, resource_server } = file
  return {
    name,
    issuer,
    ...(typeof introspect === 'string' ? { introspect } : {}),
    operator: credentialsOf(file, path),
    ...(isObject(resource_server) ? { resourceServer: credentialsOf(resource_server, path) } : {}),
  }
}

/** The text of a stored profile. */
export function profileText({ issuer, introspect, operator, resourceServer }: Profile): string {
  const members = ({ clientId, clientSecret }: Credentials) => ({
    client_id: clientId,
    client_secret: clientSecret,
  })
  const file = {
    issuer,
    introspect,
    ...members(operator),
    ...(resourceServer === undefined ? {} : { resource_server: members(resourceServer) }),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

function objectMember(members: JsonObject, name: string): JsonObject {
  const value = members[name]
  return isObject(value) ? value : {}
}

function textMember(members: JsonObject, name: string, path: string): string {
  const value = members[name]
  if (typeof value === 'string' && value !== '') return value
  throw usage(`${path} is damaged: it has no "${name}"`)
}

function credentialsOf(members: JsonObject, path: string): Credentials {
  return {
    clientId: textMember(members, 'client_id', path),
    clientSecret: textMember(members, 'client_secret', path),
  }
}

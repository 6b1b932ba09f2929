/**
 * Which installation the tool talks to, and as whom. A profile is a file that only its owner may read; the development
 * profile is what `npm start` wrote, found from the working directory upwards. A secret is only ever sent to the issuer
 * that its profile names.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Environment } from '../environment.ts'
import { type CliError, fileProblem, usage } from '../exit.ts'
import { writePrivate } from './private-file.ts'

/** A client and its secret. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** Where and as whom. */
export interface Profile {
  readonly name: string
  readonly issuer: string
  /** Base URL of the introspection service; the issuer's metadata tells when absent. */
  readonly introspect?: string
  /** Uses the admin API. */
  readonly operator: Credentials
  /** Introspects and follows the feed; the operator itself when absent. */
  readonly resourceServer?: Credentials
}

/** A profile as a list shows it. */
export interface ProfileSummary {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly path: string
  /** Why it cannot be used, if it cannot. */
  readonly problem?: string
}

/** The profiles of a user. */
export interface Profiles {
  /** @throws {CliError} when nothing fits, or more than one thing would */
  choose(wish: ProfileWish): Promise<Profile>
  list(): Promise<readonly ProfileSummary[]>
  /** @returns where it is kept */
  save(profile: Profile): Promise<string>
  /** @returns whether there was one */
  remove(name: string): Promise<boolean>
}

/** What the command line says about the profile. */
export interface ProfileWish {
  readonly name?: string | undefined
  readonly issuer?: string | undefined
}

/** The profile that `npm start` writes. */
export const DEV_PROFILE = 'dev'
const DEFAULT_PROFILE = 'default'
const OWNER_ONLY_FOLDER = 0o700
const OTHERS_MAY = 0o077
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

type ProfileEnvironment = Pick<Environment, 'env' | 'cwd' | 'home' | 'userId'>

/** Makes the profiles of whoever runs the tool. */
export function createProfiles(environment: ProfileEnvironment): Profiles {
  const { env, home } = environment
  const configHome = env.XDG_CONFIG_HOME || join(home, '.config')
  const folder = join(configHome, 'claimcheck', 'profiles')
  const pathOf = (name: string) => join(folder, `${name}.json`)

  async function names(): Promise<string[]> {
    try {
      const files = await readdir(folder)
      return files
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
        .filter((name) => NAME.test(name))
        .sort()
    } catch {
      // No folder, no profiles: that is how everybody begins.
      return []
    }
  }

  async function stored(name: string): Promise<Profile> {
    const path = pathOf(name)
    return toProfile(name, await readPrivate(path, environment.userId), path)
  }

  async function dev(): Promise<Profile | undefined> {
    const path = await findDevFile(environment)
    return path === undefined ? undefined : readDevFile(path)
  }

  async function byName(name: string): Promise<Profile> {
    if (name === DEV_PROFILE) {
      const found = await dev()
      if (found !== undefined) return found
      throw usage(
        'there is no development profile here',
        'Run "npm start" in the repository, and this command in the same folder or below.',
      )
    }
    const known = await names()
    if (known.includes(name)) return stored(name)
    const all = known.length === 0 ? 'none is stored' : `there are: ${known.join(', ')}`
    throw usage(`there is no profile "${name}" (${all})`, `claimcheck login ${name} --issuer URL`)
  }

  async function byIssuer(issuer: string): Promise<Profile> {
    const local = await dev()
    if (local !== undefined && isSameUrl(local.issuer, issuer)) return local
    const fitting = (await summaries()).filter((one) => isSameUrl(one.issuer, issuer))
    if (fitting.length === 1 && fitting[0] !== undefined) return stored(fitting[0].name)
    if (fitting.length > 1) {
      const choices = fitting.map(({ name }) => name).join(', ')
      throw usage(`several profiles are for ${issuer}: ${choices}`, 'Say which with --profile.')
    }
    throw usage(`no profile is for ${issuer}`, `claimcheck login NAME --issuer ${issuer}`)
  }

  async function byDefault(): Promise<Profile> {
    const local = await dev()
    // A folder that somebody else has filled must not decide where tokens are sent.
    if (local !== undefined && isLoopback(local.issuer)) return local
    const known = await names()
    if (known.includes(DEFAULT_PROFILE)) return stored(DEFAULT_PROFILE)
    if (known.length === 1 && known[0] !== undefined) return stored(known[0])
    if (known.length > 1) {
      throw usage(
        `there are several profiles: ${known.join(', ')}`,
        'Say which with --profile or CLAIMCHECK_PROFILE.',
      )
    }
    throw usage(
      'there is no profile yet',
      'claimcheck login --issuer URL --client-id ID   (or run "npm start" in the repository)',
    )
  }

  async function summaries(): Promise<ProfileSummary[]> {
    const all = await names()
    return Promise.all(
      all.map(async (name) => {
        const path = pathOf(name)
        try {
          const { issuer, operator } = await stored(name)
          return { name, issuer, clientId: operator.clientId, path }
        } catch (error) {
          return { name, issuer: '', clientId: '', path, problem: (error as CliError).message }
        }
      }),
    )
  }

  return {
    async choose({ name, issuer }) {
      const wished = name ?? (env.CLAIMCHECK_PROFILE || undefined)
      if (wished === undefined) return issuer === undefined ? byDefault() : byIssuer(issuer)
      const profile = await byName(wished)
      if (issuer === undefined || isSameUrl(profile.issuer, issuer)) return profile
      throw usage(
        `the profile "${wished}" is for ${profile.issuer}; its secret is not sent to ${issuer}`,
        `claimcheck login NAME --issuer ${issuer}`,
      )
    },
    async list() {
      const local = await dev().catch(() => undefined)
      const path = await findDevFile(environment)
      const { issuer = '', operator } = local ?? {}
      const own = { name: DEV_PROFILE, issuer, clientId: operator?.clientId ?? '' }
      return [...(path === undefined ? [] : [{ ...own, path }]), ...(await summaries())]
    },
    async save(profile) {
      const path = pathOf(profile.name)
      try {
        await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER })
        await writePrivate(path, `${JSON.stringify(toFile(profile), null, 2)}\n`)
      } catch (error) {
        throw fileProblem('write', path, error)
      }
      return path
    },
    async remove(name) {
      if (!(await names()).includes(name)) return false
      await rm(pathOf(name))
      return true
    },
  }
}

/** @throws {CliError} when a stored profile cannot have this name */
export function assertProfileName(name: string): void {
  if (name === DEV_PROFILE) throw usage('the name "dev" is the development profile’s')
  if (!NAME.test(name))
    throw usage('the name of a profile is letters, digits, dots, dashes, underscores')
}

/** @throws {CliError} when secrets must not travel to this URL */
export function assertSecureUrl(url: string, what: string): void {
  const isUrl = URL.canParse(url)
  const { protocol, search = '', hash = '', username = '' } = isUrl ? new URL(url) : {}
  if (!isUrl || !/^https?:$/.test(protocol ?? '') || search !== '' || hash !== '') {
    throw usage(`${what} is no http(s) URL without query and fragment: ${url}`)
  }
  if (username !== '') throw usage(`${what} must not hold a user name or password`)
  if (protocol === 'https:' || isLoopback(url)) return
  throw usage(
    `${what} is plain http on another machine: secrets and tokens would travel unprotected`,
    'Use its https URL.',
  )
}

function isLoopback(url: string): boolean {
  return (
    URL.canParse(url) && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname)
  )
}

function isSameUrl(one: string, other: string): boolean {
  if (!URL.canParse(one) || !URL.canParse(other)) return false
  const plain = (url: string) => new URL(url).href.replace(/\/$/, '')
  return plain(one) === plain(other)
}

async function findDevFile({ env, cwd }: ProfileEnvironment): Promise<string | undefined> {
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

async function readDevFile(path: string): Promise<Profile> {
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

async function readPrivate(path: string, userId: number | undefined): Promise<Members> {
  const found = await stat(path).catch((error) => {
    throw fileProblem('read', path, error)
  })
  // Where there are no user ids there are no such modes either.
  if (userId !== undefined && (found.mode & OTHERS_MAY) !== 0) {
    throw usage(`others may read ${path}, and it holds a secret`, `chmod 600 ${path}`)
  }
  return readJson(path)
}

async function readJson(path: string): Promise<Members> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw fileProblem('read', path, error)
  })
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Falls through: the parser's message quotes the text, which holds a secret.
  }
  throw usage(`${path} is damaged: it is no JSON object`)
}

function toProfile(name: string, file: Members, path: string): Profile {
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

function toFile({ issuer, introspect, operator, resourceServer }: Profile) {
  const members = ({ clientId, clientSecret }: Credentials) => ({
    client_id: clientId,
    client_secret: clientSecret,
  })
  return {
    issuer,
    introspect,
    ...members(operator),
    ...(resourceServer === undefined ? {} : { resource_server: members(resourceServer) }),
  }
}

type Members = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectMember(members: Members, name: string): Members {
  const value = members[name]
  return isObject(value) ? value : {}
}

function textMember(members: Members, name: string, path: string): string {
  const value = members[name]
  if (typeof value === 'string' && value !== '') return value
  throw usage(`${path} is damaged: it has no "${name}"`)
}

function credentialsOf(members: Members, path: string): Credentials {
  return {
    clientId: textMember(members, 'client_id', path),
    clientSecret: textMember(members, 'client_secret', path),
  }
}

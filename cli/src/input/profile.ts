/**
 * Chooses the installation that the tool talks to, and its credentials there. A stored profile is a file that only its
 * owner may read; the development profile is found from the working directory upwards. A secret is sent only to the
 * issuer that its profile names.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { type CliError, fileProblem, usage } from '../exit.ts'
import { writePrivate } from './private-file.ts'
import {
  DEV_PROFILE,
  findDevFile,
  type Profile,
  profileText,
  readDevProfile,
  readStoredProfile,
} from './profile-file.ts'
import { isLoopback, isSameUrl } from './secure-url.ts'

/** A profile as a list shows it. */
interface ProfileSummary {
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly path: string
  /** Why it cannot be used. */
  readonly problem?: string
}

/** The profiles of a user. */
export interface Profiles {
  /** @throws {CliError} when no profile fits, or more than one does */
  choose(wish: ProfileWish): Promise<Profile>
  list(): Promise<readonly ProfileSummary[]>
  /** @returns the path of the file */
  save(profile: Profile): Promise<string>
  /** @returns whether there was one */
  remove(name: string): Promise<boolean>
}

/** What the command line says about the profile. */
interface ProfileWish {
  readonly name?: string | undefined
  readonly issuer?: string | undefined
}

const DEFAULT_PROFILE = 'default'
const OWNER_ONLY_FOLDER = 0o700
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

type ProfileEnvironment = Pick<Environment, 'env' | 'cwd' | 'home' | 'userId'>

/** Makes the profiles of the user who runs the tool. */
export function createProfiles(environment: ProfileEnvironment): Profiles {
  const store = createProfileStore(environment)
  return {
    async choose({ name, issuer }) {
      const wished = name ?? (environment.env.CLAIMCHECK_PROFILE || undefined)
      if (wished === undefined) {
        return issuer === undefined ? chooseDefault(store) : chooseByIssuer(store, issuer)
      }
      const profile = await chooseByName(store, wished)
      if (issuer === undefined || isSameUrl(profile.issuer, issuer)) return profile
      throw usage(
        `the profile "${wished}" is for ${profile.issuer}; its secret is not sent to ${issuer}`,
        `claimcheck login NAME --issuer ${issuer}`,
      )
    },
    async list() {
      const local = await store.dev().catch(() => undefined)
      const path = await findDevFile(environment)
      const { issuer = '', operator } = local ?? {}
      const own = { name: DEV_PROFILE, issuer, clientId: operator?.clientId ?? '' }
      return [...(path === undefined ? [] : [{ ...own, path }]), ...(await store.summaries())]
    },
    async save(profile) {
      const path = store.pathOf(profile.name)
      try {
        await mkdir(store.folder, { recursive: true, mode: OWNER_ONLY_FOLDER })
        await writePrivate(path, profileText(profile))
      } catch (error) {
        throw fileProblem('write', path, error)
      }
      return path
    },
    async remove(name) {
      if (!(await store.names()).includes(name)) return false
      await rm(store.pathOf(name))
      return true
    },
  }
}

type ProfileStore = ReturnType<typeof createProfileStore>

function createProfileStore(environment: ProfileEnvironment) {
  const { env, home, userId } = environment
  const folder = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'claimcheck', 'profiles')
  const pathOf = (name: string) => join(folder, `${name}.json`)
  const stored = (name: string) => readStoredProfile(name, pathOf(name), userId)

  async function names(): Promise<readonly string[]> {
    try {
      const files = await readdir(folder)
      return files
        .filter((file) => file.endsWith('.json'))
        .map((file) => file.slice(0, -'.json'.length))
        .filter((name) => NAME.test(name))
        .sort()
    } catch {
      // The folder is made by the first login.
      return []
    }
  }

  async function summaryOf(name: string): Promise<ProfileSummary> {
    const path = pathOf(name)
    try {
      const { issuer, operator } = await stored(name)
      return { name, issuer, clientId: operator.clientId, path }
    } catch (error) {
      return { name, issuer: '', clientId: '', path, problem: (error as CliError).message }
    }
  }

  return {
    folder,
    pathOf,
    names,
    stored,
    summaries: async () => Promise.all((await names()).map(summaryOf)),
    /** The development profile, if there is one here. */
    async dev() {
      const path = await findDevFile(environment)
      return path === undefined ? undefined : readDevProfile(path)
    },
  }
}

async function chooseByName(store: ProfileStore, name: string): Promise<Profile> {
  if (name === DEV_PROFILE) {
    const found = await store.dev()
    if (found !== undefined) return found
    throw usage(
      'there is no development profile here',
      'Run "npm start" in the repository, and this command in the same folder or below.',
    )
  }
  const known = await store.names()
  if (known.includes(name)) return store.stored(name)
  const all = known.length === 0 ? 'none is stored' : `there are: ${known.join(', ')}`
  throw usage(`there is no profile "${name}" (${all})`, `claimcheck login ${name} --issuer URL`)
}

async function chooseByIssuer(store: ProfileStore, issuer: string): Promise<Profile> {
  const local = await store.dev()
  if (local !== undefined && isSameUrl(local.issuer, issuer)) return local
  const fitting = (await store.summaries()).filter((one) => isSameUrl(one.issuer, issuer))
  if (fitting.length === 1 && fitting[0] !== undefined) return store.stored(fitting[0].name)
  if (fitting.length > 1) {
    const choices = fitting.map(({ name }) => name).join(', ')
    throw usage(`several profiles are for ${issuer}: ${choices}`, 'Choose one with --profile.')
  }
  throw usage(`no profile is for ${issuer}`, `claimcheck login NAME --issuer ${issuer}`)
}

async function chooseDefault(store: ProfileStore): Promise<Profile> {
  const local = await store.dev()
  // A dev.json that somebody else put into a folder must not decide where tokens are sent.
  if (local !== undefined && isLoopback(local.issuer)) return local
  const known = await store.names()
  if (known.includes(DEFAULT_PROFILE)) return store.stored(DEFAULT_PROFILE)
  if (known.length === 1 && known[0] !== undefined) return store.stored(known[0])
  if (known.length > 1) {
    throw usage(
      `there are several profiles: ${known.join(', ')}`,
      'Choose one with --profile or CLAIMCHECK_PROFILE.',
    )
  }
  throw usage(
    'there is no profile yet',
    'claimcheck login --issuer URL --client-id ID   (or run "npm start" in the repository)',
  )
}

/** @throws {CliError} when a stored profile cannot have this name */
export function assertProfileName(name: string): void {
  if (name === DEV_PROFILE) {
    throw usage('the name "dev" is reserved for the development profile; choose another')
  }
  if (NAME.test(name)) return
  throw usage(`"${name}" is not a profile name: use letters, digits, dots, dashes and underscores`)
}

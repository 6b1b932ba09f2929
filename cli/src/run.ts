/**
 * One run of the tool as a command sees it: the global options, the report, the prompt, the profiles and the services.
 * Nothing is read or connected before a command needs it.
 */

import type { Environment } from './environment.ts'
import { createProfiles, type Profiles } from './input/profile.ts'
import type { Profile } from './input/profile-file.ts'
import { type Api, createApi } from './service/api.ts'
import { createHttpCaller, type HttpCaller } from './service/http-call.ts'
import { createPrompt, type Prompt } from './terminal/prompt.ts'
import { createReport, type Report } from './terminal/report.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  readonly profile?: string
  readonly issuer?: string
  readonly json?: boolean
  /** Seconds. */
  readonly timeout?: number
}

/** A run. */
export interface Run {
  readonly environment: Environment
  readonly globals: GlobalOptions
  readonly report: Report
  readonly prompt: Prompt
  readonly profiles: Profiles
  readonly http: HttpCaller
  readonly timeoutMs: number
  nowSeconds(): number
  profile(): Promise<Profile>
  api(): Promise<Api>
  /** The API of a profile that need not be stored. */
  apiOf(profile: Profile): Api
}

const DEFAULT_TIMEOUT_SECONDS = 10

/** Makes the run of a command. */
export function createRun(environment: Environment, globals: GlobalOptions): Run {
  const { interrupted, random, nowMs } = environment
  const profiles = createProfiles(environment)
  const http = createHttpCaller(interrupted)
  const timeoutMs = (globals.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1_000
  let chosen: Promise<Profile> | undefined
  let api: Promise<Api> | undefined

  const profile = (): Promise<Profile> => {
    chosen ??= profiles.choose({ name: globals.profile, issuer: globals.issuer })
    return chosen
  }
  const apiOf = (of: Profile): Api =>
    createApi({ profile: of, http, timeoutMs, random, interrupted })

  return {
    environment,
    globals,
    report: createReport(environment, globals.json === true),
    prompt: createPrompt(environment),
    profiles,
    http,
    timeoutMs,
    nowSeconds: () => nowMs() / 1_000,
    profile,
    apiOf,
    api() {
      api ??= profile().then(apiOf)
      return api
    },
  }
}

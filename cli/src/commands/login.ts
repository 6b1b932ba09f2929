/** `claimcheck login|logout|profiles`: the installations, and the credentials that the tool uses there. */
import type { Command } from 'commander'
import { addCommand, handle, type Setup } from '../command.ts'
import { CliError, EXIT, usage } from '../exit.ts'
import { readSecret } from '../input/input.ts'
import { assertProfileName } from '../input/profile.ts'
import type { Credentials, Profile } from '../input/profile-file.ts'
import { assertSecureUrl } from '../input/secure-url.ts'
import type { Run } from '../run.ts'

interface LoginOptions {
  readonly clientId?: string
  readonly secretFile?: string
  readonly introspectId?: string
  readonly introspectSecretFile?: string
}

/** Adds the commands. */
export function addLoginCommands(program: Command, setup: Setup): void {
  const login = addCommand(program, 'login [profile]', {
    summary: 'store a profile: an issuer, and a client that may use its admin API',
    details: [
      'The secret is read from --secret-file or standard input, or you type it and it is not shown. It is never read from the command line. It is checked, then stored in a file that only you may read. Without a name the profile is "default".',
    ],
    examples: [
      ['claimcheck login --issuer https://issuer.example --client-id ops', 'type the secret'],
      [
        'claimcheck login prod --issuer https://issuer.example --client-id ops --secret-file ops.secret',
        'read the secret from a file; the profile is "prod"',
      ],
    ],
  })
    .option('--client-id <id>', 'the client to sign in as')
    .option('--secret-file <file>', 'the file with its secret; - is standard input')
    .option('--introspect-id <id>', 'the resource server for "token introspect" and "feed tail"')
    .option('--introspect-secret-file <file>', 'the file with its secret')
  handle<LoginOptions, [string | undefined]>(login, setup, logIn)

  const logout = addCommand(program, 'logout [profile]', {
    summary: 'delete a stored profile with its secret',
    examples: [['claimcheck logout prod', 'delete the file; the secret stays valid on the server']],
  })
  handle<object, [string | undefined]>(logout, setup, logOut)

  const profiles = addCommand(program, 'profiles', {
    summary: 'list the profiles, and show which one is used here',
    examples: [['claimcheck profiles', 'secrets are not shown']],
  })
  handle<object, []>(profiles, setup, showProfiles)
}

async function logIn(run: Run, options: LoginOptions, given: string | undefined): Promise<void> {
  const { report, globals, prompt, environment } = run
  const name = given ?? globals.profile ?? 'default'
  assertProfileName(name)
  const issuer = globals.issuer ?? (await asked(run, 'Issuer URL: ', '--issuer'))
  assertSecureUrl(issuer, 'the issuer')
  const clientId = options.clientId ?? (await asked(run, 'Client id: ', '--client-id'))
  const question = `Secret of ${clientId} (not shown): `
  const clientSecret = await readSecret(environment, prompt, options.secretFile, question)
  const resourceServer = await resourceServerOf(run, options)
  const profile: Profile = {
    name,
    issuer,
    operator: { clientId, clientSecret },
    ...(resourceServer === undefined ? {} : { resourceServer }),
  }
  const scope = await run.apiOf(profile).signIn()
  const path = await run.profiles.save(profile)
  report.document({ profile: name, issuer, client_id: clientId, scope, path })
  report.line(`Signed in to ${issuer} as ${clientId}; the profile "${name}" is in ${path}.`, 'good')
  if (!/\bclaimcheck:/.test(scope)) {
    report.note(
      `${clientId} has no scope of the admin API: it may use almost no command.`,
      'warning',
    )
  }
}

async function asked({ prompt }: Run, question: string, option: string): Promise<string> {
  if (!prompt.isInteractive) throw usage(`${option} is missing`)
  const answer = (await prompt.ask(question)).trim()
  if (answer === '') throw usage(`${option} is missing`)
  return answer
}

async function resourceServerOf(
  { prompt, environment }: Run,
  { secretFile, introspectId, introspectSecretFile }: LoginOptions,
): Promise<Credentials | undefined> {
  if (introspectId === undefined) {
    if (introspectSecretFile === undefined) return undefined
    throw usage('--introspect-secret-file needs --introspect-id')
  }
  const isPiped = environment.stdin.isTTY !== true && introspectSecretFile === undefined
  if (isPiped || (introspectSecretFile === '-' && (secretFile ?? '-') === '-')) {
    throw usage(
      '--introspect-id needs --introspect-secret-file: standard input can hold only one secret',
    )
  }
  const question = `Secret of ${introspectId} (not shown): `
  const clientSecret = await readSecret(environment, prompt, introspectSecretFile, question)
  return { clientId: introspectId, clientSecret }
}

async function logOut(run: Run, _options: object, given: string | undefined): Promise<void> {
  const name = given ?? run.globals.profile ?? 'default'
  assertProfileName(name)
  const isGone = await run.profiles.remove(name)
  if (!isGone) throw usage(`there is no profile "${name}"`, 'claimcheck profiles')
  run.report.document({ profile: name, removed: true })
  run.report.line(`The profile "${name}" is deleted; its secret stays valid on the server.`)
}

async function showProfiles(run: Run): Promise<void> {
  const { report, profiles } = run
  const all = await profiles.list()
  const current = await run.profile().catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.usage) return undefined
    throw error
  })
  report.document({ profiles: all, current: current?.name ?? null })
  if (all.length === 0) {
    return report.line('There is no profile yet: claimcheck login --issuer URL --client-id ID')
  }
  report.table(
    [
      {
        title: 'profile',
        cell: ({ name }) => (name === current?.name ? `${name} (used here)` : name),
      },
      { title: 'issuer', cell: ({ issuer }) => issuer },
      { title: 'client', cell: ({ clientId }) => clientId },
      { title: 'problem', cell: ({ problem }) => problem ?? '', tone: () => 'bad', shrink: 'cut' },
      { title: 'file', cell: ({ path }) => path },
    ],
    all,
  )
}

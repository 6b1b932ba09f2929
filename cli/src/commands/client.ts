/** `claimcheck client`: the registry of OAuth clients. The server generates secrets; each is shown once. */
import type { Command } from 'commander'
import { addCommand, addGroup, handle, limitOption, type Setup, yesOption } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT } from '../exit.ts'
import { readJsonObject } from '../input/input.ts'
import { writeNamed } from '../input/private-file.ts'
import type { Run } from '../run.ts'
import { type Json, segment } from '../service/api.ts'
import { listOf, objectsOf, textOf, timeOf } from '../service/fields.ts'
import { showList } from './list.ts'
import { clientTarget, forecast } from './revoke-targets.ts'

/** Adds the commands. */
export function addClientCommands(program: Command, setup: Setup): void {
  const client = addGroup(program, 'client', 'register clients, rotate their secrets, disable them')
  addReading(client, setup)

  const put = addCommand(client, 'put <id>', {
    summary: 'register a client, or replace its registration',
    details: [
      'Takes the output of "client show --json". Secrets do not change; a new client gets its first secret with "client rotate-secret".',
    ],
    examples: [['claimcheck client put grades-api --from-file grades-api.json', 'register it']],
  }).requiredOption('--from-file <file>', 'the registration, a JSON object; - is standard input')
  handle<{ fromFile: string }, [string]>(put, setup, putClient)

  for (const verb of ['disable', 'delete'] as const) addDisableOrDelete(client, setup, verb)

  const enable = addCommand(client, 'enable <id>', {
    summary: 'enable a disabled client; its earlier tokens stay void',
    examples: [['claimcheck client enable web-app', 'it may get tokens again']],
  })
  handle<object, [string]>(enable, setup, async (run, _options, id) => {
    const body = { enabled: true }
    const answer = await (await run.api()).admin({ method: 'PUT', path: pathOf(id), body })
    run.report.document(answer)
    run.report.line(`${id} is enabled. Its earlier tokens stay void.`, 'good')
  })

  addRotation(client, setup)
}

function pathOf(id: string): string {
  return `/clients/${segment(id)}`
}

function addReading(client: Command, setup: Setup): void {
  const list = addCommand(client, 'list', {
    summary: 'list the registered clients',
    examples: [['claimcheck client list', 'the first 100']],
  }).addOption(limitOption(100))
  handle<{ limit: number }, []>(list, setup, listClients)

  const show = addCommand(client, 'show <id>', {
    summary: 'show the registration of a client',
    examples: [
      ['claimcheck client show web-app', 'as text'],
      ['claimcheck client show web-app --json > web-app.json', 'as JSON, to edit and put back'],
    ],
  })
  handle<object, [string]>(show, setup, async (run, _options, id) => {
    const answer = await (await run.api()).admin({ method: 'GET', path: pathOf(id) })
    run.report.document(answer)
    showClient(run, answer)
  })
}

async function listClients(run: Run, { limit }: { limit: number }): Promise<void> {
  await showList(run, {
    path: '/clients',
    member: 'clients',
    limit,
    empty: 'There are no clients.',
    columns: [
      { title: 'client', cell: ({ client_id }) => textOf(client_id) },
      {
        title: 'state',
        cell: ({ enabled }) => (enabled === false ? 'disabled' : 'enabled'),
        tone: ({ enabled }) => (enabled === false ? 'bad' : 'good'),
      },
      { title: 'introspects', cell: ({ introspect }) => (introspect === true ? 'yes' : '') },
      { title: 'resources', cell: ({ resources }) => listOf(resources), shrink: 'wrap' },
      { title: 'scope', cell: ({ scope }) => textOf(scope), shrink: 'wrap' },
      { title: 'name', cell: ({ client_name }) => textOf(client_name), shrink: 'cut' },
    ],
  })
}

function showClient({ report }: Run, { secrets, ...members }: Json): void {
  report.facts(
    Object.entries(members)
      .map(([name, value]) => ({
        name,
        value: Array.isArray(value) ? listOf(value) : textOf(value),
      }))
      .filter(({ value }) => value !== ''),
  )
  const live = objectsOf(secrets)
  report.line(live.length === 0 ? 'The client has no secret.' : '')
  if (live.length === 0) return
  report.table(
    [
      { title: 'secret', cell: ({ secret_id }) => textOf(secret_id) },
      { title: 'created', cell: ({ created_at }) => timeOf(created_at) },
    ],
    live,
  )
}

async function putClient(run: Run, { fromFile }: { fromFile: string }, id: string): Promise<void> {
  const body = await readJsonObject(run.environment, fromFile)
  const answer = await (await run.api()).admin({ method: 'PUT', path: pathOf(id), body })
  run.report.document(answer)
  showClient(run, answer)
  if (objectsOf(answer.secrets).length === 0 && answer.token_endpoint_auth_method !== 'none') {
    run.report.note(`The client has no secret yet: claimcheck client rotate-secret ${id}`)
  }
}

function addDisableOrDelete(client: Command, setup: Setup, verb: 'disable' | 'delete'): void {
  const command = addCommand(client, `${verb} <id>`, {
    summary:
      verb === 'disable'
        ? 'disable a client: its tokens are void, and it gets no new ones'
        : 'delete a client from the registry; its tokens are void',
    details: ['Says how many live grants the client has, and asks for its id as the confirmation.'],
    examples: [
      [`claimcheck client ${verb} web-app`, 'asks first'],
      [`claimcheck client ${verb} web-app --yes`, 'without a question'],
    ],
  }).addOption(yesOption())
  handle<{ yes?: boolean }, [string]>(command, setup, (run, { yes }, id) =>
    disableOrDelete(run, { verb, yes: yes === true, id }),
  )
}

interface DisableOrDelete {
  readonly verb: 'disable' | 'delete'
  readonly yes: boolean
  readonly id: string
}

async function disableOrDelete(run: Run, { verb, yes, id }: DisableOrDelete): Promise<void> {
  assertConfirmable(run, yes, `${verb === 'disable' ? 'disabling' : 'deleting'} ${id}`)
  const api = await run.api()
  if (!yes) {
    const live = await liveGrants(run, id)
    const blastRadius = `${id} has ${live} live grants; all of them will be void for good.`
    await confirm(run, yes, { blastRadius, typed: id })
  }
  const call =
    verb === 'disable'
      ? ({ method: 'PUT', path: pathOf(id), body: { enabled: false } } as const)
      : ({ method: 'DELETE', path: pathOf(id) } as const)
  const answer = await api.admin(call)
  run.report.document(verb === 'disable' ? answer : { client_id: id, deleted: true })
  run.report.line(`${id} is ${verb}d; all its tokens are void.`, 'bad')
}

/** Counting takes another scope than shutting out; who may not count may shut out all the same. */
async function liveGrants(run: Run, id: string): Promise<string> {
  try {
    return textOf((await forecast(await run.api(), clientTarget(id), {})).affected)
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.refused) return 'an unknown number of'
    throw error
  }
}

interface RotationOptions {
  readonly revokeOthers?: boolean
  readonly toFile?: string
  readonly yes?: boolean
}

function addRotation(client: Command, setup: Setup): void {
  const rotate = addCommand(client, 'rotate-secret <id>', {
    summary: 'give a client a new secret; the previous one keeps working',
    details: [
      'Writes the secret to standard output; it is never shown again. A client has at most two secrets: deploy the new one, then rotate again with --revoke-others.',
    ],
    examples: [
      [
        'claimcheck client rotate-secret web-app --to-file web-app.secret',
        'write a file of mode 0600',
      ],
      ['claimcheck client rotate-secret web-app --revoke-others', 'end the old secrets at once'],
    ],
  })
    .option('--revoke-others', 'all other secrets stop working at once')
    .option('--to-file <file>', 'write the secret to a file of mode 0600 instead')
    .addOption(yesOption())
  handle<RotationOptions, [string]>(rotate, setup, rotateSecret)
}

async function rotateSecret(run: Run, options: RotationOptions, id: string): Promise<void> {
  const { report } = run
  const { revokeOthers, toFile, yes } = options
  if (revokeOthers === true) {
    assertConfirmable(run, yes, 'revoking the other secrets')
    const blastRadius = `Every service that uses an older secret of ${id} will be refused.`
    await confirm(run, yes, { blastRadius })
  }
  const call = {
    method: 'POST',
    path: `${pathOf(id)}/secrets`,
    body: revokeOthers === true ? { revoke_others: true } : {},
  } as const
  const answer = await (await run.api()).admin(call)
  const { client_secret, ...rest } = answer
  const secret = textOf(client_secret)
  report.note(`Secret ${textOf(answer.secret_id)} of ${id} works now; it is not shown again.`)
  if (toFile !== undefined) {
    try {
      await writeNamed(run.environment.cwd, toFile, `${secret}\n`)
      report.document(rest)
      report.note(`It is in ${toFile}; only you may read it.`)
      return
    } catch (error) {
      // The secret works already: it is shown, because it would be lost otherwise.
      if (!(error instanceof CliError)) throw error
      report.note(error.message, 'bad')
    }
  }
  report.secret(report.isJson ? JSON.stringify(answer, null, 2) : secret)
}

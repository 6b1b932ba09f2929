/** `claimcheck role schema`: the permissions of roles. A change is shown first, and refused if the schema changes meanwhile. */
import type { Command } from 'commander'
import { addCommand, addGroup, handle, type Setup, yesOption } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { readJsonObject } from '../input/input.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { listOf, objectOf, objectsOf, textOf } from '../service/fields.ts'

const PATH = '/role-schema'

interface PutOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Adds the commands below `role`. */
export function addSchemaCommands(role: Command, setup: Setup): void {
  const schema = addGroup(role, 'schema', 'define what roles permit')
  const get = addCommand(schema, 'get', {
    summary: 'show the permissions of each role',
    examples: [
      ['claimcheck role schema get', 'as a table'],
      ['claimcheck role schema get --json > schema.json', 'as JSON, to edit and put back'],
    ],
  })
  handle<object, []>(get, setup, showSchema)

  const put = addCommand(schema, 'put <file>', {
    summary: 'replace the role schema, after showing the changes',
    details: [
      'The file holds {"roles": {"teacher": {"description"?, "permissions": […], "assumable"?: […]}}}; - is standard input. Assignments of a role that the new schema lacks are kept, but have no effect until the role is defined again.',
    ],
    examples: [
      ['claimcheck role schema put schema.json --dry-run', 'what would change?'],
      ['claimcheck role schema put schema.json', 'shows the changes, then asks'],
    ],
  })
    .option('-n, --dry-run', 'show what would change, change nothing')
    .addOption(yesOption())
  handle<PutOptions, [string]>(put, setup, putSchema)
}

async function showSchema(run: Run): Promise<void> {
  const { report } = run
  const answer = await (await run.api()).admin({ method: 'GET', path: PATH })
  report.document(answer)
  const roles = Object.entries(objectOf(answer.roles) ?? {})
  if (roles.length === 0) return report.line('No role is defined yet.')
  report.table(
    [
      { title: 'role', cell: ([name]) => name },
      {
        title: 'permissions',
        cell: ([, role]) => listOf(objectOf(role)?.permissions),
        shrink: 'cut',
      },
      {
        title: 'may assume',
        cell: ([, role]) => listOf(objectOf(role)?.assumable),
        shrink: 'wrap',
      },
      {
        title: 'description',
        cell: ([, role]) => textOf(objectOf(role)?.description),
        shrink: 'cut',
      },
    ],
    roles,
  )
}

async function putSchema(run: Run, { dryRun, yes }: PutOptions, file: string): Promise<void> {
  const { report } = run
  const given = await readJsonObject(run.environment, file)
  const body = { roles: given.roles ?? given }
  if (dryRun !== true) assertConfirmable(run, yes, 'replacing the role schema')
  const api = await run.api()
  const query = { dry_run: 'true' }
  const forecast = await api.admin({ method: 'PUT', path: PATH, query, body })
  if (dryRun === true) report.document(forecast)
  showChanges(run, forecast)
  if (dryRun === true) return
  if (changesOf(forecast).length === 0) return report.document(forecast)
  await confirm(run, yes, { blastRadius: 'The new schema applies to all live tokens at once.' })
  const ifMatch = `"${textOf(forecast.version)}"`
  const answer = await api.admin({ method: 'PUT', path: PATH, body, ifMatch })
  report.document(answer)
  report.line('The new schema is in force.', 'good')
}

interface Change {
  readonly what: string
  readonly role: string
  readonly assignments: string
  readonly detail: string
}

function changesOf(forecast: Json): readonly Change[] {
  const of = (what: string, detail: (change: Json) => string) =>
    objectsOf(forecast[what]).map((change) => ({
      what,
      role: textOf(change.role),
      assignments: textOf(change.assignments),
      detail: detail(change),
    }))
  return [
    ...of('added', () => ''),
    ...of('removed', () => 'its assignments will have no effect'),
    ...of('changed', changeText),
  ]
}

function changeText(change: Json): string {
  const list = (sign: string, values: unknown) =>
    Array.isArray(values) ? values.map((value) => `${sign}${textOf(value)}`) : []
  return [
    ...list('+', change.permissions_gained),
    ...list('-', change.permissions_lost),
    ...list('+assume:', change.assumable_gained),
    ...list('-assume:', change.assumable_lost),
  ].join(' ')
}

function showChanges({ report }: Run, forecast: Json): void {
  const changes = changesOf(forecast)
  if (changes.length === 0) report.line('Nothing to change.')
  if (changes.length === 0) return
  report.table(
    [
      { title: 'change', cell: ({ what }) => what, tone: ({ what }) => TONES[what] },
      { title: 'role', cell: ({ role }) => role },
      { title: 'assignments', cell: ({ assignments }) => assignments, align: 'right' },
      { title: 'detail', cell: ({ detail }) => detail, shrink: 'wrap' },
    ],
    changes,
  )
}

const TONES: Readonly<Record<string, 'good' | 'bad' | 'warning'>> = {
  added: 'good',
  removed: 'bad',
  changed: 'warning',
}

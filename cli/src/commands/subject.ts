/** `claimcheck subject`: shows a subject, suspends it, and sets its claims. */
import type { Command } from 'commander'
import { addCommand, addGroup, handle, type Setup, yesOption } from '../command.ts'
import { assertConfirmable, confirm } from '../confirmation.ts'
import { CliError, EXIT } from '../exit.ts'
import { readJsonObject } from '../input/input.ts'
import type { Run } from '../run.ts'
import { type Api, type Json, type Page, segment } from '../service/api.ts'
import { listOf, momentOf, numberOf, textOf, timeOf, valueText } from '../service/fields.ts'
import type { Column } from '../terminal/table.ts'
import { auditColumns } from './audit.ts'
import { forecast, subjectTarget } from './revoke-targets.ts'
import { assignmentColumns } from './role-assignments.ts'
import { sessionColumns } from './session.ts'

/** Adds the commands. */
export function addSubjectCommands(program: Command, setup: Setup): void {
  const subject = addGroup(program, 'subject', 'show a subject, suspend it, set its claims')
  const show = addCommand(subject, 'show <subject>', {
    summary: 'show status, claims, sessions, grants, roles and last changes of a subject',
    examples: [
      ['claimcheck subject show alice', 'one screen about alice'],
      ['claimcheck subject show alice --json', 'the same as one JSON document'],
    ],
  })
  handle<object, [string]>(show, setup, showSubject)

  const suspend = addCommand(subject, 'suspend <subject>', {
    summary: 'suspend a subject: its tokens are void, and it gets no new ones',
    examples: [
      ['claimcheck subject suspend alice', 'says how many grants are live, and asks first'],
      ['claimcheck subject suspend alice --yes', 'without a question'],
    ],
  }).addOption(yesOption())
  handle<{ yes?: boolean }, [string]>(suspend, setup, suspendSubject)

  const reactivate = addCommand(subject, 'reactivate <subject>', {
    summary: 'reactivate a suspended subject; its earlier tokens stay void',
    examples: [['claimcheck subject reactivate alice', 'alice may log in again']],
  })
  handle<object, [string]>(reactivate, setup, async (run, _options, name) => {
    const answer = await putSubject(await run.api(), name, { status: 'active' })
    run.report.document(answer)
    run.report.line(`${name} is active. Its earlier tokens stay void.`, 'good')
  })

  const claims = addCommand(subject, 'claims <subject>', {
    summary: 'show the claims of a subject, or replace all of them',
    details: ['Every introspection response about the subject contains its claims.'],
    examples: [
      ['claimcheck subject claims alice', 'show them'],
      ['claimcheck subject claims alice --from-file claims.json', 'replace them'],
    ],
  }).option('--from-file <file>', 'the claims, a JSON object; - is standard input')
  handle<{ fromFile?: string }, [string]>(claims, setup, subjectClaims)
}

function pathOf(subject: string): string {
  return `/subjects/${segment(subject)}`
}

async function putSubject(api: Api, subject: string, body: Json): Promise<Json> {
  return api.admin({ method: 'PUT', path: pathOf(subject), body })
}

async function suspendSubject(
  run: Run,
  { yes }: { yes?: boolean },
  subject: string,
): Promise<void> {
  assertConfirmable(run, yes, `suspending ${subject}`)
  const api = await run.api()
  if (yes !== true) {
    const { affected } = await forecast(api, subjectTarget(subject), {})
    const live = numberOf(affected) ?? 0
    const blastRadius = `${subject} has ${live} live grants; all of them will be void for good, and it gets no new ones.`
    await confirm(run, yes, { blastRadius })
  }
  const answer = await putSubject(api, subject, { status: 'suspended' })
  run.report.document(answer)
  run.report.line(`${subject} is suspended; all its tokens are void.`, 'bad')
}

async function subjectClaims(
  run: Run,
  { fromFile }: { fromFile?: string },
  subject: string,
): Promise<void> {
  const { report, environment } = run
  const api = await run.api()
  const path = pathOf(subject)
  const answer =
    fromFile === undefined
      ? await api.admin({ method: 'GET', path })
      : await putSubject(api, subject, await readJsonObject(environment, fromFile))
  const { sub: _, status: __, ...claims } = answer
  report.document(claims)
  const facts = factsOf(claims)
  if (facts.length === 0) report.line(`${subject} has no claims.`)
  report.facts(facts)
}

function factsOf(claims: Json) {
  return Object.entries(claims).map(([name, value]) => ({ name, value: valueText(value) }))
}

const PAGE = 10
const NOTHING: Page = { items: [], hasMore: false }

/** A part of the screen; `problem` says why it is missing. */
type Part = Page & { readonly problem?: string }

/** Reads a part. The parts need different scopes: a refused part does not hide the others. */
async function partOf(
  api: Api,
  path: string,
  member: string,
  query: Record<string, string> = {},
): Promise<Part> {
  try {
    return await api.pages({ method: 'GET', path, query }, member, PAGE)
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.refused) throw error
    return { ...NOTHING, problem: error.message }
  }
}

async function showSubject(run: Run, _options: object, subject: string): Promise<void> {
  const { report } = run
  const api = await run.api()
  const path = pathOf(subject)
  const [about, sessions, grants, roles, changes] = await Promise.all([
    api.admin({ method: 'GET', path }),
    partOf(api, `${path}/sessions`, 'sessions'),
    partOf(api, `${path}/grants`, 'grants'),
    partOf(api, `${path}/roles`, 'roles'),
    partOf(api, '/audit', 'records', { subject }),
  ])
  const shown = { sessions, grants, roles, changes }
  const parts = Object.entries(shown).map(([name, part]) => [
    name,
    { items: part.items, has_more: part.hasMore, problem: part.problem },
  ])
  report.document({ ...about, ...Object.fromEntries(parts) })
  const { sub, status, ...claims } = about
  report.facts([
    { name: 'subject', value: textOf(sub) },
    { name: 'status', value: textOf(status), tone: status === 'active' ? 'good' : 'bad' },
    ...factsOf(claims),
  ])
  const now = run.nowSeconds()
  const more = `claimcheck session list ${subject}`
  showPart(run, { title: 'sessions', part: sessions, columns: sessionColumns(now), more })
  showPart(run, { title: 'grants', part: grants, columns: grantColumns(now) })
  const allRoles = `claimcheck role list ${subject}`
  showPart(run, { title: 'roles', part: roles, columns: assignmentColumns(), more: allRoles })
  const audit = `claimcheck audit --subject ${subject}`
  showPart(run, { title: 'last changes', part: changes, columns: auditColumns(), more: audit })
}

interface ShownPart {
  readonly title: string
  readonly part: Part
  readonly columns: readonly Column<Json>[]
  /** The command that shows all items. */
  readonly more?: string
}

function showPart({ report }: Run, { title, part, columns, more }: ShownPart): void {
  report.line('')
  if (part.problem !== undefined) {
    report.line(`${title}: not shown, ${part.problem}`, 'warning')
    return
  }
  report.line(part.items.length === 0 ? `${title}: none` : title, 'title')
  if (part.items.length > 0) report.table(columns, part.items)
  if (part.hasMore) report.line(more === undefined ? '… and more' : `… and more: ${more}`, 'quiet')
}

function grantColumns(nowSeconds: number): readonly Column<Json>[] {
  return [
    { title: 'grant', cell: ({ grant_id }) => textOf(grant_id) },
    { title: 'client', cell: ({ client_id }) => textOf(client_id) },
    { title: 'issued', cell: ({ issued_at }) => momentOf(issued_at, nowSeconds) },
    { title: 'expires', cell: ({ expires_at }) => timeOf(expires_at) },
    { title: 'refresh', cell: ({ refresh }) => (refresh === true ? 'yes' : 'no') },
    { title: 'scope', cell: ({ scope }) => textOf(scope), shrink: 'wrap' },
    { title: 'audience', cell: ({ aud }) => listOf(aud), shrink: 'wrap' },
    { title: 'session', cell: ({ sid }) => textOf(sid) },
  ]
}

/** `claimcheck audit`: reads the audit, and follows it. */
import { type Command, Option } from 'commander'
import { addCommand, handle, limitOption, momentOption, type Setup } from '../command.ts'
import { CliError, EXIT, unreachable, usage } from '../exit.ts'
import { createRecent } from '../input/token-scanner.ts'
import type { Run } from '../run.ts'
import type { Api, Json } from '../service/api.ts'
import { numberOf, objectOf, objectsOf, textOf, timeOf, valueText } from '../service/fields.ts'
import { pause } from '../service/retry.ts'
import type { Column } from '../terminal/table.ts'
import { showList } from './list.ts'

interface AuditOptions {
  readonly subject?: string
  readonly client?: string
  readonly actor?: string
  readonly action?: string
  readonly result?: string
  readonly since?: number
  readonly until?: number
  readonly follow?: boolean
  readonly limit: number
}

const FOLLOW_EVERY_MS = 1_000
const FOLLOW_PAGE = 100
const SEEN_KEPT = 2_000

/** Adds the command. */
export function addAuditCommand(program: Command, setup: Setup): void {
  const audit = addCommand(program, 'audit', {
    summary: 'show who did what, to whom, when, from where, and with what result',
    details: [
      'Newest first. The audit has every change through the admin API and every refused attempt. Under attack, refused attempts are sampled; "×" says how many attempts one record stands for.',
    ],
    examples: [
      ['claimcheck audit --subject alice --since 2h', 'what happened to alice'],
      ['claimcheck audit --result refused --since 1d', 'who was refused'],
      ['claimcheck audit --action revocation.create --json', 'revocations, as JSON'],
      ['claimcheck audit --follow', 'show new records as they come'],
    ],
  })
    .option('--subject <sub>', 'only records about this subject')
    .option('--client <id>', 'only records about this client')
    .option('--actor <sub>', 'only records of this operator')
    .option(
      '--action <name>',
      'only this action, such as revocation.create, client.put, access.refused',
    )
    .addOption(
      new Option('--result <result>', 'only records with this result').choices(['done', 'refused']),
    )
    .addOption(
      momentOption(
        '--since <time>',
        'only records since then: 2h, 7d (ago) or a time',
        setup,
        'ago',
      ),
    )
    .addOption(momentOption('--until <time>', 'only records up to then', setup, 'ago'))
    .option('-f, --follow', 'keep showing new records until Ctrl-C')
    .addOption(limitOption(50))
  handle<AuditOptions, []>(audit, setup, showAudit)
}

async function showAudit(run: Run, options: AuditOptions): Promise<void> {
  const { subject, client, actor, action, result, since, until, limit } = options
  const query = {
    subject,
    client,
    actor,
    action,
    result,
    since: since === undefined ? undefined : Math.floor(since),
    until: until === undefined ? undefined : Math.ceil(until),
  }
  if (options.follow === true) {
    if (until !== undefined) throw usage('--follow and --until cannot be combined')
    return follow(run, await run.api(), query)
  }
  const [columns, empty] = [auditColumns(), 'There are no records.']
  return showList(run, { path: '/audit', query, member: 'records', limit, columns, empty })
}

type Query = Readonly<Record<string, string | number | undefined>>

/** Shows the records since `--since`, if it is given, and then new ones as they come. */
async function follow(run: Run, api: Api, query: Query): Promise<void> {
  const { report, environment } = run
  const { interrupted } = environment
  const anchor = await startOfFollowing(api)
  const isKnown = createRecent(SEEN_KEPT)
  if (!report.isJson) report.note('Waiting for records. Ctrl-C stops.', 'quiet')
  const show = async (records: readonly Json[]) => {
    for (const record of records) {
      if (isKnown(textOf(record.id))) continue
      await report.record(record)
      report.line(auditLine(record), record.result === 'refused' ? 'bad' : undefined)
    }
  }
  if (query.since !== undefined) {
    const call = { method: 'GET', path: '/audit', query: { ...query, order: 'asc' } } as const
    const { items } = await api.pages(call, 'records', Number.POSITIVE_INFINITY)
    await show(items)
  }
  for (let cursor = anchor; !interrupted.aborted; ) {
    const page = await nextPage(api, query, cursor)
    const records = objectsOf(page.records)
    await show(records)
    const next = textOf(page.next_cursor)
    cursor = next || textOf(page.follow_cursor) || cursor
    // Ctrl-C ends the loop.
    if (next === '') await pause(FOLLOW_EVERY_MS, interrupted).catch(() => undefined)
  }
}

function nextPage(api: Api, { since: _, ...filter }: Query, cursor: string): Promise<Json> {
  const query = { ...filter, order: 'asc', cursor, limit: FOLLOW_PAGE }
  return api.admin({ method: 'GET', path: '/audit', query }).catch((error: unknown) => {
    // Ctrl-C during a request ends the loop too.
    if (error instanceof CliError && error.exitCode === EXIT.interrupted) return {}
    throw error
  })
}

/**
 * The cursor behind the newest record. Reads from a cursor count as one read in the audit; without one, every read would
 * add a record, which this command would then show.
 */
async function startOfFollowing(api: Api): Promise<string> {
  const answer = await api.admin({ method: 'GET', path: '/audit', query: { limit: 1 } })
  const cursor = textOf(answer.follow_cursor)
  if (cursor !== '') return cursor
  throw unreachable('the audit cannot be followed: the issuer gives no cursor')
}

/** The columns of audit records. */
export function auditColumns(): readonly Column<Json>[] {
  return [
    { title: 'at', cell: ({ at }) => timeOf(at) },
    { title: 'action', cell: ({ action }) => textOf(action) },
    {
      title: 'result',
      cell: resultText,
      tone: ({ result }) => (result === 'refused' ? 'bad' : 'good'),
    },
    { title: 'by', cell: actorText },
    { title: 'on', cell: targetText, shrink: 'wrap' },
    {
      title: 'reason',
      cell: ({ reason, error }) => textOf(reason) || textOf(error),
      shrink: 'cut',
    },
    { title: 'from', cell: ({ source }) => textOf(source), shrink: 'cut' },
  ]
}

function auditLine(record: Json): string {
  const reason = textOf(record.reason) || textOf(record.error)
  return [
    timeOf(record.at),
    textOf(record.action),
    resultText(record),
    `by ${actorText(record) || 'an unknown caller'}`,
    targetText(record) === '' ? '' : `on ${targetText(record)}`,
    reason === '' ? '' : `(${reason})`,
    textOf(record.source) === '' ? '' : `from ${textOf(record.source)}`,
  ]
    .filter((part) => part !== '')
    .join('  ')
}

function resultText({ result, count }: Json): string {
  const times = numberOf(count)
  return times === undefined || times < 2 ? textOf(result) : `${textOf(result)} ×${times}`
}

function actorText({ actor, actor_client }: Json): string {
  const client = textOf(actor_client)
  const subject = textOf(actor)
  if (client === '' || client === subject) return subject
  return subject === '' ? client : `${subject} (${client})`
}

function targetText({ subject, client, target }: Json): string {
  const names = Object.entries(objectOf(target) ?? {}).filter(
    ([name]) => name !== 'subject' && name !== 'client',
  )
  return [['subject', subject], ['client', client], ...names]
    .filter(([, value]) => (value ?? '') !== '')
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ')
}

/** Shows what became of the tokens found in a file or a pipe: the counts, the tokens or subjects, and what is left to do. */
import type { Tally } from '../bulk/tally.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { numberOf, textOf, timeOf } from '../service/fields.ts'
import { count } from '../terminal/progress.ts'

/** A finished run. */
export interface Intake {
  readonly tally: Tally
  readonly found: number
  readonly seconds: number
  readonly dryRun: boolean
  readonly name: string
}

const MAX_ROWS = 20
const MAX_NAMED_GRANTS = 5

/** What an outcome says about the token before. */
const STATES_BEFORE: Readonly<Record<string, string>> = { revoked: 'live', spared: 'live, spared' }

/** Writes the report. */
export async function reportIntake({ report }: Run, intake: Intake): Promise<void> {
  const { tally, found, seconds, dryRun, name } = intake
  const counts = tally.counts()
  const subjects = tally.subjects()
  await report.record({ type: 'summary', dry_run: dryRun, found, ...counts, subjects })
  const { live = 0, already_void = 0, spared = 0, unknown = 0 } = counts
  const verb = dryRun ? 'are live and would be void' : 'were live and are void now'
  report.line(
    `${count(found)} found in ${name}: ${count(live)} ${verb}, ${count(already_void)} were void already,${sparedText(spared)} ${count(unknown)} are unknown here.`,
  )
  const tokens = tally.tokens()
  if (tokens.length > 0 && tokens.length <= MAX_ROWS) tokenTable(report, tokens, dryRun)
  else if (subjects.length > 0) {
    report.line('')
    subjectTable(report, subjects)
    if (subjects.length > MAX_ROWS || tally.hasMoreSubjects()) {
      report.line('… and others; --json names them all.', 'quiet')
    }
  }
  const grants = [...tally.liveGrants()]
  if (grants.length > 0) {
    const which = grants.length <= MAX_NAMED_GRANTS ? grants.join(' --grant ') : '…'
    report.note(
      `${count(grants.length)} of these logins can still refresh. To revoke them too: claimcheck revoke --grant ${which}`,
      'warning',
    )
  }
  if (seconds > 1) report.note(`${count(found / seconds)} tokens a second.`, 'quiet')
}

function sparedText(spared: number): string {
  return spared === 0 ? '' : ` ${count(spared)} are live and outside the given time,`
}

function tokenTable(report: Run['report'], tokens: readonly Json[], dryRun: boolean): void {
  report.line('')
  report.table(
    [
      {
        title: dryRun ? 'state' : 'state before',
        cell: ({ outcome }) => STATES_BEFORE[textOf(outcome)] ?? 'void',
        tone: ({ outcome }) => (outcome !== 'revoked' ? 'quiet' : dryRun ? 'warning' : 'bad'),
      },
      { title: 'level', cell: ({ level }) => textOf(level) },
      { title: 'subject', cell: ({ sub }) => textOf(sub) },
      { title: 'client', cell: ({ client_id }) => textOf(client_id) },
      { title: 'issued', cell: ({ issued_at }) => timeOf(issued_at) },
      { title: 'jti', cell: ({ jti, grant_id }) => textOf(jti) || textOf(grant_id) },
    ],
    tokens,
  )
}

function subjectTable(report: Run['report'], subjects: readonly Json[]): void {
  report.table(
    [
      { title: 'subject', cell: ({ sub }) => textOf(sub) },
      { title: 'live', cell: ({ live }) => count(numberOf(live) ?? 0), align: 'right' },
      { title: 'found', cell: ({ found }) => count(numberOf(found) ?? 0), align: 'right' },
      { title: 'first issued', cell: ({ since }) => timeOf(since) },
    ],
    subjects.slice(0, MAX_ROWS),
  )
}

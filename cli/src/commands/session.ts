/** `claimcheck session`: lists the logins of a subject and ends them. */
import type { Command } from 'commander'
import {
  addCommand,
  addCommandGroup,
  type CommandSetup,
  handle,
  limitOption,
  noteMore,
  yesOption,
} from '../command.ts'
import type { Run } from '../run.ts'
import type { Json } from '../service/api.ts'
import { segment } from '../service/api.ts'
import { momentOf, textOf, timeOf } from '../service/fields.ts'
import type { Column } from '../terminal/table.ts'
import { type RevocationOptions, revokeTargets, sessionTarget } from './revoke-targets.ts'

/** Adds the commands. */
export function addSessionCommands(program: Command, setup: CommandSetup): void {
  const session = addCommandGroup(program, 'session', 'list and end the logins of a subject')
  const list = addCommand(session, 'list <subject>', {
    summary: 'list the live sessions of a subject, with device and age',
    examples: [
      ['claimcheck session list alice', 'where is alice logged in?'],
      ['claimcheck session list alice --json | jq -r .sessions[].sid', 'only the ids'],
    ],
  }).addOption(limitOption(100))
  handle<{ limit: number }, [string]>(list, setup, listSessions)

  const kill = addCommand(session, 'kill <sid...>', {
    summary: 'end sessions: all their tokens are void at once',
    details: ['Asks first when there is more than one session.'],
    examples: [
      ['claimcheck session kill S1 --reason "laptop stolen"', 'end one session'],
      ['claimcheck session kill S1 S2 --dry-run', 'what would be revoked?'],
    ],
  })
    .option('--reason <text>', 'the reason, kept with the revocation and in the audit')
    .option('-n, --dry-run', 'show what would be revoked, change nothing')
    .addOption(yesOption())
  handle<RevocationOptions, [readonly string[]]>(kill, setup, (run, options, sids) =>
    revokeTargets(run, options, sids.map(sessionTarget)),
  )
}

async function listSessions(
  run: Run,
  { limit }: { limit: number },
  subject: string,
): Promise<void> {
  const { report } = run
  const call = { method: 'GET', path: `/subjects/${segment(subject)}/sessions` } as const
  const { items, hasMore } = await (await run.api()).pages(call, 'sessions', limit)
  report.document({ sessions: items, has_more: hasMore })
  if (items.length === 0) return report.line(`${subject} has no live session.`)
  report.table(sessionColumns(run.nowSeconds()), items)
  noteMore(run, hasMore)
}

/** The columns of sessions. */
export function sessionColumns(nowSeconds: number): readonly Column<Json>[] {
  return [
    { title: 'session', cell: ({ sid }) => textOf(sid) },
    { title: 'started', cell: ({ started_at }) => momentOf(started_at, nowSeconds) },
    { title: 'expires', cell: ({ expires_at }) => timeOf(expires_at) },
    { title: 'address', cell: ({ ip }) => textOf(ip) },
    { title: 'device', cell: ({ user_agent }) => textOf(user_agent), shrink: 'cut' },
  ]
}

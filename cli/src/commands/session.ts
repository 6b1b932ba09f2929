/** `claimcheck session`: lists the logins of a subject and ends them. */
import type { Command } from 'commander'
import { addCommand, addGroup, handle, limitOption, type Setup } from '../command.ts'
import type { Json } from '../service/api.ts'
import { segment } from '../service/api.ts'
import { momentOf, textOf, timeOf } from '../service/fields.ts'
import type { Column } from '../terminal/table.ts'
import { showList } from './list.ts'
import {
  addRevocationOptions,
  type RevocationOptions,
  revokeTargets,
  sessionTarget,
} from './revoke-targets.ts'

/** Adds the commands. */
export function addSessionCommands(program: Command, setup: Setup): void {
  const session = addGroup(program, 'session', 'list and end the logins of a subject')
  const list = addCommand(session, 'list <subject>', {
    summary: 'list the live sessions of a subject, with device and age',
    examples: [
      ['claimcheck session list alice', 'where is alice logged in?'],
      ['claimcheck session list alice --json | jq -r .sessions[].sid', 'only the ids'],
    ],
  }).addOption(limitOption(100))
  handle<{ limit: number }, [string]>(list, setup, (run, { limit }, subject) =>
    showList(run, {
      path: `/subjects/${segment(subject)}/sessions`,
      member: 'sessions',
      limit,
      columns: sessionColumns(run.nowSeconds()),
      empty: `${subject} has no live session.`,
    }),
  )

  const kill = addCommand(session, 'kill <sid...>', {
    summary: 'end sessions: all their tokens are void at once',
    details: ['Asks first when there is more than one session.'],
    examples: [
      ['claimcheck session kill S1 --reason "laptop stolen"', 'end one session'],
      ['claimcheck session kill S1 S2 --dry-run', 'what would be revoked?'],
    ],
  })
  addRevocationOptions(kill)
  handle<RevocationOptions, [readonly string[]]>(kill, setup, (run, options, sids) =>
    revokeTargets(run, options, sids.map(sessionTarget)),
  )
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

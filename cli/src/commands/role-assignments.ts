/** `claimcheck role assign|remove|list|who`. An assignment always names its context; `*` says "everywhere" on purpose. */
import type { Command } from 'commander'
import {
  addCommand,
  type CommandSetup,
  contextFilterOption,
  contextOption,
  handle,
  limitOption,
  momentOption,
} from '../command.ts'
import { refused } from '../exit.ts'
import type { Run } from '../run.ts'
import { type Json, segment } from '../service/api.ts'
import { numberOf, textOf, timeOf } from '../service/fields.ts'
import type { Column } from '../terminal/table.ts'

interface AssignOptions {
  readonly in: string
  readonly until?: number
}

/** Adds the verbs. */
export function addAssignmentCommands(role: Command, setup: CommandSetup): void {
  const assign = addCommand(role, 'assign <subject> <role>', {
    summary: 'give a subject a role in a context',
    details: ['Live tokens have it at once. Assigning again sets the end anew.'],
    examples: [
      ['claimcheck role assign alice teacher --in course:123', 'alice teaches course 123'],
      ['claimcheck role assign bob proctor --in exam:7 --until 4h', 'for the next four hours'],
      ["claimcheck role assign carol staff --in '*'", 'everywhere'],
    ],
  })
    .addOption(
      contextOption(
        '--in <context>',
        "where: type:id, or '*' for everywhere",
      ).makeOptionMandatory(),
    )
    .addOption(
      momentOption(
        '--until <time>',
        'when it ends by itself: 4h (from now) or a time',
        setup,
        'ahead',
      ),
    )
  handle<AssignOptions, [string, string]>(assign, setup, (run, options, subject, name) =>
    change(run, {
      op: 'assign',
      subject,
      role: name,
      context: options.in,
      expires_at: whole(options.until),
    }),
  )

  const remove = addCommand(role, 'remove <subject> <role>', {
    summary: 'take a role in a context away',
    examples: [
      [
        'claimcheck role remove alice teacher --in course:123',
        'no token is void; all lose the role',
      ],
    ],
  }).addOption(
    contextOption('--in <context>', "where: type:id, or '*' for everywhere").makeOptionMandatory(),
  )
  handle<AssignOptions, [string, string]>(remove, setup, (run, options, subject, name) =>
    change(run, { op: 'remove', subject, role: name, context: options.in }),
  )

  const list = addCommand(role, 'list <subject>', {
    summary: 'the roles of a subject',
    examples: [
      ['claimcheck role list alice', 'all contexts'],
      ['claimcheck role list alice --in course:123', 'one context'],
    ],
  })
    .addOption(
      contextFilterOption('--in <context>', "only there: type:id, or 'type:*' for all of a type"),
    )
    .addOption(limitOption(100))
  handle<{ in?: string; limit: number }, [string]>(list, setup, listRoles)

  const who = addCommand(role, 'who [role]', {
    summary: 'who holds a role, or any, in a context',
    examples: [
      ['claimcheck role who teacher --in course:123', 'the teachers of course 123'],
      ['claimcheck role who --in course:123 --limit all', 'everybody with a role there'],
    ],
  })
    .addOption(
      contextOption(
        '--in <context>',
        "where: type:id, or '*' for everywhere",
      ).makeOptionMandatory(),
    )
    .addOption(limitOption(100))
  handle<{ in: string; limit: number }, [string | undefined]>(who, setup, showWho)
}

function whole(moment: number | undefined): number | undefined {
  return moment === undefined ? undefined : Math.ceil(moment)
}

async function change(run: Run, assignment: Json): Promise<void> {
  const { report } = run
  const path = '/role-assignments'
  const call = { method: 'POST', path, body: assignment, isRepeatable: true } as const
  const answer = await (await run.api()).admin(call)
  const errors = answer.errors
  if (Array.isArray(errors) && errors.length > 0) {
    const { error, detail } = errors[0] as Json
    throw refused(textOf(detail) || textOf(error))
  }
  report.document(answer)
  const { subject, role, context, op } = assignment
  const isDone = (numberOf(answer.assigned) ?? 0) + (numberOf(answer.removed) ?? 0) > 0
  const where = context === '*' ? 'everywhere' : `in ${textOf(context)}`
  const verb = op === 'assign' ? 'holds' : 'no longer holds'
  const end = assignment.expires_at === undefined ? '' : `, until ${timeOf(assignment.expires_at)}`
  const already = isDone ? '' : ' It was so already.'
  report.line(`${textOf(subject)} ${verb} ${textOf(role)} ${where}${end}.${already}`, 'good')
}

/** How assignments of a subject are shown. */
export function assignmentColumns(): readonly Column<Json>[] {
  return [
    { title: 'context', cell: ({ context }) => textOf(context) },
    { title: 'role', cell: ({ role }) => textOf(role) },
    { title: 'until', cell: ({ expires_at }) => timeOf(expires_at) },
    {
      title: 'note',
      cell: ({ dormant }) => (dormant === true ? 'dormant: the schema has no such role' : ''),
      tone: () => 'warning',
      shrink: 'cut',
    },
  ]
}

async function listRoles(
  run: Run,
  options: { in?: string; limit: number },
  subject: string,
): Promise<void> {
  const { report } = run
  const path = `/subjects/${segment(subject)}/roles`
  const call = { method: 'GET', path, query: { context: options.in } } as const
  const { items, hasMore } = await (await run.api()).pages(call, 'roles', options.limit)
  report.document({ roles: items, has_more: hasMore })
  if (items.length === 0)
    return report.line(
      `${subject} holds no role${options.in === undefined ? '' : ` in ${options.in}`}.`,
    )
  report.table(assignmentColumns(), items)
  if (hasMore) report.note('There are more: --limit all shows them.', 'quiet')
}

async function showWho(
  run: Run,
  options: { in: string; limit: number },
  role: string | undefined,
): Promise<void> {
  const { report } = run
  const path = `/contexts/${segment(options.in)}/subjects`
  const call = { method: 'GET', path, query: { role } } as const
  const { items, hasMore } = await (await run.api()).pages(call, 'subjects', options.limit)
  report.document({ subjects: items, has_more: hasMore })
  if (items.length === 0) return report.line(`Nobody holds ${role ?? 'a role'} in ${options.in}.`)
  const subject: Column<Json> = {
    title: 'subject',
    cell: (item) => textOf(item.sub) || textOf(item.subject),
  }
  report.table([subject, ...assignmentColumns().slice(1)], items)
  if (hasMore) report.note('There are more: --limit all shows them.', 'quiet')
}

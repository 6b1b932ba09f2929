/** `claimcheck role assign|remove|list|who`. An assignment always names its context; `*` means everywhere. */
import type { Command } from 'commander'
import {
  addCommand,
  contextFilterOption,
  contextOption,
  handle,
  limitOption,
  momentOption,
  type Setup,
} from '../command.ts'
import { refused } from '../exit.ts'
import type { Run } from '../run.ts'
import { type Json, segment } from '../service/api.ts'
import { numberOf, textOf, timeOf } from '../service/fields.ts'
import type { Column } from '../terminal/table.ts'
import { showList } from './list.ts'

interface AssignOptions {
  readonly in: string
  readonly until?: number
}

/** The mandatory option for the context. */
function inOption() {
  return contextOption(
    '--in <context>',
    "where: type:id, or '*' for everywhere",
  ).makeOptionMandatory()
}

/** Adds the commands. */
export function addAssignmentCommands(role: Command, setup: Setup): void {
  const assign = addCommand(role, 'assign <subject> <role>', {
    summary: 'give a subject a role in a context',
    details: [
      'Live tokens get the role at once. Assigning it again replaces the time when it ends.',
    ],
    examples: [
      ['claimcheck role assign alice teacher --in course:123', 'alice teaches course 123'],
      ['claimcheck role assign bob proctor --in exam:7 --until 4h', 'for the next four hours'],
      ["claimcheck role assign carol staff --in '*'", 'everywhere'],
    ],
  })
    .addOption(inOption())
    .addOption(
      momentOption('--until <time>', 'when the role ends: 4h (from now) or a time', setup, 'ahead'),
    )
  handle<AssignOptions, [string, string]>(assign, setup, (run, options, subject, name) =>
    applyAssignment(run, {
      op: 'assign',
      subject,
      role: name,
      context: options.in,
      expires_at: roundUp(options.until),
    }),
  )

  const remove = addCommand(role, 'remove <subject> <role>', {
    summary: 'remove a role of a subject in a context',
    examples: [['claimcheck role remove alice teacher --in course:123', 'tokens stay active']],
  }).addOption(inOption())
  handle<AssignOptions, [string, string]>(remove, setup, (run, options, subject, name) =>
    applyAssignment(run, { op: 'remove', subject, role: name, context: options.in }),
  )

  const list = addCommand(role, 'list <subject>', {
    summary: 'list the roles of a subject',
    examples: [
      ['claimcheck role list alice', 'in all contexts'],
      ['claimcheck role list alice --in course:123', 'in one context'],
    ],
  })
    .addOption(
      contextFilterOption(
        '--in <context>',
        "only in this context: type:id, or 'type:*' for all of a type",
      ),
    )
    .addOption(limitOption(100))
  handle<{ in?: string; limit: number }, [string]>(list, setup, listRoles)

  const who = addCommand(role, 'who [role]', {
    summary: 'list who holds a role, or any role, in a context',
    examples: [
      ['claimcheck role who teacher --in course:123', 'the teachers of course 123'],
      ['claimcheck role who --in course:123 --limit all', 'everyone with a role there'],
    ],
  })
    .addOption(inOption())
    .addOption(limitOption(100))
  handle<{ in: string; limit: number }, [string | undefined]>(who, setup, showWho)
}

function roundUp(moment: number | undefined): number | undefined {
  return moment === undefined ? undefined : Math.ceil(moment)
}

async function applyAssignment(run: Run, assignment: Json): Promise<void> {
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
  const unchanged = isDone ? '' : ' Nothing to change.'
  report.line(`${textOf(subject)} ${verb} ${textOf(role)} ${where}${end}.${unchanged}`, 'good')
}

/** The columns of role assignments. */
export function assignmentColumns(): readonly Column<Json>[] {
  return [
    { title: 'context', cell: ({ context }) => textOf(context) },
    { title: 'role', cell: ({ role }) => textOf(role) },
    { title: 'until', cell: ({ expires_at }) => timeOf(expires_at) },
    {
      title: 'note',
      cell: ({ dormant }) => (dormant === true ? 'dormant: the role schema has no such role' : ''),
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
  const where = options.in === undefined ? '' : ` in ${options.in}`
  await showList(run, {
    path: `/subjects/${segment(subject)}/roles`,
    query: { context: options.in },
    member: 'roles',
    limit: options.limit,
    columns: assignmentColumns(),
    empty: `${subject} holds no role${where}.`,
  })
}

async function showWho(
  run: Run,
  options: { in: string; limit: number },
  role: string | undefined,
): Promise<void> {
  const subject = {
    title: 'subject',
    cell: (item: Json) => textOf(item.sub) || textOf(item.subject),
  }
  await showList(run, {
    path: `/contexts/${segment(options.in)}/subjects`,
    query: { role },
    member: 'subjects',
    limit: options.limit,
    columns: [subject, ...assignmentColumns().slice(1)],
    empty: `Nobody holds ${role ?? 'a role'} in ${options.in}.`,
  })
}

/** `claimcheck feed tail`: shows the events that clients receive. */

import type { EventFrame, FeedEvent } from '@claimcheck/client/wire'
import { type Command, Option } from 'commander'
import { addCommand, addGroup, handle, type Setup } from '../command.ts'
import { unreachable } from '../exit.ts'
import type { Run } from '../run.ts'
import { watchFeed } from '../service/feed-watch.ts'
import { basic } from '../service/operator-token.ts'
import { formatMoment } from '../terminal/moment.ts'

interface TailOptions {
  readonly subject?: string
  readonly type?: string
}

const TYPES: readonly string[] = [
  'token',
  'grant',
  'session',
  'subject',
  'subjects',
  'subject_client',
  'client',
  'all',
  'schema',
]

/** Introspected before the socket is opened, to get an error message: a refused upgrade has none. */
const NO_TOKEN = 'none'

/** Adds the commands. */
export function addFeedCommands(program: Command, setup: Setup): void {
  const feed = addGroup(program, 'feed', 'watch the events that clients receive')
  const tail = addCommand(feed, 'tail', {
    summary: 'show events as they are pushed, until Ctrl-C',
    details: [
      'Connects as the resource server of the profile. After a lost connection it resumes where it was, and says when events may have been missed.',
    ],
    examples: [
      ['claimcheck feed tail', 'all events'],
      ['claimcheck feed tail --subject alice --json', 'of one subject, one JSON object per line'],
    ],
  })
    .option('--subject <sub>', 'only events that name this subject')
    .addOption(new Option('--type <type>', 'only events of this type').choices(TYPES))
  handle<TailOptions, []>(tail, setup, tailFeed)
}

async function tailFeed(run: Run, options: TailOptions): Promise<void> {
  const { report, environment, timeoutMs } = run
  const api = await run.api()
  await api.introspect(NO_TOKEN, undefined)
  const { feed } = await api.endpoints()
  if (feed === undefined) throw unreachable('this server has no feed')
  const broken = new AbortController()
  let problem: unknown
  /** Stops after a failed write, such as to a closed pipe. */
  const end = (error: unknown) => {
    problem = error
    broken.abort()
  }
  await watchFeed({
    url: feed.replace(/^http/, 'ws'),
    authorization: basic(api.resourceServer),
    timeoutMs,
    random: environment.random,
    stop: AbortSignal.any([environment.interrupted, broken.signal]),
    up: ({ partitions }) =>
      report.note(`Following ${partitions.length} partitions. Ctrl-C stops.`, 'quiet'),
    down: (reason) => report.note(`${reason}; connecting again`, 'warning'),
    reset: ({ partition }) =>
      report.note(`partition ${partition} was reset: events may have been missed`, 'warning'),
    event: (frame) => {
      if (isWanted(frame.event, options)) show(run, frame).catch(end)
    },
  })
  if (problem !== undefined) throw problem
}

/** An event of a type that is unknown here is always shown: it may concern anything. */
function isWanted(event: FeedEvent, { subject, type }: TailOptions): boolean {
  if (!TYPES.includes(event.type)) return true
  const isOfType = type === undefined || event.type === type
  const isSeveral = type === 'subject' && event.type === 'subjects'
  if (!isOfType && !isSeveral) return false
  if (subject === undefined) return true
  if (event.type === 'subjects') return event.subjects.some(({ sub }) => sub === subject)
  return 'sub' in event && event.sub === subject
}

async function show({ report, nowSeconds }: Run, frame: EventFrame): Promise<void> {
  const at = nowSeconds()
  const { partition, epoch, seq, event } = frame
  await report.record({ at, partition, epoch, seq, event })
  const { type, ...names } = event
  const members = Object.entries(names).map(([name, value]) => `${name}=${nameText(value)}`)
  report.line([formatMoment(at), type.padEnd(14), ...members].join('  '))
}

function nameText(value: unknown): string {
  if (!Array.isArray(value)) return String(value)
  return value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(',')
}

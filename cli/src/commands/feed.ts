/** `claimcheck feed tail`: changes as clients are told of them. */

import type { EventFrame, FeedEvent } from '@claimcheck/client/wire'
import { type Command, Option } from 'commander'
import { addCommand, addCommandGroup, type CommandSetup, handle } from '../command.ts'
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

/** Asked about before the socket is opened: an upgrade that is refused does not say why. */
const NO_TOKEN = 'none'

/** Adds the noun. */
export function addFeedCommands(program: Command, setup: CommandSetup): void {
  const feed = addCommandGroup(program, 'feed', 'watch what clients are told')
  const tail = addCommand(feed, 'tail', {
    summary: 'show changes as they are pushed, until Ctrl-C',
    details: [
      'Connects as the resource server of the profile. After a break it goes on where it was, and says so when changes may have been missed.',
    ],
    examples: [
      ['claimcheck feed tail', 'everything'],
      ['claimcheck feed tail --subject alice --json', 'one subject, a JSON object a line'],
    ],
  })
    .option('--subject <sub>', 'only what names this subject')
    .addOption(new Option('--type <type>', 'only changes of this type').choices(TYPES))
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
  /** A closed pipe is noticed while writing. */
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
      report.note(`Following ${partitions.length} partitions; Ctrl-C ends it.`, 'quiet'),
    down: (reason) => report.note(`${reason}; trying again`, 'warning'),
    reset: ({ partition }) =>
      report.note(`partition ${partition} begins anew: changes may have been missed`, 'warning'),
    event: (frame) => {
      if (isWanted(frame.event, options)) show(run, frame).catch(end)
    },
  })
  if (problem !== undefined) throw problem
}

/** Of a type that is not known here an event may touch anything. */
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
  const told = Object.entries(names).map(([name, value]) => `${name}=${nameText(value)}`)
  report.line([formatMoment(at), type.padEnd(14), ...told].join('  '))
}

function nameText(value: unknown): string {
  if (!Array.isArray(value)) return String(value)
  return value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(',')
}

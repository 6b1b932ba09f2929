/**
 * What is kept in Redis, in bytes of it: everything that a token, a grant, a session, a subject or an assignment brings with
 * it, indexes and expiry included, beside a key that could hold no less, and beside oidc-provider.
 */
import { figureOf, ratioOf } from '../figure.ts'
import type { Bench, Finding, Measure, Row, Table } from '../measure.ts'
import { costOfOurs, costOfTheirs } from '../memory/client-credentials.ts'
import { type Cost, costOf } from '../memory/cost.ts'
import { THINGS, type ThingId } from '../memory/things.ts'

/** Three quarters of a table of the next power of two: what a table costs a key is then what it costs on average. */
const THINGS_EACH = { quick: 3_000, full: 24_000 }
const TOKENS_OVER_HTTP = { quick: 1_500, full: 3_000 }

/** The measure. */
export const memory: Measure = { name: 'memory', title: 'Memory in Redis', run }

async function run({ machine, isQuick, step }: Bench): Promise<Finding> {
  const size = isQuick ? 'quick' : 'full'
  const costs = {} as Record<ThingId, Cost>
  for (const id of Object.keys(THINGS) as ThingId[]) {
    step(THINGS[id].name)
    costs[id] = await costOf(machine, THINGS[id], THINGS_EACH[size])
  }
  step('tokens by client credentials')
  const ours = await costOfOurs(machine, TOKENS_OVER_HTTP[size])
  step('tokens by client credentials of oidc-provider')
  const theirs = await costOfTheirs(machine, TOKENS_OVER_HTTP[size])
  const ratio = ratioOf(figureOf([ours.bytes]), figureOf([theirs.bytes]))
  return {
    tables: [
      ownTable(costs),
      {
        title: 'A token by client credentials from POST /token',
        columns: ['bytes each', 'keys each'],
        rows: [rowOf('Claimcheck', ours), rowOf('oidc-provider', theirs)],
      },
    ],
    notes: notesOf(size),
    reached: {
      memoryOfTen: costs.ofTen.bytes,
      memoryOfOne: costs.ofOne.bytes,
      memoryBesideOidcProvider: ratio.median,
    },
  }
}

function ownTable(costs: Readonly<Record<ThingId, Cost>>): Table {
  const rows = (Object.keys(THINGS) as ThingId[]).map((id) => rowOf(THINGS[id].name, costs[id]))
  return {
    title: 'What one of each costs in Redis',
    columns: ['bytes each', 'keys each'],
    rows: [
      ...rows,
      rowOf('session: a login with one beside a login without', {
        bytes: costs.login.bytes - costs.user.bytes,
        keys: costs.login.keys - costs.user.keys,
      }),
    ],
  }
}

function rowOf(name: string, { bytes, keys }: Cost): Row {
  return { name, cells: [figureOf([bytes]), figureOf([keys])] }
}

function notesOf(size: keyof typeof THINGS_EACH): string[] {
  const [things, tokens] = [THINGS_EACH[size], TOKENS_OVER_HTTP[size]]
  return [
    `Growth of used_memory over ${things.toLocaleString('en')} things of a kind (four times as many assignments) on a Redis of its own, divided by them: records, indexes, expiry and the tables of Redis. The number is three quarters of a power of two, so that the tables cost a key what they do on average: 10 bytes more each just after they grew.`,
    'Left out is what ages out by itself: the log of changes (10 minutes after the last one) and what a retry of a refresh is answered with (10 seconds). A revocation of a subject stands for 366 days; repeated ones replace each other.',
    `Each figure is one count of bytes; between runs they differ by 2 %, those of tokens from POST /token by 4 % (buffers of the services’ connections). Tokens from POST /token: ${tokens.toLocaleString('en')} from each, all of one client, one hour of life, each server on a Redis of its own; oidc-provider keeps opaque tokens as JSON, one command each, as fast as its adapter can be.`,
    'Claimcheck keeps the SHA-256 of a token, an index of what a subject holds and what every revocation needs; oidc-provider keeps the token itself as the key and no index of a client’s tokens.',
  ]
}

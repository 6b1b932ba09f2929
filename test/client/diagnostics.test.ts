/** What observers are told through Node's diagnostics channel: the state, stale decisions, answers not kept; no token. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Client, createClient } from '../../client/src/index.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  activeAnswer,
  answerActive,
  type ScriptedServer,
  shaped,
  startScriptedServer,
} from './scripted-server.ts'

const CHANNELS = ['claimcheck:client:state', 'claimcheck:client:stale', 'claimcheck:client:discard']

let server: ScriptedServer
let client: Client | undefined
let told: { channel: string; message: unknown }[]

const listen = (message: unknown, channel: string | symbol): void => {
  told.push({ channel: String(channel), message })
}
const toldOf = (name: string) =>
  told
    .filter(({ channel }) => channel === `claimcheck:client:${name}`)
    .map(({ message }) => message as Readonly<Record<string, unknown>>)

beforeEach(async () => {
  told = []
  for (const channel of CHANNELS) subscribe(channel, listen)
  server = await startScriptedServer()
})

afterEach(async () => {
  client?.close()
  for (const channel of CHANNELS) unsubscribe(channel, listen)
  await server.close()
})

it('tells of states, of stale decisions and of answers that were not kept', async () => {
  const observed = createClient({
    issuer: server.issuer,
    clientId: 'a',
    clientSecret: 'b',
    maxStalenessMs: 1_000,
  })
  client = observed
  await waitFor(() => observed.health().state === 'fresh')
  // Without a stamp nobody can tell how fresh it is.
  server.respond = ({ res }) => void res.end(JSON.stringify(activeAnswer('b')))
  await waitFor(() => observed.introspect(shaped('b')))
  server.respond = answerActive()
  await waitFor(async () => {
    await observed.introspect(shaped('a'))
    return observed.health().entries === 1
  })
  server.respond = ({ res }) => {
    res.statusCode = 503
    res.end()
  }
  server.greet = (socket) => socket.terminate()
  for (const socket of server.sockets) socket.terminate()
  await waitFor(() => toldOf('state').at(-1)?.state === 'suspended')
  await observed.authorize(shaped('a'), {}, { allowStaleMs: 60_000 })
  const { counts } = observed.health()
  observed.close()

  // On a busy machine a lease may also run out in between, and be granted again.
  const states = toldOf('state').map(({ state }) => state)
  expect(states.join(' ')).toMatch(/^fresh suspended (?:fresh suspended )*closed$/)
  const discards = toldOf('discard').map(({ reason }) => reason)
  expect(discards).toContain('unmarked')
  expect(countsOf(discards)).toEqual(
    Object.fromEntries(Object.entries(counts.discarded).filter(([, count]) => count > 0)),
  )
  expect(counts.staleServed).toBe(1)
  expect(toldOf('stale')).toEqual([{ staleForMs: expect.any(Number) }])
  expect(JSON.stringify(told)).not.toContain(shaped('a'))
})

function countsOf(names: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[`${name}`] = (counts[`${name}`] ?? 0) + 1
  return counts
}

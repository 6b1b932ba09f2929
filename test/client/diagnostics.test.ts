/** What observers are told through Node's diagnostics channel: the state, stale decisions, answers not kept; no token. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Client, createClient } from '../../client/src/index.ts'
import { waitFor } from '../fixture/wait-for.ts'
import {
  activeAnswer,
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
    .map(({ message }) => message)

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
  client = createClient({
    issuer: server.issuer,
    clientId: 'a',
    clientSecret: 'b',
    maxStalenessMs: 200,
  })
  await waitFor(() => client?.health().state === 'fresh')
  await client.introspect(shaped('a'))
  // Without a stamp nobody can tell how fresh it is.
  server.respond = ({ res }) => void res.end(JSON.stringify(activeAnswer('b')))
  await client.introspect(shaped('b'))
  server.respond = ({ res }) => {
    res.statusCode = 503
    res.end()
  }
  server.greet = (socket) => socket.terminate()
  for (const socket of server.sockets) socket.terminate()
  await waitFor(() =>
    toldOf('state').some((message) => JSON.stringify(message).includes('suspended')),
  )
  await client.authorize(shaped('a'), {}, { allowStaleMs: 60_000 })
  client.close()
  expect(toldOf('state')).toMatchObject([
    { state: 'fresh' },
    { state: 'suspended' },
    { state: 'closed' },
  ])
  expect(toldOf('discard')).toEqual([{ reason: 'unmarked' }])
  expect(toldOf('stale')).toEqual([{ staleForMs: expect.any(Number) }])
  expect(JSON.stringify(told)).not.toContain(shaped('a'))
})

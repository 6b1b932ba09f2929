/**
 * Events for observers through Node's `diagnostics_channel`, if the platform has it. Messages contain no token and no secret.
 *
 *   claimcheck:client:state    { state, reason }       the state of the cache has changed
 *   claimcheck:client:stale    { staleForMs }          an answer older than the bound was served (opt-in)
 *   claimcheck:client:discard  { reason }              an answer was not kept
 */

interface Channel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

interface BuiltinModules {
  getBuiltinModule?(name: string): { channel(name: string): Channel } | undefined
}

const { process: host } = globalThis as { readonly process?: BuiltinModules }
const module = host?.getBuiltinModule?.('node:diagnostics_channel')

type Publish<Message> = (message: Message) => void

function publisher<Message>(name: string): Publish<Message> {
  const channel = module?.channel(name)
  return (message) => {
    if (channel?.hasSubscribers === true) channel.publish(message)
  }
}

/** The state of the cache has changed. */
export const publishState: Publish<{ readonly state: string; readonly reason: string }> =
  publisher('claimcheck:client:state')

/** An answer older than the bound was served. */
export const publishStale: Publish<{ readonly staleForMs: number }> =
  publisher('claimcheck:client:stale')

/** An answer was not kept. */
export const publishDiscard: Publish<{ readonly reason: string }> = publisher(
  'claimcheck:client:discard',
)

/**
 * Events for observers through Node's `diagnostics_channel`, where there is one. Messages hold no token and no secret.
 *
 *   claimcheck:client:state    { state, reason }       the cache's state has changed
 *   claimcheck:client:stale    { staleForMs }          a decision was made on facts beyond the bound (opt-in)
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

/** The client's state has changed. */
export const publishState: Publish<{ readonly state: string; readonly reason: string }> =
  publisher('claimcheck:client:state')

/** A decision was made on stale facts. */
export const publishStale: Publish<{ readonly staleForMs: number }> =
  publisher('claimcheck:client:stale')

/** An answer was not kept. */
export const publishDiscard: Publish<{ readonly reason: string }> = publisher(
  'claimcheck:client:discard',
)

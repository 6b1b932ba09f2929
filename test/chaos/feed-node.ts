/** An introspection node as a separate process, so that it can be killed, frozen and replaced. */
import { type ServiceProcess, startProcess } from '../system/service-process.ts'

/** A node on a fixed port. */
export interface FeedNode {
  readonly port: number
  start(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
  /** A planned stop: the feed says goodbye. Resolves when the process has ended. */
  stopInOrder(): Promise<void>
  freeze(): void
  thaw(): void
  /** What the present process has written. */
  output(): string
}

/** Makes a node that has not started; `settings` are its environment. */
export function createFeedNode(port: number, settings: Readonly<Record<string, string>>): FeedNode {
  let running: ServiceProcess | undefined

  return {
    port,
    async start() {
      running = startProcess('introspect', {
        ...settings,
        CLAIMCHECK_INTROSPECT_PORT: String(port),
      })
      await running.listening()
    },
    async kill() {
      await running?.stop()
    },
    async stopInOrder() {
      running?.signal('SIGTERM')
      await running?.ended()
    },
    freeze: () => running?.signal('SIGSTOP'),
    thaw: () => running?.signal('SIGCONT'),
    output: () => running?.output() ?? '',
  }
}

// The ports that `npm start` gives to the services: a free port where 0 is asked for, and an error
// that names the setting where a port is taken.
//
// A port can be lost between this check and the service's own listen(); the service then fails and
// its error is shown. This check exists for its message, not for safety.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 100

export interface PortWish {
  readonly setting: string
  readonly what: string
  readonly port: number
}

/**
 * The ports asked for on `host`, with 0 replaced by a free one.
 *
 * @param patienceMs how long a taken port may take to become free; for the children of a killed start.
 * @throws {Error} that lists every port that is taken.
 */
export async function pickPorts(
  host: string,
  wishes: readonly PortWish[],
  patienceMs: number,
): Promise<readonly number[]> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const held = await Promise.all(wishes.map((wish) => hold(host, wish)))
    await Promise.all(held.map((result) => result.release()))
    const problems = held.flatMap((result) => (result.problem === '' ? [] : [result.problem]))
    if (problems.length === 0) return held.map((result) => result.port)
    if (performance.now() >= deadline) throw new Error(problems.join('\n'))
    await delay(POLL_MS)
  }
}

interface Held {
  readonly port: number
  readonly problem: string
  release(): Promise<void>
}

// All ports are held at the same time. So two zeros never get the same port, and two equal numbers
// are noticed.
async function hold(host: string, wish: PortWish): Promise<Held> {
  const server = createServer()
  server.listen(wish.port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const problem = portProblem(host, wish, (error as NodeJS.ErrnoException).code)
    return { port: wish.port, problem, release: async () => undefined }
  }
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : wish.port
  const release = async (): Promise<void> => {
    server.close()
    await once(server, 'close')
  }
  return { port, problem: '', release }
}

function portProblem(host: string, wish: PortWish, code: string | undefined): string {
  const { what, port, setting } = wish
  if (code === 'EADDRINUSE') {
    return (
      `port ${port} on ${host}, wanted for ${what}, is taken: stop what listens there, ` +
      `or move ${what} with ${setting}=<port> (0 takes any free port)`
    )
  }
  return `cannot listen on ${host} port ${port} for ${what} (${code}); see CLAIMCHECK_HOST and ${setting}`
}

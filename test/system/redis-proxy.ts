/**
 * A TCP proxy in front of Redis that parses commands, so that a test can stop a service at an exact point of a
 * multi-partition write: it lets a number of commands through, then cuts the connection or holds everything back.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Which commands count. */
export type CommandFilter = (command: readonly string[]) => boolean

/** A proxy before one Redis. */
export interface RedisProxy {
  readonly url: string
  /**
   * Lets `count` matching commands pass, then cuts the connection that sends another one; new ones are refused until
   * {@link mend}. Resolves once Redis has seen the last of what passed.
   */
  cutAfter(count: number, counts: CommandFilter): Promise<void>
  /** Lets `count` matching commands pass, then holds back everything until {@link mend}. Resolves when it holds. */
  holdAfter(count: number, counts: CommandFilter): Promise<void>
  mend(): void
  close(): Promise<void>
}

interface Stop {
  readonly mode: 'cut' | 'hold'
  readonly counts: CommandFilter
  left: number
  readonly reached: () => void
}

/** Matches commands in which some argument holds the text. */
export function naming(text: string): CommandFilter {
  return (command) => command.some((argument) => argument.includes(text))
}

/** Starts a proxy to a loopback port. */
export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  const links = new Set<Link>()
  let stop: Stop | undefined
  let isCut = false
  let isHolding = false

  const server = createServer((client) => {
    if (isCut) client.destroy()
    else links.add(createLink(client))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  type Link = ReturnType<typeof createLink>
  function createLink(client: Socket) {
    const upstream = connect(redisPort, '127.0.0.1')
    let buffered = Buffer.alloc(0)
    const link = { client, upstream, pump }
    const end = () => {
      links.delete(link)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
    upstream.pipe(client)
    client.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      pump()
    })

    function pump(): void {
      while (!isHolding && !isCut) {
        const parsed = parseCommand(buffered)
        if (parsed === undefined) return
        if (stop?.counts(parsed.command)) {
          if (stop.left === 0) {
            halt(stop)
            return
          }
          stop.left--
        }
        upstream.write(buffered.subarray(0, parsed.bytes))
        buffered = buffered.subarray(parsed.bytes)
      }
    }

    function halt({ mode, reached }: Stop): void {
      stop = undefined
      isHolding = mode === 'hold'
      isCut = mode === 'cut'
      if (mode === 'hold') {
        reached()
        return
      }
      // An orderly end: Redis still carries out what was sent before it.
      upstream.once('close', reached)
      upstream.unpipe(client)
      upstream.resume()
      upstream.end()
    }
    return link
  }

  function arm(mode: Stop['mode'], count: number, counts: CommandFilter): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    stop = { mode, counts, left: count, reached: resolve }
    return promise
  }

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (count, counts) => arm('cut', count, counts),
    holdAfter: (count, counts) => arm('hold', count, counts),
    mend() {
      isCut = false
      isHolding = false
      for (const { pump } of links) pump()
    },
    async close() {
      for (const { client, upstream } of links) {
        client.destroy()
        upstream.destroy()
      }
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads one command (an array of bulk strings) from the start of the bytes; `undefined` when it is not whole yet. */
function parseCommand(bytes: Buffer): { command: string[]; bytes: number } | undefined {
  const header = readLine(bytes, 0)
  if (header === undefined) return undefined
  let at = header.next
  const command: string[] = []
  for (let left = Number(header.text.slice(1)); left > 0; left--) {
    const length = readLine(bytes, at)
    if (length === undefined) return undefined
    const end = length.next + Number(length.text.slice(1))
    if (bytes.length < end + 2) return undefined
    command.push(bytes.toString('utf8', length.next, end))
    at = end + 2
  }
  return { command, bytes: at }
}

function readLine(bytes: Buffer, start: number): { text: string; next: number } | undefined {
  const end = bytes.indexOf('\r\n', start)
  return end < 0 ? undefined : { text: bytes.toString('latin1', start, end), next: end + 2 }
}

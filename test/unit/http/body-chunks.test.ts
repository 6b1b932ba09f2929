/** Bodies of any length over real connections: back-pressure, pauses, breaks, and the listener's own limits. */
import { once } from 'node:events'
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { discardRest, readChunks } from '../../../http/body/chunks.ts'
import { OAuthError } from '../../../http/errors/oauth-error.ts'
import {
  listen,
  type RunningServer,
  SERVER_LIMITS,
  type ServerLimits,
} from '../../../http/server/listener.ts'
import { waitFor } from '../../fixture/wait-for.ts'

const servers: RunningServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ timeoutMs: 100 })))
})

async function serve(
  handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  limits: Partial<ServerLimits> = {},
): Promise<RunningServer> {
  const server = await listen({
    callback: (req, res) => void handle(req, res),
    host: '127.0.0.1',
    port: 0,
    portSetting: 'none',
    log: pino({ level: 'silent' }),
    limits: { ...SERVER_LIMITS, ...limits },
  })
  servers.push(server)
  return server
}

function post({ url }: RunningServer, headers: Record<string, string> = {}): ClientRequest {
  const sent = request(url, { method: 'POST', headers })
  sent.on('error', () => {})
  return sent
}

async function answerOf(sent: ClientRequest): Promise<string> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return `${response.statusCode} ${text}`
}

const { signal } = new AbortController()

async function count(
  req: IncomingMessage,
  options: { pauseLimitMs?: number } = {},
): Promise<string> {
  let bytes = 0
  try {
    for await (const chunk of readChunks(req, { signal, ...options })) bytes += chunk.length
    return `whole ${bytes}`
  } catch (error) {
    return error instanceof OAuthError ? `${error.status} ${bytes}` : String(error)
  }
}

describe('a body read in pieces', () => {
  it('is whole', async () => {
    const server = await serve(async (req, res) => void res.end(await count(req)))
    const sent = post(server)
    for (let i = 0; i < 50; i++) sent.write(Buffer.alloc(10_000))
    sent.end()
    expect(await answerOf(sent)).toBe('200 whole 500000')
    const empty = post(server)
    empty.end()
    expect(await answerOf(empty)).toBe('200 whole 0')
  })

  it('is not taken faster than it is worked on', async () => {
    const chunks = 1_000
    let taken = 0
    const stream = new Readable({
      read() {
        this.push(taken < chunks ? Buffer.alloc(64 * 1_024) : null)
        taken += 1
      },
    })
    const req = Object.assign(stream, { headers: {} }) as unknown as IncomingMessage
    const reading = readChunks(req, { signal })
    await reading.next()
    // It would go on in any of these turns if it could.
    for (let i = 0; i < chunks; i++) await turn()
    expect(taken).toBeLessThan(10)
    for await (const _ of reading);
    expect(taken).toBeGreaterThan(chunks)
  })

  it('may take longer than the listener allows a request, if it keeps coming', async () => {
    const server = await serve(async (req, res) => void res.end(await count(req)), {
      headersTimeoutMs: 100,
      requestTimeoutMs: 100,
    })
    const overdue: string[] = []
    server.server.on('clientError', (error: NodeJS.ErrnoException) =>
      overdue.push(String(error.code)),
    )
    const sent = post(server)
    sent.write('a')
    await waitFor(() => overdue.length > 0)
    sent.end('b')
    expect(await answerOf(sent)).toBe('200 whole 2')
    expect(overdue).toEqual(['ERR_HTTP_REQUEST_TIMEOUT'])
  })

  it('does not give the next request on its connection more time', async () => {
    const server = await serve(
      async (req, res) => {
        if (req.url === '/') res.end(await count(req))
      },
      { headersTimeoutMs: 100, requestTimeoutMs: 100 },
    )
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const first = request(server.url, { method: 'POST', agent })
    first.end('a')
    expect(await answerOf(first)).toBe('200 whole 1')
    const second = request(`${server.url}/plain`, { method: 'POST', agent })
    second.on('error', () => {})
    second.write('a')
    expect(await answerOf(second)).toMatch(/^408 /)
    agent.destroy()
  })

  it('does not give it to one that was sent on its heels, either', async () => {
    const isHeld = Promise.withResolvers<void>()
    const server = await serve(
      async (req, res) => {
        await count(req)
        await isHeld.promise
        res.end()
      },
      { headersTimeoutMs: 100, requestTimeoutMs: 100 },
    )
    const socket = connect(server.port, '127.0.0.1').setEncoding('latin1')
    const head = (length: number) =>
      `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`
    socket.write(`${head(1)}a${head(2)}b`)
    const [answer] = (await once(socket, 'data')) as [string]
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    isHeld.resolve()
    socket.destroy()
  })

  it('that pauses for too long is refused', async () => {
    const server = await serve(
      async (req, res) => void res.end(await count(req, { pauseLimitMs: 20 })),
    )
    const sent = post(server)
    sent.write('abc')
    expect(await answerOf(sent)).toBe('200 408 3')
    sent.destroy()
  })

  it('that breaks off is noticed', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const server = await serve(async (req) => resolve(await count(req)))
    const sent = post(server)
    sent.write('abc', () => sent.destroy())
    expect(await promise).toMatch(/^400 /)
  })

  it('that is compressed is refused', async () => {
    const server = await serve(async (req, res) => void res.end(await count(req)))
    const sent = post(server, { 'content-encoding': 'gzip' })
    sent.end('abc')
    expect(await answerOf(sent)).toBe('200 415 0')
  })

  it('stops being read at a signal, and the rest is discarded', async () => {
    const stop = new AbortController()
    const server = await serve(async (req, res) => {
      const reading = (async () => {
        for await (const _ of readChunks(req, { signal: stop.signal }))
          stop.abort(new Error('enough'))
      })()
      await reading.catch((error: Error) => res.write(error.message))
      await discardRest(req)
      res.end(' and done')
    })
    const sent = post(server)
    sent.write('a')
    const answered = answerOf(sent)
    for (let i = 0; i < 50; i++) sent.write(Buffer.alloc(100_000))
    sent.end()
    expect(await answered).toBe('200 enough and done')
  })
})

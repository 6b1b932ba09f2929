/**
 * An issuer that does what a test tells it to: half-dead, hostile or something else altogether. Issues tokens by client
 * credentials like the real one unless told otherwise; everything else is up to the test.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers a request; `body` has been read whole. */
export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

/** A server with a script. */
export interface ScriptedIssuer {
  readonly url: string
  /** Method and path of every request so far, `/token` aside. */
  readonly requests: readonly string[]
  /** How many tokens were handed out. */
  readonly tokens: () => number
  close(): Promise<void>
}

const HEADERS = { 'content-type': 'application/json' }

/** Starts one. `answer` gets every request but those for tokens, which `token` may take over. */
export async function startScriptedIssuer(answer: Answer, token?: Answer): Promise<ScriptedIssuer> {
  const requests: string[] = []
  let tokens = 0
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    if (request.url === '/token' && token === undefined) {
      tokens += 1
      response.writeHead(200, HEADERS)
      response.end(JSON.stringify({ access_token: `t${tokens}`, scope: 'claimcheck:admin' }))
      return
    }
    if (request.url === '/token') return token?.(request, response, body)
    requests.push(`${request.method} ${request.url}`)
    answer(request, response, body)
  })
  // A tool that is stopped cuts its request short.
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    tokens: () => tokens,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** Answers with JSON. */
export function replyJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, HEADERS)
  response.end(JSON.stringify(body))
}

/** Answers with an RFC 9457 problem. */
export function replyProblem(
  response: ServerResponse,
  status: number,
  slug: string,
  detail: string,
) {
  const type = `urn:claimcheck:problem:${slug}`
  replyJson(response, status, {
    type,
    title: slug,
    status,
    detail,
    instance: 'urn:claimcheck:request:r1',
  })
}

/** Begins an answer of JSON lines. */
export function beginLines(response: ServerResponse): (line: object) => void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  return (line) => void response.write(`${JSON.stringify(line)}\n`)
}

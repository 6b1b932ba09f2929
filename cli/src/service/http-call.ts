/**
 * One HTTP request and its answer, bounded in time and size. Redirects are not followed: they could carry a secret to
 * another server. When no answer comes, the error is one sentence about the network. The caller decides what an answer
 * means.
 */
import { type CliError, EXIT, interruption, unreachable } from '../exit.ts'

/** A request. */
export interface HttpRequest {
  readonly url: string
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Bounds the wait for the whole answer; of a streamed answer, the wait between two pieces. */
  readonly timeoutMs: number
}

/** A whole answer. */
export interface HttpAnswer {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Sends requests. */
export interface HttpCaller {
  /** @throws {CliError} 3 when no whole answer comes */
  send(request: HttpRequest): Promise<HttpAnswer>
  /** As `send`, but a 200 is yielded line by line as it comes. */
  stream(request: HttpRequest): Promise<HttpAnswer | AsyncIterable<string>>
}

const MAX_ANSWER_BYTES = 16 * 1_048_576
const MAX_LINE_LENGTH = 1_048_576

/** Makes the HTTP caller of a run. */
export function createHttpCaller(interrupted: AbortSignal): HttpCaller {
  async function begin(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    const { url, method, headers = {}, body } = request
    return fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body }),
    })
  }

  async function guarded<Answer>(
    { url, timeoutMs }: HttpRequest,
    late: AbortSignal,
    attempt: () => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await attempt()
    } catch (error) {
      if (interrupted.aborted) throw interruption()
      if (late.aborted) throw tooSlow(url, timeoutMs)
      if ((error as CliError).exitCode === EXIT.unreachable) throw error
      throw networkProblem(url, error)
    }
  }

  return {
    async send(request) {
      const late = AbortSignal.timeout(request.timeoutMs)
      return guarded(request, late, async () => {
        const response = await begin(request, AbortSignal.any([late, interrupted]))
        return readAnswer(request.url, response)
      })
    },

    async stream(request) {
      const idle = createIdleTimeout(request.timeoutMs)
      const signal = AbortSignal.any([idle.signal, interrupted])
      return guarded(request, idle.signal, async () => {
        const response = await begin(request, signal)
        if (response.status !== 200 || response.body === null) {
          const answer = await readAnswer(request.url, response)
          idle.end()
          return answer
        }
        return linesOf(request, response.body, idle)
      })
    },
  }

  async function* linesOf(
    request: HttpRequest,
    body: AsyncIterable<Uint8Array>,
    idle: IdleTimeout,
  ): AsyncGenerator<string> {
    const decoder = new TextDecoder()
    const pieces = body[Symbol.asyncIterator]()
    let text = ''
    try {
      for (;;) {
        const piece = await guarded(request, idle.signal, () => pieces.next())
        if (piece.done === true) break
        idle.renew()
        text += decoder.decode(piece.value, { stream: true })
        if (text.length > MAX_LINE_LENGTH) throw tooLarge(request.url)
        const lines = text.split('\n')
        text = lines.pop() ?? ''
        for (const line of lines) if (line.trim() !== '') yield line
      }
      if (text.trim() !== '') yield text
    } finally {
      idle.end()
      await pieces.return?.().catch(() => undefined)
    }
  }
}

interface IdleTimeout {
  readonly signal: AbortSignal
  renew(): void
  end(): void
}

function createIdleTimeout(timeoutMs: number): IdleTimeout {
  const controller = new AbortController()
  const abort = () => controller.abort()
  let timer = setTimeout(abort, timeoutMs)
  return {
    signal: controller.signal,
    renew() {
      clearTimeout(timer)
      timer = setTimeout(abort, timeoutMs)
    },
    end: () => clearTimeout(timer),
  }
}

async function readAnswer(url: string, response: Response): Promise<HttpAnswer> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw tooLarge(url)
    text += decoder.decode(piece, { stream: true })
  }
  return { url, status: response.status, headers: response.headers, text: text + decoder.decode() }
}

function tooLarge(url: string): CliError {
  return unreachable(
    `${originOf(url)} sends an endless answer: this is not a Claimcheck server`,
    'Check --issuer.',
  )
}

function tooSlow(url: string, timeoutMs: number): CliError {
  return unreachable(
    `${originOf(url)} gave no answer within ${timeoutMs / 1_000} s`,
    'Repeat the command, wait longer with --timeout, or look at the server: claimcheck status',
  )
}

function networkProblem(url: string, error: unknown): CliError {
  const code = causeCode(error)
  const reason = NETWORK_REASONS[code] ?? 'the connection failed'
  const certificate = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS)/.test(code)
  return unreachable(
    `${originOf(url)} cannot be reached: ${certificate ? `its certificate is not trusted (${code})` : reason}`,
    certificate
      ? 'Trust its certificate authority with NODE_EXTRA_CA_CERTS=FILE.'
      : 'Is the server running, and is the issuer URL right? claimcheck profiles',
  )
}

/** `fetch` throws an error with this name and no code when the answer is not HTTP. */
const NOT_HTTP = 'HTTPParserError'

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the DNS server does not answer',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'the host does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the host does not answer',
  UND_ERR_SOCKET: 'the connection was cut',
  [NOT_HTTP]: 'the server there does not speak HTTP',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server there does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server there does not speak TLS',
}

function causeCode(error: unknown): string {
  let at: unknown = error
  for (let depth = 0; depth < 5 && typeof at === 'object' && at !== null; depth++) {
    const { name, code, cause, errors } = at as Partial<AggregateError> & { code?: unknown }
    if (name === NOT_HTTP) return NOT_HTTP
    if (typeof code === 'string') return code
    at = cause ?? errors?.[0]
  }
  return ''
}

/** Scheme, host and port of a URL, for sentences. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}

/**
 * One HTTP/1.1 connection that sends prepared requests and reads answers with a length, one at a time. Written by hand, since
 * load and Redis may have to share a core: a client library would use more of it than most servers measured here.
 */
import { connect, type Socket } from 'node:net'

/** An open connection. */
export interface LoadConnection {
  readonly socket: Socket
  /** Sends a request; the connection must be idle. */
  send(request: Buffer): void
}

/** What an answer must be, and who is notified of it. */
export interface AnswerRules {
  readonly expect: Buffer
  readonly status: Buffer
  onAnswer(connection: LoadConnection): void
  onFailure(error: Error): void
}

const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_START = 'HTTP/1.1 '.length
const STATUS_END = STATUS_START + 3
const SHOWN_BYTES = 300

/** Opens one on loopback. */
export function openConnection(port: number, rules: AnswerRules): Promise<LoadConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadConnection>()
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let pending: Buffer | undefined
  const connection: LoadConnection = { socket, send: (request) => void socket.write(request) }

  socket.on('data', (chunk) => {
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    const end = answerEnd(bytes)
    if (end === undefined || bytes.length < end) {
      pending = bytes
      return
    }
    pending = undefined
    const problem = problemOf(bytes, end, rules)
    if (problem === undefined) rules.onAnswer(connection)
    else rules.onFailure(new Error(problem))
  })
  socket.once('connect', () => resolve(connection))
  socket.on('error', (error) => {
    reject(error)
    rules.onFailure(error)
  })
  socket.on('close', () => rules.onFailure(new Error('the server closed a connection')))
  return promise
}

/** Where the answer ends, or `undefined` while its head is incomplete. */
function answerEnd(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd === -1) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error('an answer has no length')
  return headEnd + HEAD_END.length + Number(length)
}

function problemOf(bytes: Buffer, end: number, { expect, status }: AnswerRules) {
  if (bytes.length > end) return 'an answer is longer than its length says'
  const isExpected = bytes.subarray(STATUS_START, STATUS_END).equals(status)
  if (isExpected && bytes.includes(expect)) return undefined
  return `not the expected answer: ${bytes.toString('latin1', 0, SHOWN_BYTES)}`
}

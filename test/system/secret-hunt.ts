/**
 * Searches for leaked secrets: collects every token and client secret that crosses HTTP, captures every command sent to Redis,
 * and looks for the secrets in a text, in every encoding in which they could appear there.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { TOKEN_PATTERN } from '../../client/src/wire/index.ts'
import { waitFor } from '../fixture/wait-for.ts'

const EVERY_TOKEN = new RegExp(TOKEN_PATTERN.source, 'g')
const CLIENT_SECRET = /"client_secret":"([^"]+)"/g
/** So many characters of a secret in a row are a find: no two secrets have them in common by chance. */
const PIECE_LENGTH = 16
/** Pieces of a text are looked at in these steps, so a leak of PIECE_LENGTH + STEP - 1 characters is never missed. */
const STEP = 4

/** Collects what is minted while it is in place. */
export interface SecretCollector {
  readonly secrets: ReadonlySet<string>
  /** Error answers that repeated a secret. */
  readonly echoes: readonly string[]
  restore(): void
}

/** Puts itself between the test and `fetch`. */
export function collectSecrets(): SecretCollector {
  const secrets = new Set<string>()
  const echoes: string[] = []
  const original = globalThis.fetch
  globalThis.fetch = async (...request: Parameters<typeof fetch>) => {
    const response = await original(...request)
    const text = await response.clone().text()
    if (response.ok) {
      for (const [token] of text.matchAll(EVERY_TOKEN)) secrets.add(token)
      for (const [, secret] of text.matchAll(CLIENT_SECRET)) secrets.add(secret as string)
    } else {
      const answer = `${response.status} ${JSON.stringify([...response.headers])} ${text}`
      if ([...secrets].some((secret) => answer.includes(secret))) echoes.push(answer)
    }
    return response
  }
  return {
    secrets,
    echoes,
    restore() {
      globalThis.fetch = original
    },
  }
}

/** Every piece of every form in which one of the secrets (texts or bytes) could show itself. */
export function piecesOf(secrets: Iterable<string | Buffer>): ReadonlySet<string> {
  const pieces = new Set<string>()
  for (const form of [...secrets].flatMap(formsOf)) {
    for (let at = 0; at + PIECE_LENGTH <= form.length; at++) {
      pieces.add(form.slice(at, at + PIECE_LENGTH))
    }
  }
  return pieces
}

function formsOf(secret: string | Buffer): readonly string[] {
  if (typeof secret !== 'string') return encodingsOf(secret)
  const decoded = Buffer.from(secret, 'base64url')
  const isEncoded = decoded.toString('base64url') === secret
  return [...encodingsOf(Buffer.from(secret, 'latin1')), ...(isEncoded ? encodingsOf(decoded) : [])]
}

/** Hexadecimal, and base64 at each of the three places where a text may begin in what is encoded. */
function encodingsOf(bytes: Buffer): readonly string[] {
  const hex = bytes.toString('hex')
  const shifted = [0, 1, 2].flatMap((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes])
    // The characters at both ends depend on the neighbours.
    const base64 = padded
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift === 0 ? 0 : shift + 1, -1)
    return [base64, base64.replaceAll('+', '-').replaceAll('/', '_')]
  })
  return [bytes.toString('latin1'), bytes.toString('base64url'), hex, hex.toUpperCase(), ...shifted]
}

/** Where the pieces occur in a text, and anything else that has the shape of a token. */
export function findSecrets(text: string, pieces: ReadonlySet<string>): readonly string[] {
  const found = [...text.matchAll(EVERY_TOKEN)].map(([token]) => token)
  for (let at = 0; at + PIECE_LENGTH <= text.length; at += STEP) {
    const piece = text.slice(at, at + PIECE_LENGTH)
    if (pieces.has(piece)) found.push(text.slice(Math.max(0, at - 80), at + 80))
  }
  return found
}

/** Every command that Redis carries out, inside scripts too, as `MONITOR` shows them. */
export interface CommandCapture {
  /** Ends the capture, complete up to now. */
  end(): Promise<string>
}

/** Starts capturing. */
export async function captureCommands(port: number, direct: Redis): Promise<CommandCapture> {
  const chunks: Buffer[] = []
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const text = () => Buffer.concat(chunks).toString('latin1')
  socket.write('MONITOR\r\n')
  await waitFor(() => text().startsWith('+OK'))
  return {
    async end() {
      const mark = `end of capture ${performance.now()}`
      await direct.echo(mark)
      await waitFor(() => text().includes(mark))
      socket.destroy()
      return text()
    },
  }
}

/** Everything a Redis holds: all keys with their values, and the files it wrote. */
export async function dumpRedis(redis: Redis): Promise<string> {
  const parts: Buffer[] = []
  let cursor = '0'
  do {
    const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', 1_000)
    for (const key of keys) parts.push(key, Buffer.from(' '), await readValue(redis, key))
    cursor = next.toString()
  } while (cursor !== '0')
  const [, dir] = (await redis.config('GET', 'dir')) as [string, string]
  for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (file.isFile()) parts.push(readFileSync(join(file.parentPath, file.name)))
  }
  return Buffer.concat(parts).toString('latin1')
}

async function readValue(redis: Redis, key: Buffer): Promise<Buffer> {
  const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
    string: ['GET'],
    hash: ['HGETALL'],
    list: ['LRANGE', '0', '-1'],
    set: ['SMEMBERS'],
    zset: ['ZRANGE', '0', '-1'],
    stream: ['XRANGE', '-', '+'],
  }
  const type = await redis.type(key)
  // A key may end between the two calls.
  if (type === 'none') return Buffer.alloc(0)
  const command = commands[type]
  if (command === undefined) throw new Error(`no way to read a ${type}`)
  const [name, ...rest] = command
  return flatten(await redis.callBuffer(name, key, ...rest))
}

function flatten(reply: unknown): Buffer {
  if (Buffer.isBuffer(reply)) return reply
  if (Array.isArray(reply)) {
    return Buffer.concat(reply.flatMap((part) => [flatten(part), Buffer.from(' ')]))
  }
  return Buffer.from(String(reply ?? ''))
}

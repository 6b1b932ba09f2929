/**
 * Asks the loader endpoint of an existing system, such as a monolith, about a subject. Its answer is checked like any input. An
 * error says whether the endpoint is in trouble, so that it is left alone for a while, or only this subject's answer is wrong.
 *
 * Request: `POST` of `{"sub": "…"}`, with `Authorization: Bearer` and the loader's secret if there is one.
 * Answer: 200 with `{status?, claims?, roles?: [{context, role, expires_at?}]}`, or 404 for a subject it does not know.
 */
import { z } from 'zod'
import type { LoadedSubject } from '../../store/registry/subject-loads.ts'
import { claims as claimsSchema, withoutNulls } from '../values/claims.ts'
import { contextName, numericDate, roleName } from '../values/fields.ts'

/** The endpoint, and how long to wait for it. */
export interface LoaderOptions {
  readonly url: string
  readonly secret: string | undefined
  readonly timeoutMs: number
}

/** Asks about one subject. */
export type AskLoader = (sub: string) => Promise<LoadedSubject>

/** The endpoint gave no usable answer. */
export class LoaderError extends Error {
  override readonly name = 'LoaderError'
  readonly code = 'ERR_CLAIMCHECK_LOADER'
  /** Whether the endpoint is in trouble, and not only with this subject. */
  readonly isOutage: boolean

  constructor(message: string, isOutage: boolean, options?: ErrorOptions) {
    super(message, options)
    this.isOutage = isOutage
  }
}

const MAX_ANSWER_BYTES = 16 * 1_024 * 1_024
/** The same depth as in bodies of the admin API. */
const MAX_DEPTH = 16
const NOTHING_KNOWN: LoadedSubject = { status: 'active', claims: {}, roles: [] }

const answer = z.object({
  status: z.enum(['active', 'suspended']).default('active'),
  claims: claimsSchema.default({}),
  roles: z
    .array(
      z.object({
        context: contextName,
        role: roleName,
        expires_at: numericDate.int().optional(),
      }),
    )
    .default([]),
})

/** Makes the function that asks a loader endpoint. */
export function createLoaderEndpoint({ url, secret, timeoutMs }: LoaderOptions): AskLoader {
  const headers = {
    accept: 'application/json',
    'content-type': 'application/json',
    ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
  }

  async function request(sub: string, signal: AbortSignal): Promise<string | undefined> {
    const body = JSON.stringify({ sub })
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
    if (response.status === 404) {
      await response.body?.cancel()
      return undefined
    }
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new LoaderError(`the loader endpoint answered ${response.status}`, true)
    }
    return readBounded(response)
  }

  return async (sub) => {
    let text: string | undefined
    try {
      text = await request(sub, AbortSignal.timeout(timeoutMs))
    } catch (cause) {
      if (cause instanceof LoaderError) throw cause
      const isLate = cause instanceof Error && cause.name === 'TimeoutError'
      const what = isLate ? `did not answer within ${timeoutMs} ms` : 'cannot be reached'
      throw new LoaderError(`the loader endpoint ${what}`, true, { cause })
    }
    return text === undefined ? NOTHING_KNOWN : parseAnswer(text)
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new LoaderError('the answer is too large', false)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseAnswer(text: string): LoadedSubject {
  const value = parseJson(text)
  if (!isShallow(value, MAX_DEPTH)) throw new LoaderError('the answer is nested too deeply', false)
  const parsed = answer.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    // The place of the mistake, never the value.
    const place = issue?.path.join('.') ?? ''
    throw new LoaderError(`the answer does not fit: see "${place}"`, false)
  }
  const { status, claims, roles } = parsed.data
  return {
    status,
    claims: withoutNulls(claims),
    roles: roles.map(({ context, role, expires_at: expiresAt }) =>
      expiresAt === undefined ? { context, role } : { context, role, expiresAt },
    ),
  }
}

/** Checked before the schema, which has no limit of depth. */
function isShallow(value: unknown, depthLeft: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depthLeft > 0 && Object.values(value).every((part) => isShallow(part, depthLeft - 1))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new LoaderError('the answer is not JSON', false)
  }
}

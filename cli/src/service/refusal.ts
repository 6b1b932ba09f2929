/**
 * Turns an error response into one sentence for the operator, and what to do next: RFC 9457 problems of the admin API,
 * RFC 6749 errors of the OAuth endpoints, and answers that are not from Claimcheck.
 */

import { type CliError, refused, unreachable } from '../exit.ts'
import { type JsonObject, parseObject } from '../input/json-object.ts'
import { type HttpAnswer, originOf } from './http-call.ts'

/** The client that called and its profile, for sentences about credentials. */
export interface CallerName {
  readonly profile: string
  readonly clientId: string
}

const MAX_FIELD_ERRORS = 5

/** The error to throw for an answer that is not a success. */
export function toRefusal(answer: HttpAnswer, caller: CallerName): CliError {
  const { status, url } = answer
  if (status >= 300 && status < 400) return redirected(answer)
  const body = parseObject(answer.text)
  if (body === undefined || !isOurs(body)) return notClaimcheck(answer)
  const reason = sentenceOf(body)
  switch (status) {
    case 401:
      return refused(
        `the credentials of the profile "${caller.profile}" (client ${caller.clientId}) are refused: ${reason}`,
        caller.profile === 'dev'
          ? 'Has "npm start" been restarted in another folder? Its .claimcheck/dev.json holds the credentials that count.'
          : `If the secret was rotated: claimcheck login ${caller.profile}`,
      )
    case 403:
      return refused(
        `the client ${caller.clientId} may not do this: ${reason}`,
        scopeHint(answer) ?? 'Use a profile whose client may do it: claimcheck profiles',
      )
    case 409:
    case 412:
      return refused(
        reason,
        'Somebody else has changed it in the meantime: look at it again, then repeat.',
      )
    case 429:
    case 502:
    case 503:
    case 504:
      return unreachable(
        `${originOf(url)} cannot answer now: ${reason}`,
        'It is safe to repeat the command; claimcheck status shows what is wrong.',
      )
    default:
      if (status >= 500) {
        return unreachable(
          `${originOf(url)} failed: ${reason}`,
          'The log of the server has the cause under this request id.',
        )
      }
      return refused(reason)
  }
}

/** The JSON object of a successful answer. @throws {CliError} 3 when the body is anything else */
export function readObject(answer: HttpAnswer): JsonObject {
  const body = parseObject(answer.text)
  if (body === undefined) throw notClaimcheck(answer)
  return body
}

/** The error for an answer that does not come from Claimcheck. */
export function notClaimcheck({ url, status, headers }: HttpAnswer): CliError {
  const type = headers.get('content-type')?.split(';')[0] ?? 'no content type'
  const what = type.includes('html') ? 'a web page' : type
  return unreachable(
    `${originOf(url)} answered ${status} with ${what}: this is not a Claimcheck server, or a proxy answers for it`,
    'Check --issuer, or the profile: claimcheck profiles',
  )
}

function redirected({ url, headers }: HttpAnswer): CliError {
  const target = headers.get('location') ?? 'another URL'
  return unreachable(
    `${originOf(url)} redirects to ${target}; secrets are not sent to the target of a redirect`,
    'Use the final URL: claimcheck login NAME --issuer URL',
  )
}

/** A problem of the admin API, an OAuth error, or the 404 of an unknown route. */
function isOurs({ type, error }: JsonObject): boolean {
  return (
    (typeof type === 'string' && type.startsWith('urn:claimcheck:')) || typeof error === 'string'
  )
}

function sentenceOf(body: JsonObject): string {
  const { detail, title, error, error_description: description, instance, errors } = body
  const main = firstText(detail, description, title, error) ?? 'it gives no reason'
  const fieldErrors = Array.isArray(errors) ? errors.slice(0, MAX_FIELD_ERRORS).map(fieldError) : []
  const list = fieldErrors.length === 0 ? '' : ` ${fieldErrors.join('; ')}`
  const request = typeof instance === 'string' ? ` (request ${instance.split(':').at(-1)})` : ''
  return `${main}${list}${request}`
}

function fieldError(error: unknown): string {
  const { pointer, detail } = (error ?? {}) as { pointer?: unknown; detail?: unknown }
  return `${pointer === '' || pointer === undefined ? 'body' : String(pointer)} ${String(detail)}`
}

function scopeHint({ headers }: HttpAnswer): string | undefined {
  const [, scope] = /scope="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? []
  if (scope === undefined) return undefined
  return `The scope ${scope} is needed: use a profile whose client has it, or add it to this client.`
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '')
}

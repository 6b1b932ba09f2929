/**
 * What a server's "no" means to the person at the terminal: RFC 9457 problems of the admin API and RFC 6749 errors of the
 * OAuth endpoints become one sentence, and what to do next.
 */

import { type CliError, refused, unreachable, usage } from '../exit.ts'
import type { HttpAnswer } from './http-call.ts'
import { originOf } from './http-call.ts'

type Members = Readonly<Record<string, unknown>>

/** Who asked, for sentences about credentials. */
export interface Asker {
  readonly profile: string
  readonly clientId: string
}

const MAX_MISTAKES = 5

/** Turns an answer that is no success into the error to throw. */
export function toRefusal(answer: HttpAnswer, asker: Asker): CliError {
  const { status, url } = answer
  if (status >= 300 && status < 400) return redirected(answer)
  const body = objectIn(answer.text)
  if (body === undefined || !isOurs(body)) return foreign(answer)
  const said = sentenceOf(body)
  switch (status) {
    case 401:
      return refused(
        `the credentials of the profile "${asker.profile}" (client ${asker.clientId}) are refused: ${said}`,
        asker.profile === 'dev'
          ? 'Was "npm start" started anew elsewhere? Its .claimcheck/dev.json counts.'
          : `If the secret was rotated: claimcheck login ${asker.profile}`,
      )
    case 403:
      return refused(
        `the client ${asker.clientId} may not do this: ${said}`,
        scopeHint(answer) ?? 'Use a profile that may: claimcheck profiles',
      )
    case 409:
    case 412:
      return refused(said, 'Somebody else was faster: look at it again, then repeat.')
    case 429:
    case 502:
    case 503:
    case 504:
      return unreachable(
        `${originOf(url)} cannot answer now: ${said}`,
        'Repeating is safe; claimcheck status shows what is wrong.',
      )
    default:
      if (status >= 500) {
        return unreachable(
          `${originOf(url)} failed: ${said}`,
          'The server’s log has the cause under this request id.',
        )
      }
      return refused(said)
  }
}

/** The JSON object of a successful answer. @throws {CliError} 3 when it is something else */
export function readObject(answer: HttpAnswer): Members {
  const body = objectIn(answer.text)
  if (body === undefined) throw foreign(answer)
  return body
}

/** The refusal of a server that is something else. */
export function foreign({ url, status, headers }: HttpAnswer): CliError {
  const type = headers.get('content-type')?.split(';')[0] ?? 'nothing that can be read'
  const what = type.includes('html') ? 'a web page' : type
  return unreachable(
    `${originOf(url)} answered ${status} with ${what}: this is no Claimcheck server, or something stands in front of it`,
    'Check --issuer, or the profile: claimcheck profiles',
  )
}

function redirected({ url, headers }: HttpAnswer): CliError {
  const target = headers.get('location') ?? 'nowhere'
  return unreachable(
    `${originOf(url)} redirects to ${target}; secrets are not sent after a redirect`,
    'Give the final URL: claimcheck login NAME --issuer URL',
  )
}

/** A problem of the admin API, an OAuth error, or the 404 of an unknown route. */
function isOurs({ type, error }: Members): boolean {
  return (
    (typeof type === 'string' && type.startsWith('urn:claimcheck:')) || typeof error === 'string'
  )
}

function sentenceOf(body: Members): string {
  const { detail, title, error, error_description: description, instance, errors } = body
  const main = firstText(detail, description, title, error) ?? 'no reason is given'
  const mistakes = Array.isArray(errors) ? errors.slice(0, MAX_MISTAKES).map(mistakeOf) : []
  const list = mistakes.length === 0 ? '' : ` ${mistakes.join('; ')}`
  const request = typeof instance === 'string' ? ` (request ${instance.split(':').at(-1)})` : ''
  return `${main}${list}${request}`
}

function mistakeOf(mistake: unknown): string {
  const { pointer, detail } = (mistake ?? {}) as { pointer?: unknown; detail?: unknown }
  return `${pointer === '' || pointer === undefined ? 'body' : String(pointer)} ${String(detail)}`
}

function scopeHint({ headers }: HttpAnswer): string | undefined {
  const [, scope] = /scope="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? []
  if (scope === undefined) return undefined
  return `It takes the scope ${scope}: use a profile that has it, or have it added to the client.`
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '')
}

function objectIn(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Members
  } catch {
    // No JSON: told apart by being no object.
  }
  return undefined
}

/** The JSON object that a user wrote. @throws {CliError} 2 naming where it came from */
export function parseUserObject(text: string, where: string): Members {
  const value = objectIn(text.replace(/^\ufeff/, ''))
  if (value === undefined) throw usage(`${where} is no JSON object`)
  return value
}

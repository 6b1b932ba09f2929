/**
 * The packed records of tokens, grants and sessions: lines of text, because returning one string costs a third of turning
 * a hash into an object. lua/include/records.lua reads and writes the same form.
 */

import type { Actor } from '../../client/src/wire/index.ts'
import type { LocalId, TokenHash } from '../partitions.ts'
import type { View } from '../roles/resolve.ts'

/** What was authorized. This part of a record never changes. */
export interface Authorization {
  readonly sub: string
  readonly clientId: string
  /** '' without a session. */
  readonly session: LocalId
  /** Space-separated (RFC 6749 §3.3); '' for none. */
  readonly scope: string
  /** RFC 8707 resources. */
  readonly aud: readonly string[]
  /** Facts of the login, as the answer carries them. */
  readonly login: Login
}

/** How the subject logged in; members as in OpenID Connect. */
export interface Login {
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly auth_time?: number
  /** Who acts for the subject (RFC 8693 §4.1); the nearest actor outside. */
  readonly act?: Actor
}

/** A token that another one was exchanged from. Ids are local ones. */
interface Origin {
  readonly hash: TokenHash
  /** '' when the token is the grant. */
  readonly grant: LocalId
  readonly clientId: string
}

/** What an exchange made of a token (RFC 8693). */
interface TokenExchange {
  /** Absent when it is limited to no contexts. */
  readonly view?: View
  /** The nearest first. */
  readonly origins: readonly Origin[]
}

/** An access token as Redis knows it. */
export interface TokenRecord {
  readonly issuedAtUs: number
  readonly expiresAt: number
  readonly authorization: Authorization
  /** Present on tokens that were issued in exchange for another. */
  readonly exchange?: TokenExchange
}

/** A grant as Redis knows it. */
export interface GrantRecord {
  readonly authorization: Authorization
  readonly issuedAtUs: number
  readonly expiresAt: number
  /** Of the current refresh token. */
  readonly refreshHash: TokenHash
  readonly refreshedAtUs: number
}

const AUTHORIZATION_LINES = 6
const TIME_LINES = 2
const OWN_TOKEN_LINES = TIME_LINES + AUTHORIZATION_LINES
const LINES_PER_ORIGIN = 4

/** Packs an authorization; values contain no line break (checked where they enter). */
export function encodeAuthorization(authorization: Authorization): string {
  const { sub, clientId, session, scope, aud, login } = authorization
  const facts = Object.keys(login).length === 0 ? '' : JSON.stringify(login)
  return [sub, clientId, session, scope, aud.join(' '), facts].join('\n')
}

/** Unpacks a token that is a grant itself. */
export function decodeOwnToken(token: string): TokenRecord {
  const lines = token.split('\n')
  const authorization = decodeAuthorization(lines.slice(TIME_LINES))
  if (lines.length === OWN_TOKEN_LINES) return { ...decodeTimes(lines), authorization }
  const exchange = decodeTokenExchange(lines.slice(OWN_TOKEN_LINES))
  return { ...decodeTimes(lines), authorization, exchange }
}

function decodeTokenExchange([
  contexts = '',
  assumed = '',
  ...lines
]: readonly string[]): TokenExchange {
  const origins: Origin[] = []
  for (let i = 0; i < lines.length; i += LINES_PER_ORIGIN) {
    const [hash = '', grant = '', , clientId = ''] = lines.slice(i, i + LINES_PER_ORIGIN)
    origins.push({ hash, grant, clientId })
  }
  if (contexts === '') return { origins }
  return { origins, view: { contexts: splitList(contexts), assumed: splitList(assumed) } }
}

/** Unpacks a token and the record of the grant it was issued under. */
export function decodeGrantedToken(token: string, grant: string): TokenRecord {
  const lines = token.split('\n')
  const authorization = decodeAuthorization(grant.split('\n'))
  const [scope, aud] = lines.slice(TIME_LINES)
  if (scope === undefined || aud === undefined) return { ...decodeTimes(lines), authorization }
  return {
    ...decodeTimes(lines),
    authorization: { ...authorization, scope, aud: splitList(aud) },
  }
}

function decodeTimes(lines: readonly string[]): Pick<TokenRecord, 'issuedAtUs' | 'expiresAt'> {
  const issuedAtUs = Number(lines[0])
  return { issuedAtUs, expiresAt: Math.floor(issuedAtUs / 1e6) + Number(lines[1]) }
}

/** Unpacks a grant. */
export function decodeGrant(grant: string): GrantRecord {
  const lines = grant.split('\n')
  return {
    authorization: decodeAuthorization(lines),
    issuedAtUs: Number(lines[AUTHORIZATION_LINES]),
    expiresAt: Number(lines[AUTHORIZATION_LINES + 1]),
    refreshHash: lines[AUTHORIZATION_LINES + 2] ?? '',
    refreshedAtUs: Number(lines[AUTHORIZATION_LINES + 3]),
  }
}

function decodeAuthorization(lines: readonly string[]): Authorization {
  const facts = lines[5] ?? ''
  return {
    sub: lines[0] ?? '',
    clientId: lines[1] ?? '',
    session: lines[2] ?? '',
    scope: lines[3] ?? '',
    aud: splitList(lines[4] ?? ''),
    login: facts === '' ? {} : (JSON.parse(facts) as Login),
  }
}

/** Splits a space-separated list; '' is the empty list. */
export function splitList(text: string): string[] {
  return text === '' ? [] : text.split(' ')
}

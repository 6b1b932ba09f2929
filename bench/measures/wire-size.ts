/**
 * What travels: a JWT that carries its roles grows with them until servers refuse the request; a token that refers to them
 * is as long for a million as for none, and the service that asks is told of the context it asked about.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basic } from '../../test/fixture/requests.ts'
import { contextName, ROLE, signJwt } from '../client-hit/jwt.ts'
import { figureOf } from '../figure.ts'
import { type Installation, issueToken, startInstallation } from '../installation.ts'
import type { Bench, Finding, Measure, Row } from '../measure.ts'
import { type Line, logLogChart, type Mark } from '../plot.ts'

/** The measure. */
export const wireSize: Measure = { name: 'wire-size', title: 'What travels', run }

type Signed = 'ES256' | 'RS256'

/** What came of one number of roles, in bytes. */
interface Sizes {
  readonly roles: number
  readonly es256: number
  readonly rs256: number
}

/** The first number of roles whose JWT is too long. */
interface Limits {
  /** For a server that takes header lines of 8 KiB. */
  readonly line: number
  /** For a server of Node, which refused it with 431. */
  readonly node: number
}

const SIGNED_COUNTS = [5, 50, 500, 5_000, 50_000] as const
const COMPUTED_COUNTS = [500_000, 1_000_000] as const
/** Held by those who are asked about in earnest. */
const HELD = [5, 5_000] as const
const KIB = 1_024
const LINE_LIMIT = 8 * KIB
const NODE_LIMIT = 16 * KIB
/** Surely too many for either limit. */
const TOO_MANY = 1_000
const PERMISSIONS = ['grade:read', 'grade:write']

async function run({ machine, step }: Bench): Promise<Finding> {
  step('an installation with roles')
  const ours = await startInstallation(machine)
  try {
    const tokens = await Promise.all(HELD.map((held) => holderOf(ours, held)))
    const answers = await Promise.all(tokens.map((token) => answerSize(ours, token)))
    const [token = ''] = tokens
    step('JWTs with more and more roles')
    const signed: Sizes[] = []
    for (const roles of SIGNED_COUNTS) signed.push(await sizesOf(roles))
    const sizes = [...signed, ...COMPUTED_COUNTS.map((roles) => grownTo(roles, signed))]
    step('where headers are too long')
    const limits = { ES256: await limitsOf('ES256'), RS256: await limitsOf('RS256') }
    return findingOf(sizes, token.length, answers, limits)
  } finally {
    await ours.stop()
  }
}

/** A token of somebody who holds the role in so many contexts. */
async function holderOf({ store }: Installation, held: number): Promise<string> {
  const sub = `holder-${held}`
  await store.roleSchemas.put({ [ROLE]: { permissions: PERMISSIONS, assumable: [] } })
  const outcomes = await store.assignments.apply(
    Array.from({ length: held }, (_, n) => ({
      op: 'assign',
      sub,
      context: contextName(n),
      role: ROLE,
    })),
  )
  if (!outcomes.every((outcome) => outcome === 'assigned')) throw new Error('a role was not given')
  return issueToken(store, sub)
}

/** Bytes of the answer about one context. */
async function answerSize(ours: Installation, token: string): Promise<number> {
  const context = contextName(3)
  const response = await fetch(`http://127.0.0.1:${ours.introspect.ports[0]}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(ours.resourceServer) },
    body: new URLSearchParams({ token, context }),
  })
  const text = await response.text()
  const { context_roles = {} } = JSON.parse(text) as { context_roles?: Record<string, string[]> }
  if (context_roles[context]?.[0] !== ROLE) throw new Error('the role was not told')
  return Buffer.byteLength(text)
}

async function sizesOf(roles: number): Promise<Sizes> {
  return { roles, es256: await jwtSize('ES256', roles), rs256: await jwtSize('RS256', roles) }
}

async function jwtSize(algorithm: Signed, roles: number): Promise<number> {
  return (await signJwt(algorithm, roles)).text.length
}

/** What takes too long to sign: each role adds as many bytes as the one before. */
function grownTo(roles: number, signed: readonly Sizes[]): Sizes {
  const [before, last] = signed.slice(-2) as [Sizes, Sizes]
  const grow = (sizeOf: (sizes: Sizes) => number): number => {
    const aRole = (sizeOf(last) - sizeOf(before)) / (last.roles - before.roles)
    return Math.round(sizeOf(last) + aRole * (roles - last.roles))
  }
  return { roles, es256: grow(({ es256 }) => es256), rs256: grow(({ rs256 }) => rs256) }
}

async function limitsOf(algorithm: Signed): Promise<Limits> {
  const server = createServer((_req, res) => void res.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    return {
      line: await firstCount(async (roles) => {
        const { text } = await signJwt(algorithm, roles)
        return `Authorization: Bearer ${text}\r\n`.length > LINE_LIMIT
      }),
      node: await firstCount(async (roles) => {
        const { text } = await signJwt(algorithm, roles)
        return (await statusOf(port, text)) === 431
      }),
    }
  } finally {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

async function statusOf(port: number, token: string): Promise<number> {
  const sent = request({ port, host: '127.0.0.1', headers: { authorization: `Bearer ${token}` } })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  const { statusCode = 0 } = response
  if (statusCode !== 200 && statusCode !== 431) throw new Error(`answered ${statusCode}`)
  return statusCode
}

/** The least number of roles that is too many. */
async function firstCount(isTooMany: (roles: number) => Promise<boolean>): Promise<number> {
  let [fits, tooMany] = [0, TOO_MANY]
  if ((await isTooMany(fits)) || !(await isTooMany(tooMany))) throw new Error('no limit was met')
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2)
    if (await isTooMany(middle)) tooMany = middle
    else fits = middle
  }
  return tooMany
}

function findingOf(
  sizes: readonly Sizes[],
  token: number,
  answers: readonly number[],
  limits: Readonly<Record<Signed, Limits>>,
): Finding {
  const rows = sizes.map(
    ({ roles, es256, rs256 }): Row => ({
      name: `${roles.toLocaleString('en')} roles`,
      cells: [token, es256, rs256, es256 / token].map((value) => figureOf([value])),
    }),
  )
  const limitRows = (['ES256', 'RS256'] as const).map(
    (algorithm): Row => ({
      name: `JWT, ${algorithm}`,
      cells: [limits[algorithm].line, limits[algorithm].node].map((count) => figureOf([count])),
    }),
  )
  const answerRows = HELD.map(
    (held, n): Row => ({
      name: `${held.toLocaleString('en')} roles held`,
      cells: [figureOf([answers[n] as number])],
    }),
  )
  return {
    tables: [
      {
        title: 'Bytes of what a request carries',
        columns: ['Claimcheck', 'JWT, ES256', 'JWT, RS256', 'ES256 beside Claimcheck, times'],
        rows,
      },
      {
        title: 'Roles from which a request is refused',
        columns: ['header lines of 8 KiB', 'node:http, 16 KiB in all: 431'],
        rows: [...limitRows, { name: 'Claimcheck', cells: ['never', 'never'] }],
      },
      { title: 'Bytes of the answer about one context', columns: ['bytes'], rows: answerRows },
    ],
    plots: [
      {
        name: 'wire-size',
        alt: 'Bytes of a token by the number of roles held: a JWT grows with them, a Claimcheck token does not',
        svg: chartOf(sizes, token),
      },
    ],
    notes: [
      'The JWT is signed by jose with the members of RFC 9068; each role is one member of `context_roles`, as in `"course:1000123":["teacher"]`. Shorter names, or roles that share contexts, move the limits, not the slope. Above 50,000 roles the length is computed: each adds as much as the one before.',
      'Header lines of 8 KiB are what nginx takes by default; whether Node refuses was tried with a server of this machine. Others differ.',
      'The answer travels between services alone, never to the user: with every request without the client library, once for each token, set of contexts and process with it, until an event or its end.',
    ],
  }
}

function chartOf(sizes: readonly Sizes[], token: number): string {
  const line = (name: string, sizeOf: (sizes: Sizes) => number): Line => ({
    name,
    points: sizes.map((each) => [each.roles, sizeOf(each)] as const),
  })
  const limits: readonly Mark[] = [
    { name: 'header line of 8 KiB', at: LINE_LIMIT },
    { name: 'headers of 16 KiB: Node answers 431', at: NODE_LIMIT },
  ]
  return logLogChart({
    title: 'What a request carries',
    xLabel: 'roles held',
    yLabel: 'bytes',
    lines: [
      line('Claimcheck token', () => token),
      line('JWT, ES256', ({ es256 }) => es256),
      line('JWT, RS256', ({ rs256 }) => rs256),
    ],
    limits,
  })
}

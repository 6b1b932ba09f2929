/**
 * How large a request becomes: a JWT that carries its roles grows with them until servers refuse the request; a token that
 * refers to them has the same length for a million roles as for one.
 */
import { type Algorithm, makeJwtKey } from '../client-hit/jwt.ts'
import { makeTokens } from '../client-hit/presented-tokens.ts'
import type { Bench, Measure } from '../harness/measure.ts'
import { figureOf } from '../report/figure.ts'
import type { Finding } from '../report/finding.ts'
import { logLogChart } from '../report/plot.ts'

/** The measure. */
export const wireSize: Measure = { name: 'wire-size', title: 'What a request carries', run }

const SIGNED = [5, 50, 500, 5_000, 50_000]
/** To sign these takes seconds, and each role adds as many bytes as the one before. */
const COMPUTED = [500_000, 1_000_000]
const COUNTS = [...SIGNED, ...COMPUTED]
const KIB = 1_024

async function run({ step }: Bench): Promise<Finding> {
  const token = makeTokens(1).at(0).length
  const es256 = await sizesOf('ES256', step)
  const rs256 = await sizesOf('RS256', step)
  const line = (name: string, sizeOf: (n: number) => number) => ({
    name,
    points: COUNTS.map((roles, n) => [roles, sizeOf(n)] as const),
  })
  return {
    tables: [
      {
        title: 'Bytes of a token',
        columns: ['Claimcheck', 'JWT, ES256', 'JWT, RS256', 'ES256 beside Claimcheck, times'],
        rows: COUNTS.map((roles, n) => {
          const [small, large] = [es256[n] as number, rs256[n] as number]
          const cells = [token, small, large, small / token].map((value) => figureOf([value]))
          return { name: `${roles.toLocaleString('en')} roles`, cells }
        }),
      },
    ],
    pictures: [
      {
        name: 'wire-size',
        alt: 'Bytes of a token by the number of roles held: a JWT grows with them, a Claimcheck token does not',
        svg: logLogChart({
          title: 'What a request carries',
          xLabel: 'roles held',
          yLabel: 'bytes',
          lines: [
            line('Claimcheck token', () => token),
            line('JWT, ES256', (n) => es256[n] as number),
            line('JWT, RS256', (n) => rs256[n] as number),
          ],
          limits: [
            { name: 'header line of 8 KiB', at: 8 * KIB },
            { name: 'headers of 16 KiB: Node answers 431', at: 16 * KIB },
          ],
        }),
      },
    ],
    notes: [
      'jose signs the JWT with the members of RFC 9068; each role is one member of `context_roles`, as in `"course:1000123":["teacher"]`. Shorter names, or roles that share contexts, make the lines lower, not flatter. Above 50,000 roles the length is computed: each adds as much as the one before.',
      'nginx accepts header lines of 8 KiB by default, Node 16 KiB of headers. Others differ.',
    ],
  }
}

/** One for each of the counts. */
async function sizesOf(algorithm: Algorithm, step: Bench['step']): Promise<readonly number[]> {
  step(algorithm)
  const key = await makeJwtKey(algorithm)
  const sizes: number[] = []
  for (const roles of SIGNED) sizes.push((await key.sign(roles)).length)
  const [roles, size] = [SIGNED.at(-1) as number, sizes.at(-1) as number]
  const [fewer, smaller] = [SIGNED.at(-2) as number, sizes.at(-2) as number]
  const bytesOfRole = (size - smaller) / (roles - fewer)
  return [...sizes, ...COMPUTED.map((more) => Math.round(size + bytesOfRole * (more - roles)))]
}

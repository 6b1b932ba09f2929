/**
 * The token as text: what the server reads from it alone, and what nobody else can. Everything that is not exactly
 * what the mint wrote must be told apart before Redis is asked.
 */
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TOKEN_PATTERN } from '../../../client/src/wire/index.ts'
import { createTokenKeyRing, type TokenKeySecret } from '../../../store/mint/key-ring.ts'
import { createTokenMint, hashToken, RANDOM_LENGTH } from '../../../store/mint/token.ts'
import {
  createPartitions,
  LOCAL_ID_LENGTH,
  TOKEN_HASH_LENGTH,
  URL_SAFE,
} from '../../../store/partitions.ts'

const BODY_START = 8
const MAC_START = 58

const keySecret = (id: string): TokenKeySecret => ({ id, secret: randomBytes(32) })
const mintOf = (count: number, ...secrets: TokenKeySecret[]) =>
  createTokenMint(createTokenKeyRing(secrets), createPartitions(count))
const urlSafe = (length: number) =>
  fc
    .array(fc.constantFrom(...URL_SAFE), { minLength: length, maxLength: length })
    .map((characters) => characters.join(''))
const grantId = urlSafe(LOCAL_ID_LENGTH).filter((id) => /[^A]/.test(id))

const k1 = keySecret('k1')
const mint = mintOf(64, k1)
const partitions = createPartitions(64)

function writeAccess(grant = partitions.newLocalId(), partition = 5): string {
  return mint.write({ kind: 'access', partition, grant, random: mint.random() })
}

describe('a token', () => {
  it('gives back everything that was written into it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('access' as const, 'refresh' as const),
        fc.nat(63),
        grantId,
        urlSafe(RANDOM_LENGTH),
        (kind, partition, grant, random) => {
          const token = mint.write({ kind, partition, grant, random })
          const read = { kind, partition, grant, keyId: 'k1', hash: hashToken(token) }
          expect(mint.read(token)).toEqual({ kind: 'genuine', token: read })
        },
      ),
    )
  })

  it('of one grant alone names no grant', () => {
    const reading = mint.read(writeAccess(''))
    expect(reading).toMatchObject({ kind: 'genuine', token: { grant: '', partition: 5 } })
  })

  it('is found by the pattern of secret scanners and has its prefix by kind', () => {
    expect(writeAccess()).toMatch(new RegExp(`^${TOKEN_PATTERN.source}$`))
    expect(writeAccess()).toMatch(/^cc_at_k1/)
    const refresh = mint.write({
      kind: 'refresh',
      partition: 0,
      grant: partitions.newLocalId(),
      random: mint.random(),
    })
    expect(refresh).toMatch(/^cc_rt_k1/)
  })

  it('is known to Redis by 132 bits of its SHA-256', () => {
    expect(hashToken(writeAccess())).toMatch(new RegExp(`^[A-Za-z0-9_-]{${TOKEN_HASH_LENGTH}}$`))
    const digest = createHash('sha256').update('cc_at_x').digest('base64url')
    expect(digest.startsWith(hashToken('cc_at_x'))).toBe(true)
  })

  it('with any one character changed is junk, or of a key nobody has', () => {
    for (const token of [writeAccess(), writeAccess('')]) {
      for (let position = 0; position < token.length; position++) {
        for (const character of URL_SAFE) {
          if (character === token[position]) continue
          const changed = token.slice(0, position) + character + token.slice(position + 1)
          const inKeyId = position === 6 || position === 7
          expect(mint.read(changed).kind).toBe(inKeyId ? 'unknown-key' : 'junk')
        }
      }
    }
  })

  it('of the other kind, cut, lengthened or padded is junk', () => {
    const token = writeAccess()
    const forged = [
      token.replace('cc_at_', 'cc_rt_'),
      token.slice(0, -1),
      `${token}A`,
      ` ${token}`,
      `${token}\n`,
      `${token}=`,
      token.toUpperCase(),
      '',
    ]
    for (const text of forged) expect(mint.read(text).kind).toBe('junk')
  })

  it('is never read from arbitrary text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), urlSafe(68)), (text) => {
        expect(mint.read(`cc_at_k1${text.slice(2)}`).kind).toBe('junk')
        expect(mint.read(text).kind).toBe('junk')
      }),
    )
  })

  it('that claims to refresh without a grant is junk, even with a good MAC', () => {
    const forged = mint.write({
      kind: 'refresh',
      partition: 0,
      grant: '',
      random: mint.random(),
    })
    expect(mint.read(forged).kind).toBe('junk')
  })

  it('shows nothing that two tokens of one grant and partition have in common', () => {
    const perCharacter = 100
    const grant = partitions.newLocalId()
    const tokens = Array.from({ length: perCharacter * URL_SAFE.length }, () => writeAccess(grant))
    // Chi-square with 63 degrees of freedom; six standard deviations above its mean.
    const limit = 63 + 6 * Math.sqrt(2 * 63)
    for (let position = BODY_START; position < (tokens[0] as string).length; position++) {
      const seen = new Map<string, number>()
      for (const token of tokens) {
        const character = token.charAt(position)
        seen.set(character, (seen.get(character) ?? 0) + 1)
      }
      let chiSquare = 0
      for (const character of URL_SAFE) {
        chiSquare += ((seen.get(character) ?? 0) - perCharacter) ** 2 / perCharacter
      }
      expect(chiSquare, `position ${position}`).toBeLessThan(limit)
    }
  })

  it('shows no difference between a grant of its own and one among others', () => {
    const same = (a: string, b: string) =>
      [...a].filter((character, i) => character === b[i] && i >= BODY_START && i < MAC_START).length
    let equal = 0
    const pairs = 2_000
    for (let i = 0; i < pairs; i++) equal += same(writeAccess(''), writeAccess())
    const expected = (pairs * (MAC_START - BODY_START)) / 64
    expect(Math.abs(equal - expected)).toBeLessThan(6 * Math.sqrt(expected))
  })
})

describe('key rotation', () => {
  const k2 = keySecret('k2')

  it('mints with the first key and verifies with all of them', () => {
    const rotated = mintOf(64, k2, k1)
    const old = writeAccess()
    expect(rotated.read(old).kind).toBe('genuine')
    const random = rotated.random()
    const fresh = rotated.write({ kind: 'access', partition: 1, grant: '', random })
    expect(fresh).toMatch(/^cc_at_k2/)
    expect(mint.read(fresh)).toEqual({ kind: 'unknown-key', keyId: 'k2' })
  })

  it('can mint again with an older key, and with no unknown one', () => {
    const rotated = mintOf(64, k2, k1)
    const content = { kind: 'access', partition: 1, grant: '', random: 'r'.repeat(32) } as const
    expect(rotated.write({ ...content, keyId: 'k1' })).toBe(mint.write(content))
    expect(() => rotated.write({ ...content, keyId: 'k9' })).toThrow(RangeError)
  })

  it('takes another secret under the same id for a forgery', () => {
    expect(mintOf(64, keySecret('k1')).read(writeAccess()).kind).toBe('junk')
  })
})

describe('the number of partitions', () => {
  it.each([1, 4096])('may be %i', (count) => {
    const many = mintOf(count, k1)
    for (const partition of [0, count >> 1, count - 1]) {
      const grant = partitions.newLocalId()
      const token = many.write({ kind: 'access', partition, grant, random: many.random() })
      expect(many.read(token)).toMatchObject({ kind: 'genuine', token: { partition, grant } })
    }
  })

  it('makes a token of a partition that does not exist junk', () => {
    const many = mintOf(4096, k1)
    const random = many.random()
    const token = many.write({ kind: 'access', partition: 4095, grant: '', random })
    expect(mintOf(1, k1).read(token).kind).toBe('junk')
    expect(mint.read(token).kind).toBe('junk')
  })
})

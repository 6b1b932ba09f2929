/** The sealed successor: opened only by the presented token and the key together; without both it is noise. */
import { randomBytes } from 'node:crypto'
import { nanoid } from 'nanoid'
import { describe, expect, it } from 'vitest'
import { createTokenKeyRing } from '../../../store/mint/key-ring.ts'
import { openSuccessor, type Successor, sealSuccessor } from '../../../store/mint/successor.ts'
import { RANDOM_LENGTH } from '../../../store/mint/token.ts'

const newKey = () => createTokenKeyRing([{ id: 'k1', secret: randomBytes(32) }]).minting
const key = newKey()
const newSuccessor = (): Successor => ({
  keyId: 'k2',
  refreshRandom: nanoid(RANDOM_LENGTH),
  accessRandom: nanoid(RANDOM_LENGTH),
})

describe('a sealed successor', () => {
  it('opens with the token and the key it was sealed to', () => {
    for (let i = 0; i < 200; i++) {
      const [presented, successor] = [nanoid(74), newSuccessor()]
      const sealed = sealSuccessor(key, presented, successor)
      expect(openSuccessor(key, presented, sealed)).toEqual(successor)
    }
  })

  it.each([
    ['another token', key, 'cc_rt_other'],
    ['another key', newKey(), 'cc_rt_presented'],
  ])('is noise to %s', (_, otherKey, otherToken) => {
    const successor = newSuccessor()
    const sealed = sealSuccessor(key, 'cc_rt_presented', successor)
    const opened = openSuccessor(otherKey, otherToken, sealed)
    const same = (a: string, b: string) => [...a].filter((char, i) => char === b[i]).length
    // One in 64 characters agrees by chance.
    expect(same(opened.refreshRandom, successor.refreshRandom)).toBeLessThan(8)
    expect(same(opened.accessRandom, successor.accessRandom)).toBeLessThan(8)
  })

  it('shows nothing of what it holds', () => {
    for (let i = 0; i < 200; i++) {
      const successor = newSuccessor()
      const sealed = sealSuccessor(key, nanoid(74), successor)
      for (const random of [successor.refreshRandom, successor.accessRandom]) {
        for (let start = 0; start + 6 <= random.length; start++) {
          expect(sealed).not.toContain(random.slice(start, start + 6))
        }
      }
    }
  })

  it('looks different for every token, even of the same content', () => {
    const successor = newSuccessor()
    const sealed = Array.from({ length: 200 }, () => sealSuccessor(key, nanoid(74), successor))
    expect(new Set(sealed).size).toBe(200)
    expect(sealed.every((text) => /^k2[A-Za-z0-9_-]{64}$/.test(text))).toBe(true)
  })
})

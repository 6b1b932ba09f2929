/** When the loader asks again: once a load, and not while the endpoint is being left alone. Time and chance are given. */
import { describe, expect, it } from 'vitest'
import { LoaderError } from '../../../issuer/loader/loader-endpoint.ts'
import { createSubjectLoader, SubjectLoadError } from '../../../issuer/loader/subject-loader.ts'
import type { LoadedSubject, SubjectLoads } from '../../../store/registry/subject-loads.ts'

const NOTHING: LoadedSubject = { status: 'active', claims: {}, roles: [] }

/** Claims that are always free; the real ones are tested on Redis. */
const FREE: SubjectLoads = {
  begin: async () => ({ kind: 'begun', name: 'load' }),
  abandon: async () => undefined,
  complete: async () => 0,
}

function open(random: number) {
  let now = 0
  let asked = 0
  let answer: LoadedSubject | LoaderError = NOTHING
  const loader = createSubjectLoader({
    loads: FREE,
    async ask() {
      asked += 1
      if (answer instanceof LoaderError) throw answer
      return answer
    },
    timeoutMs: 1_000,
    report: () => undefined,
    now: () => now,
    pause: async () => undefined,
    random: () => random,
  })
  return {
    load: () => loader.ensureLoaded('alice'),
    asked: () => asked,
    pass: (ms: number) => {
      now += ms
    },
    answers: (next: LoadedSubject | LoaderError) => {
      answer = next
    },
  }
}

const outage = new LoaderError('it is down', true)

describe('an endpoint in trouble', () => {
  it.each([
    [0, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]],
    [0.5, [150, 300, 600, 1_200, 2_400, 4_800, 7_500, 7_500]],
  ])('is left alone for a time that doubles up to a bound (chance %d)', async (random, pauses) => {
    const { load, asked, pass, answers } = open(random)
    answers(outage)
    for (const [failures, pauseMs] of pauses.entries()) {
      await expect(load()).rejects.toThrow(SubjectLoadError)
      expect(asked()).toBe(failures + 1)
      pass(pauseMs - 1)
      await expect(load()).rejects.toThrow(SubjectLoadError)
      expect(asked()).toBe(failures + 1)
      pass(1)
    }
  })

  it('is told of with the seconds to wait', async () => {
    const { load, pass, answers } = open(0)
    answers(outage)
    for (let failures = 0; failures < 7; failures++) {
      await load().catch(() => undefined)
      pass(10_000)
    }
    await load().catch(() => undefined)
    pass(1_500)
    await expect(load()).rejects.toMatchObject({ retryAfterSeconds: 4 })
  })

  it('is trusted again after one answer', async () => {
    const { load, asked, pass, answers } = open(0)
    answers(outage)
    for (let failures = 0; failures < 5; failures++) {
      await load().catch(() => undefined)
      pass(10_000)
    }
    answers(NOTHING)
    await load()
    answers(outage)
    await load().catch(() => undefined)
    pass(100)
    await load().catch(() => undefined)
    expect(asked()).toBe(8)
  })
})

it('asks on at once where only one record is at fault', async () => {
  const { load, asked, answers } = open(0)
  answers(new LoaderError('the answer is not JSON', false))
  for (let n = 1; n <= 3; n++) {
    await expect(load()).rejects.toThrow(SubjectLoadError)
    expect(asked()).toBe(n)
  }
})

/** RFC 8707: resource indicators decide which resource servers a token is for. */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { introspectText, postForm, type TestClient } from '../fixture/requests.ts'
import { GRADES, INACTIVE } from '../fixture/world.ts'
import { expectError, jsonOf } from './answer.ts'
import { type ConformanceWorld, LIBRARY, startConformanceWorld } from './conformance-world.ts'
import { verifies } from './verifies.ts'

const SCHOOL_ONE = 'https://school.test/t1'
const SCHOOL_TWO = 'https://school.test/t2'

describe('RFC 8707: resource indicators', () => {
  let at: ConformanceWorld
  let schoolOne: TestClient
  let schoolTwo: TestClient

  beforeAll(async () => {
    at = await startConformanceWorld()
    const introspect = true
    schoolOne = await at.register('one', { introspect, resources: [SCHOOL_ONE] })
    schoolTwo = await at.register('two', { introspect, resources: [SCHOOL_TWO] })
  })
  afterAll(() => at.close())

  function ask(grant: Record<string, string>, resources: readonly string[], client = at.web) {
    const form = new URLSearchParams(grant)
    for (const resource of resources) form.append('resource', resource)
    return postForm(at.endpoints.token, client, form)
  }
  const forItself = (resources: readonly string[], client?: TestClient) =>
    ask({ grant_type: 'client_credentials' }, resources, client)
  const refresh = (refresh_token: string, resources: readonly string[]) =>
    ask({ grant_type: 'refresh_token', refresh_token }, resources)
  const verdict = async (caller: TestClient, token: unknown) =>
    introspectText(at.introspect[0], caller, String(token))
  const audOf = async (caller: TestClient, token: unknown) =>
    (JSON.parse(await verdict(caller, token)) as { readonly aud?: unknown }).aud

  const unfit = [
    '/relative',
    'grades.test',
    '//grades.test',
    'https://grades.test#x',
    'https://grades.test#',
    'https://grades.test/ x',
    'https://',
    'https://grades.test/é',
    '\r\n',
    `https://grades.test/${'x'.repeat(4_096)}`,
  ]
  for (const resource of unfit) {
    verifies(
      ['8707-2-a'],
      `${JSON.stringify(resource).slice(0, 40)} is invalid_target`,
      async () => {
        await expectError(await forItself([resource]), 400, 'invalid_target')
        await expectError(await forItself([GRADES, resource]), 400, 'invalid_target')
        const { refresh_token } = await at.login('alice')
        await expectError(await refresh(refresh_token, [resource]), 400, 'invalid_target')
      },
    )
  }

  verifies(
    ['8707-2-a', '8707-2-b'],
    'several may be named, and each is in the audience',
    async () => {
      const { access_token } = await jsonOf(await forItself([LIBRARY, GRADES, LIBRARY]))
      expect(await audOf(at.grades, access_token)).toEqual([LIBRARY, GRADES])
      expect(await audOf(at.library, access_token)).toEqual([LIBRARY, GRADES])
    },
  )

  verifies(['8707-2-a'], 'a query is part of the name', async () => {
    const resource = 'https://query.test/?school=1'
    const caller = await at.register('query-api', {
      introspect: true,
      resources: [resource],
    })
    const { access_token } = await jsonOf(await forItself([resource]))
    expect(await audOf(caller, access_token)).toEqual([resource])
    await expectError(await forItself(['https://query.test/']), 400, 'invalid_target')
  })

  verifies(['8707-2-b'], 'the audience is the resource named and nothing else', async () => {
    const { access_token } = await jsonOf(await forItself([LIBRARY]))
    expect(await audOf(at.library, access_token)).toEqual([LIBRARY])
    expect(await verdict(at.grades, access_token)).toBe(INACTIVE)
  })

  verifies(['8707-2-b'], 'none named means the default of the client', async () => {
    const { access_token } = await jsonOf(await forItself([]))
    expect(await audOf(at.grades, access_token)).toEqual([GRADES])
  })

  verifies(
    ['8707-2-c'],
    'a resource that nobody is, or not allowed, is invalid_target',
    async () => {
      await expectError(await forItself(['https://unknown.test']), 400, 'invalid_target')
      await expectError(await forItself([GRADES, 'https://unknown.test']), 400, 'invalid_target')
      const bound = await at.register('bound-app', { allowed_resources: [GRADES] })
      expect((await forItself([GRADES], bound)).status).toBe(200)
      await expectError(await forItself([LIBRARY], bound), 400, 'invalid_target')
      await expectError(await forItself([GRADES, LIBRARY], bound), 400, 'invalid_target')
      const many = Array.from({ length: 50 }, (_, n) => `https://many.test/${n}`)
      await expectError(await forItself(many), 400, 'invalid_target')
    },
  )

  verifies(['8707-2-c'], 'a resource is unknown once its server is gone', async () => {
    const resource = 'https://brief.test'
    await at.register('brief-api', { introspect: true, resources: [resource] })
    expect((await forItself([resource])).status).toBe(200)
    await at.callAdmin('DELETE', '/clients/brief-api')
    await expectError(await forItself([resource]), 400, 'invalid_target')
  })

  verifies(['8707-2.2-a'], 'refreshes aim at one resource after the other', async () => {
    const first = await at.login('alice', { resource: [GRADES, LIBRARY] })
    const forGrades = await jsonOf(await refresh(first.refresh_token, [GRADES]))
    const forLibrary = await jsonOf(await refresh(String(forGrades.refresh_token), [LIBRARY]))
    const forBoth = await jsonOf(await refresh(String(forLibrary.refresh_token), []))
    expect(await audOf(at.grades, forGrades.access_token)).toEqual([GRADES])
    expect(await verdict(at.library, forGrades.access_token)).toBe(INACTIVE)
    expect(await audOf(at.library, forLibrary.access_token)).toEqual([LIBRARY])
    expect(await verdict(at.grades, forLibrary.access_token)).toBe(INACTIVE)
    expect(await audOf(at.library, forBoth.access_token)).toEqual([GRADES, LIBRARY])
  })

  verifies(['8707-2.2-a'], 'beyond the grant is invalid_target and uses nothing up', async () => {
    const { refresh_token } = await at.login('alice', { resource: [GRADES] })
    for (const resources of [[LIBRARY], [GRADES, LIBRARY], ['https://unknown.test']]) {
      await expectError(await refresh(refresh_token, resources), 400, 'invalid_target')
    }
    const next = await jsonOf(await refresh(refresh_token, [GRADES]))
    expect(await audOf(at.grades, next.access_token)).toEqual([GRADES])
  })

  verifies(['8707-3-a'], "one tenant's token is inactive at another of the same host", async () => {
    const one = (await jsonOf(await forItself([SCHOOL_ONE]))).access_token
    expect(await audOf(schoolOne, one)).toEqual([SCHOOL_ONE])
    expect(await verdict(schoolTwo, one)).toBe(INACTIVE)
    const two = (await jsonOf(await forItself([SCHOOL_TWO]))).access_token
    expect(await verdict(schoolOne, two)).toBe(INACTIVE)
    expect(await audOf(schoolTwo, two)).toEqual([SCHOOL_TWO])
  })
})

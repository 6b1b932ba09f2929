/** The AuthZEN decision point as a test asks it, and reading its answers strictly. */
import { expect } from 'vitest'
import type { Store } from '../../store/store.ts'
import { basic, type TestClient } from '../fixture/requests.ts'
import { expectNoStore, jsonOf } from './answer.ts'

export const ALICE = { type: 'user', id: 'alice' }
export const BOB = { type: 'user', id: 'bob' }
export const RECORD_1 = { type: 'record', id: 'record-1' }
export const READ = { name: 'read' }
export const WRITE = { name: 'write' }
/** A whole evaluation that is permitted. */
export const PERMITTED = { subject: ALICE, action: READ, resource: RECORD_1 }

/** What the certification scenario (§1) needs of roles: alice reads and writes record-1, bob reads it. */
export async function loadFixture(store: Store): Promise<void> {
  await store.roleSchemas.put({
    editor: { permissions: ['read', 'write'], assumable: ['viewer'] },
    viewer: { permissions: ['read'], assumable: [] },
  })
  const context = 'record:record-1'
  await store.assignments.apply([
    { op: 'assign', sub: 'alice', context, role: 'editor' },
    { op: 'assign', sub: 'bob', context, role: 'viewer' },
  ])
}

/** Posts a body, which is sent as it is when it is a text. */
export function postJson(
  url: string,
  caller: TestClient | undefined,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(caller === undefined ? {} : { authorization: basic(caller) }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** The answer is a decision and nothing else. */
export async function decisionOf(response: Response): Promise<boolean> {
  const answer = await jsonOf(response)
  expectNoStore(response)
  expect(answer).toEqual({ decision: expect.any(Boolean) })
  return answer.decision === true
}

/** The decisions of a batch; those of items with a mistake are `undefined`. */
export async function decisionsOf(response: Response): Promise<readonly (boolean | undefined)[]> {
  const { evaluations, ...rest } = await jsonOf(response)
  expect(rest).toEqual({})
  return (evaluations as readonly Record<string, unknown>[]).map(({ decision, ...more }) => {
    expect(decision).toBeTypeOf('boolean')
    if (Object.keys(more).length === 0) return decision as boolean
    expect(decision).toBe(false)
    expect(more).toEqual({ context: { error: { status: 400, message: expect.any(String) } } })
    return undefined
  })
}

/** The answer is an error: a message as a JSON string, not to be stored, and no decision. Returns the message. */
export async function messageOf(response: Response, status: number): Promise<string> {
  const text = await response.text()
  expect({ status: response.status, text }).toEqual({ status, text: expect.any(String) })
  expect(response.headers.get('content-type')).toBe('application/json')
  expectNoStore(response)
  const message: unknown = JSON.parse(text)
  expect(message).toBeTypeOf('string')
  expect(message).not.toBe('')
  return message as string
}

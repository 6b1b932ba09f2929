/** Reading answers strictly: what every error and every answer of the OAuth endpoints must look like. */
import { expect } from 'vitest'

/** The characters RFC 6749 §5.2 allows in `error` and `error_description`. */
const ERROR_TEXT = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

/** The answer must forbid every cache to store it. */
export function expectNoStore(response: Response): void {
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('pragma')).toBe('no-cache')
}

/** The answer is this OAuth error, well-formed, not to be stored, and no verdict about a token. */
export async function expectError(
  response: Response,
  status: number,
  error: string,
): Promise<void> {
  const text = await response.text()
  expect({ status: response.status, text }).toEqual({
    status,
    text: expect.stringContaining(`"error":"${error}"`),
  })
  expect(response.headers.get('content-type')).toBe('application/json')
  expectNoStore(response)
  const body = JSON.parse(text) as Record<string, unknown>
  expect(Object.keys(body)).toEqual(['error', 'error_description'])
  expect(body.error).toBe(error)
  expect(body.error).toMatch(ERROR_TEXT)
  expect(body.error_description).toMatch(ERROR_TEXT)
}

/** A JSON object. */
export async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  return (await response.json()) as Record<string, unknown>
}

/** Headers that differ from answer to answer whatever it says. */
const VARYING = new Set(['date', 'x-request-id'])

/** All that a caller can see of an answer, save what varies anyway. */
export async function visible(response: Response) {
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !VARYING.has(name)),
    body: await response.text(),
  }
}

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { curlConfig, curlLines, shellWord } from '../../../scripts/curl-lines.ts'

const ISSUER = 'http://127.0.0.1:4000'
const INTROSPECT = 'http://127.0.0.1:4001'
const TOKEN = `cc_at_${'x'.repeat(68)}`

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "claimcheck it's a "))
})

afterEach(() => rmSync(folder, { recursive: true }))

it('prints these three lines', () => {
  expect(curlLines({ issuer: ISSUER, introspect: INTROSPECT, dataDir: '/cc/.claimcheck' })).toEqual(
    [
      'TOKEN=$(curl -K /cc/.claimcheck/web-app.curl -d grant_type=client_credentials ' +
        `http://127.0.0.1:4000/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'); echo "$TOKEN"`,
      'echo "token=$TOKEN" | curl -K /cc/.claimcheck/grades-api.curl -d @- http://127.0.0.1:4001/introspect',
      'echo "token=$TOKEN" | curl -K /cc/.claimcheck/web-app.curl ' +
        `-w '%{http_code}\\n' -d @- http://127.0.0.1:4000/revoke`,
    ],
  )
})

// Stands in for curl: notes its command line and its input, and answers like /token.
const FAKE_CURL = `#!/bin/sh
echo "argv $*" >> "$NOTES"
case $* in
  */token) echo '{"access_token":"${TOKEN}","token_type":"Bearer","expires_in":3600}' ;;
  *) echo "input $(cat)" >> "$NOTES" ;;
esac
`

it('carries the token from line to line in a POSIX shell, and no secret on a command line', () => {
  const notes = join(folder, 'notes')
  writeFileSync(join(folder, 'curl'), FAKE_CURL)
  chmodSync(join(folder, 'curl'), 0o755)
  const lines = curlLines({ issuer: ISSUER, introspect: INTROSPECT, dataDir: folder })
  const env = { PATH: `${folder}:${process.env.PATH}`, NOTES: notes }
  const twice = [...lines, ...lines].join('\n')
  expect(execFileSync('sh', { input: twice, env, encoding: 'utf8' })).toBe(`${TOKEN}\n`.repeat(2))
  const noted = readFileSync(notes, 'utf8').trim().split('\n')
  expect(noted.filter((line) => line.startsWith('input'))).toEqual(
    Array(4).fill(`input token=${TOKEN}`),
  )
  const commands = noted.filter((line) => line.startsWith('argv'))
  expect(commands).toHaveLength(6)
  expect(commands.join()).not.toContain(TOKEN)
  expect(commands[0]).toContain(`-K ${folder}/web-app.curl `)
})

it('lets curl read the credentials from a file', () => {
  expect(curlConfig('web-app', 's3cret').split('\n')[0]).toBe('user = "web-app:s3cret"')
})

it('quotes a path only where the shell needs it', () => {
  expect(shellWord('/a/b-c_d.e')).toBe('/a/b-c_d.e')
  expect(shellWord("it's")).toBe(`'it'\\''s'`)
})

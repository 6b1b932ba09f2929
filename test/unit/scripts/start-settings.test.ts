import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { localUrl, readStartSettings, withSettings } from '../../../scripts/start-settings.ts'

it('has a default for everything', () => {
  expect(readStartSettings({}, '/cc')).toEqual({
    dataDir: '/cc/.claimcheck',
    host: '127.0.0.1',
    issuerPort: 4000,
    introspectPort: 4001,
    metricsPort: undefined,
    issuerPath: '',
    introspectPath: '',
    redisUrl: undefined,
    issuer: undefined,
    introspectUrl: undefined,
    adminSecret: undefined,
    hasTokenKeys: false,
  })
})

it('takes the path of the routes from the public URLs', () => {
  const { issuerPath, introspectPath } = readStartSettings(
    { CLAIMCHECK_ISSUER: 'https://auth.test/cc/' },
    '/cc',
  )
  expect([issuerPath, introspectPath]).toEqual(['/cc', '/cc'])
})

it('reads a setting from the file that …_FILE names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-settings-'))
  try {
    writeFileSync(join(folder, 'url'), 'redis://127.0.0.1:7000\n')
    const settings = readStartSettings({ CLAIMCHECK_REDIS_URL_FILE: 'url' }, folder)
    expect(settings.redisUrl).toBe('redis://127.0.0.1:7000')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('reports all wrong settings at once', () => {
  const env = { CLAIMCHECK_ISSUER_PORT: '99999', CLAIMCHECK_PARTITIONS: '3' }
  expect(() => readStartSettings(env, '/cc')).toThrow(
    /CLAIMCHECK_PARTITIONS[\s\S]*CLAIMCHECK_ISSUER_PORT|CLAIMCHECK_ISSUER_PORT[\s\S]*CLAIMCHECK_PARTITIONS/,
  )
})

it('refuses TLS, which a start for development does not speak', () => {
  const env = { CLAIMCHECK_TLS_CERT: '/c.pem', CLAIMCHECK_TLS_KEY: '/k.pem' }
  expect(() => readStartSettings(env, '/cc')).toThrow('speaks plain HTTP')
})

it('replaces a setting in whichever form it was given', () => {
  const env = { PATH: '/bin', CLAIMCHECK_ISSUER_PORT_FILE: '/p', CLAIMCHECK_TOKEN_KEYS: 'k1.x' }
  const settings = { CLAIMCHECK_ISSUER_PORT: '4000', CLAIMCHECK_TOKEN_KEYS_FILE: '/keys' }
  expect(withSettings(env, settings)).toEqual({ PATH: '/bin', ...settings })
})

it('reaches a service that listens on every address through the loopback', () => {
  expect(localUrl('0.0.0.0', 1)).toBe('http://127.0.0.1:1')
  expect(localUrl('::', 1)).toBe('http://[::1]:1')
  expect(localUrl('::1', 1)).toBe('http://[::1]:1')
  expect(localUrl('localhost', 1)).toBe('http://localhost:1')
})

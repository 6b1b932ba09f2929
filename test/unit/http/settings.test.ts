import { describe, expect, it } from 'vitest'
import {
  type EnvironmentVariables,
  parseSettings,
  SETTING_NAMES,
  SettingsError,
} from '../../../settings/settings.ts'

const KEY_A = `a1.${Buffer.alloc(32, 7).toString('base64url')}`
const KEY_B = `b2.${Buffer.alloc(48, 8).toString('base64url')}`
const noFiles = (): string => {
  throw Object.assign(new Error('no'), { code: 'ENOENT' })
}
const parse = (env: EnvironmentVariables, readFile = noFiles) => parseSettings(env, readFile)

function problemsOf(env: EnvironmentVariables, readFile: (path: string) => string = noFiles) {
  try {
    parseSettings(env, readFile)
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError)
    return error as SettingsError
  }
  throw new Error('expected a SettingsError')
}
const namesOf = (env: EnvironmentVariables) => problemsOf(env).problems.map(({ name }) => name)

describe('parseSettings', () => {
  it('has a default for everything a developer needs', () => {
    expect(parse({})).toEqual({
      redisUrl: 'redis://127.0.0.1:6379',
      keyPrefix: 'cc',
      partitions: 64,
      issuer: 'http://127.0.0.1:4000',
      introspectUrl: 'http://127.0.0.1:4001',
      issuerPort: 4000,
      introspectPort: 4001,
      metricsPort: undefined,
      host: '127.0.0.1',
      dataDir: '.claimcheck',
      tls: undefined,
      isTlsTerminated: false,
      trustProxy: false,
      tokenKeys: undefined,
      adminSecret: undefined,
      loader: undefined,
      auditRetentionMs: 90 * 86_400_000,
      logLevel: 'info',
      isProduction: false,
    })
  })

  it('treats an empty text as none, and ignores what is not ours', () => {
    const empty = Object.fromEntries(SETTING_NAMES.map((name) => [name, '']))
    expect(parse({ ...empty, PATH: '/bin', CLAIMCHECK_TEST_ANYTHING: '1' })).toEqual(parse({}))
  })

  it('reports all problems at once', () => {
    const error = problemsOf({
      CLAIMCHECK_PARTITIONS: '63',
      CLAIMCHECK_ISSUER: 'http://example.test',
      CLAIMCHECK_LOG_LEVEL: 'loud',
      CLAIMCHECK_ISSUER_PROT: '1',
    })
    expect(error.problems.map(({ name }) => name).sort()).toEqual([
      'CLAIMCHECK_ISSUER',
      'CLAIMCHECK_ISSUER_PROT',
      'CLAIMCHECK_LOG_LEVEL',
      'CLAIMCHECK_PARTITIONS',
    ])
    expect(error.message).toContain('4 settings are wrong')
    expect(error.message).toContain('Did you mean CLAIMCHECK_ISSUER_PORT?')
  })

  it.each([
    ['CLAIMCHECK_PARTITIONS', ['0', '3', '8192', '-1', '1.5', '64 '], ['1', '2', '4096']],
    ['CLAIMCHECK_KEY_PREFIX', ['a:b', '{x}', 'x'.repeat(33)], ['a.b-c_D9']],
    ['CLAIMCHECK_ISSUER_PORT', ['65536', '-1', 'http', '4e3'], ['0', '65535']],
    [
      'CLAIMCHECK_ISSUER',
      [
        'ftp://x',
        'https://u:p@x',
        'https://x/?',
        'https://x/#',
        'x',
        'https://x/ ',
        'http://10.0.0.1',
      ],
      ['https://id.test/auth/', 'http://localhost:1', 'http://[::1]:1', 'http://127.9.9.9'],
    ],
    [
      'CLAIMCHECK_REDIS_URL',
      ['localhost', 'http://x', 'redis://', 'unix:relative', 'redis+sentinel://h:1', 'redis://a b'],
      [
        'redis://:p%40ss@h:1/2',
        'rediss://h',
        'unix:/tmp/r.sock',
        'redis://a:1,redis://b:2',
        'redis://a:1,b:2',
        'redis+cluster://a:1,b:2',
        'redis+sentinel://:pw@a:1,b:2/main?db=1',
        'rediss+sentinel://a/main',
      ],
    ],
    ['CLAIMCHECK_TRUST_PROXY', ['yes', '1', 'TRUE'], ['true', 'false']],
    ['CLAIMCHECK_ADMIN_SECRET', ['x'.repeat(42), `${'x'.repeat(43)} y`], ['x'.repeat(43)]],
  ])('checks %s', (name, bad, good) => {
    for (const value of bad) expect(namesOf({ [name]: value }), value).toEqual([name])
    for (const value of good) expect(() => parse({ [name]: value }), value).not.toThrow()
  })

  it('never repeats a value', () => {
    const secret = 'hunter2-hunter2-hunter2'
    const env = Object.fromEntries(SETTING_NAMES.map((name) => [name, `${secret} é\0`]))
    const error = problemsOf(env)
    expect(error.problems.length).toBe(SETTING_NAMES.length)
    expect(`${error.message} ${JSON.stringify(error.problems)}`).not.toContain('hunter2')
  })

  it('reads token keys in order, by comma or line', () => {
    for (const separator of [',', '\n', ' ,\r\n ']) {
      const { tokenKeys } = parse({ CLAIMCHECK_TOKEN_KEYS: KEY_A + separator + KEY_B })
      expect(tokenKeys?.map(({ id, secret }) => [id, secret.length])).toEqual([
        ['a1', 32],
        ['b2', 48],
      ])
    }
  })

  it.each([
    ['the same key id', `${KEY_A},${KEY_A}`],
    ['32 bytes', `a1.${Buffer.alloc(31).toString('base64url')}`],
    ['id.secret', `abc.${'A'.repeat(43)}`],
    ['base64url', `a1.${'A'.repeat(42)}B`],
    ['at least one', ' , '],
  ])('refuses token keys against the rule about %s', (rule, text) => {
    expect(problemsOf({ CLAIMCHECK_TOKEN_KEYS: text }).message).toContain(rule)
  })

  it('reads a setting from a file, without its last line end', () => {
    const files = new Map([['/run/keys', `${KEY_A}\n${KEY_B}\n`]])
    const settings = parseSettings(
      { CLAIMCHECK_TOKEN_KEYS_FILE: '/run/keys' },
      (path) => files.get(path) ?? noFiles(),
    )
    expect(settings.tokenKeys?.length).toBe(2)
  })

  it('refuses an unreadable file, an empty one, and both ways at once', () => {
    const file = { CLAIMCHECK_REDIS_URL_FILE: '/run/redis' }
    expect(problemsOf(file).message).toContain(
      'CLAIMCHECK_REDIS_URL_FILE names a file that cannot be read (ENOENT)',
    )
    expect(problemsOf(file, () => '\n').message).toContain('empty file')
    expect(problemsOf({ ...file, CLAIMCHECK_REDIS_URL: 'redis://x' }).message).toContain(
      'must not both be set',
    )
  })

  it('wants TLS, or word of TLS in front, beyond the loopback and in production', () => {
    const tls = { CLAIMCHECK_TLS_CERT: 'c.pem', CLAIMCHECK_TLS_KEY: 'k.pem' }
    const terminated = { CLAIMCHECK_TLS_TERMINATED: 'true' }
    const production = { NODE_ENV: 'production', CLAIMCHECK_TOKEN_KEYS: KEY_A }
    const open = { CLAIMCHECK_HOST: '0.0.0.0' }
    expect(namesOf(open)).toEqual(['CLAIMCHECK_HOST'])
    expect(namesOf(production)).toEqual(['CLAIMCHECK_TLS_CERT'])
    expect(namesOf({ CLAIMCHECK_TLS_CERT: 'c.pem' })).toEqual(['CLAIMCHECK_TLS_KEY'])
    expect(namesOf({ CLAIMCHECK_TLS_CLIENT_CA: 'ca.pem' })).toEqual(['CLAIMCHECK_TLS_CLIENT_CA'])
    for (const env of [open, production, { ...open, ...production }]) {
      expect(parse({ ...env, ...terminated }).isTlsTerminated).toBe(true)
      expect(parse({ ...env, ...tls }).tls).toEqual({
        cert: 'c.pem',
        key: 'k.pem',
        clientCa: undefined,
      })
    }
  })

  it('wants token keys in production', () => {
    const env = { NODE_ENV: 'production', CLAIMCHECK_TLS_TERMINATED: 'true' }
    expect(namesOf(env)).toEqual(['CLAIMCHECK_TOKEN_KEYS'])
    expect(parse({ ...env, CLAIMCHECK_TOKEN_KEYS: KEY_A }).isProduction).toBe(true)
  })

  it('derives the introspection URL from the issuer', () => {
    expect(parse({ CLAIMCHECK_ISSUER: 'https://id.test/auth' }).introspectUrl).toBe(
      'https://id.test/auth',
    )
    expect(parse({ CLAIMCHECK_INTROSPECT_PORT: '5001' }).introspectUrl).toBe(
      'http://127.0.0.1:5001',
    )
    expect(parse({ CLAIMCHECK_INTROSPECT_URL: 'https://i.test' }).introspectUrl).toBe(
      'https://i.test',
    )
  })
})

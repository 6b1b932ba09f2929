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
const namesOf = (env: EnvironmentVariables) => [
  ...new Set(problemsOf(env).problems.map(({ name }) => name)),
]
const rulesOf = (env: EnvironmentVariables, readFile?: (path: string) => string) =>
  problemsOf(env, readFile).problems.map(({ name, rule }) => `${name} ${rule}`)

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

  it('tells every mistake of a URL', () => {
    expect(rulesOf({ CLAIMCHECK_ISSUER: 'http://me@id.test/ a?b#c' })).toEqual([
      'CLAIMCHECK_ISSUER must use https (http only for a loopback host)',
      'CLAIMCHECK_ISSUER must not have a user name or password',
      'CLAIMCHECK_ISSUER must not have a query',
      'CLAIMCHECK_ISSUER must not have a fragment',
      'CLAIMCHECK_ISSUER must not contain spaces',
    ])
    expect(rulesOf({ CLAIMCHECK_LOADER_URL: 'id.test?a' })).toEqual([
      'CLAIMCHECK_LOADER_URL must be a URL, such as https://id.example',
      'CLAIMCHECK_LOADER_URL must not have a query',
    ])
  })

  it('tells every mistake of the token keys, and of which key', () => {
    const keys = [KEY_A, 'abc.x', `c3.${'A'.repeat(42)}B`, 'd4.AAAA', KEY_B, 'a1.AAAA'].join()
    expect(rulesOf({ CLAIMCHECK_TOKEN_KEYS: keys })).toEqual(
      [
        'must be keys of the form id.secret, the id two characters of base64url (key 2)',
        'must have secrets in base64url (key 3)',
        'must have secrets of at least 32 bytes (key 4)',
        'must have secrets of at least 32 bytes (key 6)',
        'must not use the same key id twice (key 6)',
      ].map((rule) => `CLAIMCHECK_TOKEN_KEYS ${rule}`),
    )
  })

  it('tells the mistakes of one setting in one line, and counts settings', () => {
    const { message } = problemsOf({ CLAIMCHECK_ISSUER: 'http://id.test?a', CLAIMCHECK_HOST: ' ' })
    expect(message.split('\n')).toEqual([
      'Cannot start: 2 settings are wrong.',
      '  CLAIMCHECK_ISSUER must use https (http only for a loopback host); must not have a query. Set it to the URL under which clients reach the issuer.',
      '  CLAIMCHECK_HOST must be the name or address to listen on. Use 127.0.0.1, or 0.0.0.0 for all interfaces.',
    ])
  })

  it('tells of a setting that is wrong what it conflicts with too', () => {
    expect(namesOf({ CLAIMCHECK_TLS_CERT: 'a\0b' })).toEqual([
      'CLAIMCHECK_TLS_CERT',
      'CLAIMCHECK_TLS_KEY',
    ])
    expect(rulesOf({ CLAIMCHECK_LOADER_SECRET: 'short' })).toEqual([
      'CLAIMCHECK_LOADER_SECRET must be 16 to 1024 visible ASCII characters',
      'CLAIMCHECK_LOADER_SECRET has no use without CLAIMCHECK_LOADER_URL',
    ])
    expect(rulesOf({ CLAIMCHECK_TLS_CLIENT_CA: 'a\0b' })).toEqual([
      'CLAIMCHECK_TLS_CLIENT_CA must be a path',
      'CLAIMCHECK_TLS_CLIENT_CA has no use without TLS',
    ])
    const production = { NODE_ENV: 'production', CLAIMCHECK_TOKEN_KEYS: 'x' }
    expect(namesOf({ ...production, CLAIMCHECK_HOST: ' ' })).toEqual([
      'CLAIMCHECK_HOST',
      'CLAIMCHECK_TOKEN_KEYS',
      'CLAIMCHECK_TLS_CERT',
    ])
    const both = { CLAIMCHECK_REDIS_URL: 'redis://h:0', CLAIMCHECK_REDIS_URL_FILE: '/run/redis' }
    expect(rulesOf(both)).toEqual([
      'CLAIMCHECK_REDIS_URL and CLAIMCHECK_REDIS_URL_FILE must not both be set',
      'CLAIMCHECK_REDIS_URL_FILE names a file that cannot be read (ENOENT)',
      'CLAIMCHECK_REDIS_URL must have a port from 1 to 65535',
    ])
  })

  it('does not guess what a setting that is wrong was meant to be', () => {
    expect(namesOf({ CLAIMCHECK_TLS_TERMINATED: 'yes', CLAIMCHECK_HOST: '0.0.0.0' })).toEqual([
      'CLAIMCHECK_TLS_TERMINATED',
    ])
    const loader = { CLAIMCHECK_LOADER_URL: 'x', CLAIMCHECK_LOADER_SECRET: 'x'.repeat(16) }
    expect(namesOf(loader)).toEqual(['CLAIMCHECK_LOADER_URL'])
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
    expect(new Set(error.problems.map(({ name }) => name)).size).toBe(SETTING_NAMES.length)
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

/** Redis URLs: every documented form, and a refusal of the rest that names each mistake and never repeats a password. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSettings, SettingsError } from '../../../settings/settings.ts'
import { parseRedisUrl } from '../../../store/redis/redis-url.ts'

const standalone = (options: object) => ({ kind: 'standalone', options })

describe('a Redis URL', () => {
  it.each([
    ['redis://h', { host: 'h', port: 6379 }],
    ['redis://127.0.0.1:7000', { host: '127.0.0.1', port: 7000 }],
    ['redis://h:1/3', { host: 'h', port: 1, db: 3 }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['redis://:p%40ss@h', { host: 'h', port: 6379, password: 'p@ss' }],
    ['redis://u:p@h', { host: 'h', port: 6379, username: 'u', password: 'p' }],
    ['rediss://u:p@h:2/1', { host: 'h', port: 2, username: 'u', password: 'p', db: 1, tls: {} }],
    ['unix:/run/redis.sock', { path: '/run/redis.sock' }],
    ['unix:///run/redis.sock', { path: '/run/redis.sock' }],
    ['unix:/run/redis.sock?db=2', { path: '/run/redis.sock', db: 2 }],
    ['unix:/run/a,b.sock', { path: '/run/a,b.sock' }],
  ])('%s names one server', (url, options) => {
    expect(parseRedisUrl(url)).toEqual(standalone(options))
  })

  it.each([
    ['redis://a:1,redis://b:2', {}],
    ['redis://a:1,b:2', {}],
    ['redis+cluster://a:1,b:2', {}],
    ['redis+cluster://:pw@a:1,b:2', { password: 'pw' }],
    ['rediss+cluster://u:pw@a:1,b:2', { username: 'u', password: 'pw', tls: {} }],
    ['rediss://a:1, b:2', { tls: {} }],
  ])('%s names a Cluster', (url, options) => {
    const nodes = [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ]
    expect(parseRedisUrl(url)).toEqual({ kind: 'cluster', nodes, options })
  })

  it('redis+cluster:// with one node names a Cluster', () => {
    const nodes = [{ host: 'a', port: 6379 }]
    expect(parseRedisUrl('redis+cluster://a')).toEqual({ kind: 'cluster', nodes, options: {} })
  })

  it('redis+sentinel:// names the sentinels and the primary', () => {
    expect(parseRedisUrl('redis+sentinel://a:1,b/main')).toEqual({
      kind: 'sentinel',
      options: {
        sentinels: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26379 },
        ],
        name: 'main',
      },
    })
  })

  it('redis+sentinel:// carries credentials, database and TLS', () => {
    expect(parseRedisUrl('rediss+sentinel://u:p%2Fw@a:1/main?db=4')).toEqual({
      kind: 'sentinel',
      options: {
        sentinels: [{ host: 'a', port: 1 }],
        name: 'main',
        db: 4,
        username: 'u',
        password: 'p/w',
        tls: {},
        enableTLSForSentinelMode: true,
      },
    })
  })

  it('finds a sentinel without a port at 26379, whatever its address looks like', () => {
    const { options } = parseRedisUrl('redis+sentinel://[::1]/main') as {
      options: { sentinels: unknown }
    }
    expect(options.sentinels).toEqual([{ host: '::1', port: 26379 }])
  })

  const SCHEME =
    'must begin with redis://, rediss://, unix:/, redis+cluster:// or redis+sentinel://'
  const HOST = 'must name a host'
  const PORT = 'must have a port from 1 to 65535'
  const DATABASE = 'must have the number of a database as its path, as in redis://host:6379/1'
  const DB = 'must have the number of a database as its db, as in ?db=1'
  const SPACES = 'must not contain spaces'
  const ENCODING = 'must percent-encode special characters in its user name and password'
  const SOCKET = 'must name a socket by an absolute path, as in unix:/run/redis.sock'
  const PRIMARY = 'must end in the name of the primary, as in redis+sentinel://host:26379/name'
  const at = (rule: string, node: number) => `${rule} (host ${node})`

  const BAD: readonly (readonly [string, ...string[]])[] = [
    ['', SCHEME],
    ['localhost:6379', SCHEME],
    ['http://:s3cret@h', SCHEME],
    ['redis+other://:s3cret@a', SCHEME],
    ['redis://', HOST],
    ['redis:///1', HOST],
    ['redis://:6379', HOST],
    ['redis://:s3cret@', HOST],
    ['redis://:s3cret@h:99999', PORT],
    ['redis://:s3cret@h:0', PORT],
    ['redis://:s3cret@h:port', PORT],
    ['redis://:s3cret@h/db', DATABASE],
    ['redis://:s3cret@h/1/2', DATABASE],
    ['redis://:s3cret@h:65536/db', PORT, DATABASE],
    ['redis://:s3cret@:65536/db', HOST, PORT, DATABASE],
    ['redis://:s3cret%zz@h', ENCODING],
    ['redis://:s3cret/x@h', ENCODING],
    ['redis://:s3 cret@h', SPACES],
    [' redis://h', SPACES],
    ['redis://h^', 'must name a host by its name or address'],
    ['unix:redis.sock', SOCKET],
    ['unix:/', SOCKET],
    ['unix:/run/redis.sock?db=s3cret', DB],
    ['unix:redis.sock?db=s3cret', SOCKET, DB],
    ['redis://:s3cret@a:1,b:x', at(PORT, 2)],
    ['redis://:s3cret@a:1,', at(HOST, 2)],
    ['redis+cluster://:s3cret@a:1,b:x', at(PORT, 2)],
    ['redis+cluster://:s3cret@a:0,b:x,c/y', at(PORT, 1), at(PORT, 2), at(DATABASE, 3)],
    ['redis+cluster://a,http://b', at(SCHEME, 2)],
    ['redis+sentinel://:s3cret@a:1', PRIMARY],
    ['redis+sentinel://:s3cret@a:1/', PRIMARY],
    ['redis+sentinel://:s3cret@/main', HOST],
    ['redis+sentinel://:s3cret@a:x/main', PORT],
    ['redis+sentinel://:s3cret@a,b:99999/main', at(PORT, 2)],
    ['redis+sentinel://:s3cret%@a:0?db=x', PORT, PRIMARY, DB, ENCODING],
    ['redis+sentinel://a/main?name=s3cret', 'must have no query but db'],
    ['redis+sentinel://a/ma in', SPACES],
  ]

  it.each(BAD)('refuses %s, naming each mistake and never repeating it', (url, ...mistakes) => {
    const refusal = refusalOf(() => parseRedisUrl(url))
    expect(refusal).toBeInstanceOf(TypeError)
    expect(String(refusal?.stack)).not.toContain('s3cret')
    if (url !== '') expect(settingMistakes(url)).toEqual(mistakes)
  })

  it('is told at start with the other mistakes and the name of the setting, without repeating it', () => {
    const env = { CLAIMCHECK_REDIS_URL: 'redis://:s3cret@h:99999/x', CLAIMCHECK_PARTITIONS: '3' }
    const { message } = refusalOf(() => parseSettings(env, noFile)) as SettingsError
    expect(message).toContain('2 settings are wrong')
    expect(message).toContain(`CLAIMCHECK_REDIS_URL ${PORT}`)
    expect(message).toContain(DATABASE)
    expect(message).not.toContain('s3cret')
  })

  const piece = fc.constantFrom(
    ...['redis', 'rediss', 'unix', 'http', '+cluster', '+sentinel', '+', ':', '://', '/', '//'],
    ...[',', ', ', '@', ':pw@', 'u:p%40@', '%zz@', 'h', 'a.test', '[::1]', '[::', ':1', ':6379'],
    ...[
      ':0',
      ':99999',
      ':x',
      '/1',
      '/main',
      '/run/r.sock',
      '?db=1',
      '?db=x',
      '?',
      '#',
      ' ',
      '\n',
      '^',
    ],
  )
  const likeness = fc.oneof(
    fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join('')),
    fc
      .tuple(
        fc.constantFrom('redis://', 'rediss://', 'redis+cluster://', 'redis+sentinel://', 'unix:'),
        fc.array(piece, { maxLength: 6 }),
      )
      .map(([scheme, pieces]) => scheme + pieces.join('')),
  )

  it('is accepted by the settings exactly when the store accepts it', () => {
    const isSetting = (url: string) => settingMistakes(url).length === 0
    const isStores = (url: string) => refusalOf(() => parseRedisUrl(url)) === undefined
    for (const [url] of BAD.slice(1))
      expect([url, isSetting(url), isStores(url)]).toEqual([url, false, false])
    fc.assert(
      fc.property(likeness, (url) => {
        fc.pre(url !== '')
        expect(isSetting(url)).toBe(isStores(url))
      }),
      { numRuns: 3_000 },
    )
  })
})

const noFile = (): string => {
  throw new Error('there is no file')
}

function refusalOf(work: () => unknown): Error | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** What the settings say is wrong with a URL. */
function settingMistakes(url: string): readonly string[] {
  const refusal = refusalOf(() => parseSettings({ CLAIMCHECK_REDIS_URL: url }, noFile))
  if (refusal === undefined) return []
  expect(refusal).toBeInstanceOf(SettingsError)
  return (refusal as SettingsError).problems.map(({ name, rule }) => {
    expect(name).toBe('CLAIMCHECK_REDIS_URL')
    return rule
  })
}

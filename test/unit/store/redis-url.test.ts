/** Redis URLs: every documented form, and a plain refusal of the rest that never repeats a password. */
import { describe, expect, it } from 'vitest'
import { parseRedisUrl } from '../../../store/redis/redis-url.ts'

const standalone = (options: object) => ({ kind: 'standalone', options })

describe('a Redis URL', () => {
  it.each([
    ['redis://', { host: 'localhost', port: 6379 }],
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

  it.each([
    '',
    'localhost:6379',
    'http://:s3cret@h',
    'redis://:s3cret@h:99999',
    'redis://:s3cret@h/db',
    'redis://:s3cret@h/1/2',
    'redis://:s3cret%zz@h',
    'unix:redis.sock',
    'unix:/run/redis.sock?db=s3cret',
    'redis+sentinel://:s3cret@a:1',
    'redis+sentinel://:s3cret@a:1/',
    'redis+sentinel://:s3cret@/main',
    'redis+sentinel://:s3cret@a:x/main',
    'redis+cluster://:s3cret@a:1,b:x',
    'redis+other://:s3cret@a',
  ])('refuses %s with a TypeError that does not repeat it', (url) => {
    let refusal: unknown
    try {
      parseRedisUrl(url)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(TypeError)
    expect(String((refusal as TypeError).stack)).not.toContain('s3cret')
  })
})

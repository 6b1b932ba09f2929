/** Servers that are gone, slow, broken, hostile or not ours: one clear sentence, the right exit code, no harmful retry. */
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../fixture/redis-server.ts'
import {
  type Answer,
  replyJson,
  replyProblem,
  type ScriptedIssuer,
  startScriptedIssuer,
} from './scripted-issuer.ts'
import { createToolBench, type Outcome, type ToolBench } from './tool.ts'

const ADMIN = { client_id: 'admin', client_secret: 'sesame-open-wide' }
function benchFor(issuer: string): ToolBench {
  const bench = createToolBench({ issuer, admin: ADMIN })
  onTestFinished(() => bench.close())
  return bench
}

async function scripted(answer: Answer, token?: Answer): Promise<ScriptedIssuer> {
  const issuer = await startScriptedIssuer(answer, token)
  onTestFinished(() => issuer.close())
  return issuer
}

/** Reads something from an issuer. */
async function read(
  answer: Answer,
  ...more: string[]
): Promise<Outcome & { readonly requests: number }> {
  const issuer = await scripted(answer)
  const outcome = await benchFor(issuer.url).run(['client', 'list', ...more])
  return { ...outcome, requests: issuer.requests.length }
}

const page = { clients: [{ client_id: 'web-app', enabled: true }] }

describe('a server that', () => {
  it('is not there is unreachable', async () => {
    const { code, stderr, stdout } = await benchFor(`http://127.0.0.1:${await freePort()}`).run([
      'client',
      'list',
    ])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/cannot be reached: nothing listens there\n.*claimcheck profiles/)
  })

  it('does not speak HTTP is unreachable', async () => {
    const server = createServer((socket) =>
      socket.end('SSH-2.0-OpenSSH_9.6\r\n').on('error', () => undefined),
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const { code, stderr } = await benchFor(`http://127.0.0.1:${port}`).run(['client', 'list'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/does not speak HTTP|the connection was cut/)
  })

  it('answers with a web page is not a Claimcheck server', async () => {
    const html: Answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome to nginx!</html>')
    }
    const issuer = await scripted(html, html)
    const { code, stderr } = await benchFor(issuer.url).run(['client', 'list'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/answered 200 with a web page: this is not a Claimcheck server/)
  })

  it.each([
    ['another kind of JSON', '["a"]'],
    ['half of it', '{"clients":[{"cli'],
    ['nothing', ''],
    ['another object', '{"items":[]}'],
  ])('answers with %s is not a Claimcheck server', async (_what, text) => {
    const { code, stderr } = await read((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text)
    })
    expect(code).toBe(3)
    expect(stderr).toMatch(/not a Claimcheck server|has no "clients"/)
  })

  it('redirects gets no secret', async () => {
    const issuer = await scripted(
      () => undefined,
      (_request, response) => {
        response.writeHead(302, { location: 'https://evil.test/' }).end()
      },
    )
    const { code, stderr } = await benchFor(issuer.url).run(['client', 'list'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/redirects to https:\/\/evil\.test\/; secrets are not sent/)
  })

  it('never answers is left after the time-out', async () => {
    const { code, stderr, requests } = await read(() => undefined, '--timeout', '0.2')
    expect({ code, requests }).toEqual({ code: 3, requests: 3 })
    expect(stderr).toMatch(/gave no answer within 0\.2 s/)
  })

  it('never ends its answer is left', async () => {
    const { code, stderr } = await read((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const piece = 'x'.repeat(1_048_576)
      const write = () => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', write)
      write()
    })
    expect(code).toBe(3)
    expect(stderr).toMatch(/endless answer/)
  })

  it('cuts the connection is asked again', async () => {
    let count = 0
    const { code, stdout } = await read((request, response) => {
      count += 1
      if (count < 3) request.socket.destroy()
      else replyJson(response, 200, page)
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/web-app/)
  })

  it('is overloaded is asked again, and then said to be', async () => {
    const { code, stderr, requests } = await read((_request, response) => {
      response.setHeader('retry-after', '0')
      replyProblem(response, 503, 'temporarily-unavailable', 'Nothing was changed.')
    })
    expect({ code, requests }).toEqual({ code: 3, requests: 3 })
    expect(stderr).toMatch(/cannot answer now: Nothing was changed\. \(request r1\)/)
  })

  it('fails is not asked to issue twice', async () => {
    const issuer = await scripted((_request, response) => {
      replyProblem(response, 503, 'temporarily-unavailable', 'Who knows.')
    })
    const { code } = await benchFor(issuer.url).run(['token', 'issue', 'a', '--client', 'b'])
    expect({ code, requests: issuer.requests }).toEqual({
      code: 3,
      requests: ['POST /admin/v1/tokens'],
    })
  })

  it('shouts gets no control over the terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2J\u202e'
    const clients = [{ client_id: hostile, client_name: `cc_at_${'x'.repeat(68)}` }]
    const { stdout } = await read((_request, response) => replyJson(response, 200, { clients }))
    expect(stdout).toContain('\\x1b]0;owned\\x07\\x1b[2J\\u202e')
    expect(stdout).toContain('cc_at_***')
    const refused = await read((_request, response) =>
      replyProblem(response, 422, 'unprocessable', hostile),
    )
    expect(refused.code).toBe(1)
    expect(refused.stderr).not.toContain('\u001b')
  })
})

describe('credentials that', () => {
  it('are refused are named, with what to do', async () => {
    const issuer = await scripted(
      () => undefined,
      (_request, response) =>
        replyJson(response, 401, { error: 'invalid_client', error_description: 'wrong secret' }),
    )
    const { code, stderr } = await benchFor(issuer.url).run(['client', 'list'])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /credentials of the profile "dev" \(client admin\) are refused: wrong secret\n.*npm start/,
    )
  })

  it('have run out are renewed, once', async () => {
    const issuer = await scripted((request, response) => {
      if (request.headers.authorization === 'Bearer t2') replyJson(response, 200, page)
      else replyProblem(response, 401, 'unauthorized', 'The token is no more.')
    })
    expect((await benchFor(issuer.url).run(['client', 'list'])).code).toBe(0)
    expect(issuer.tokens()).toBe(2)
    const never = await scripted((_request, response) =>
      replyProblem(response, 401, 'unauthorized', 'Never.'),
    )
    expect((await benchFor(never.url).run(['client', 'list'])).code).toBe(1)
    expect(never.tokens()).toBe(2)
  })

  it('are not enough are told the scope', async () => {
    const { code, stderr } = await read((_request, response) => {
      response.setHeader(
        'www-authenticate',
        'Bearer error="insufficient_scope", scope="claimcheck:clients"',
      )
      replyProblem(response, 403, 'forbidden', 'The scope is missing.')
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /may not do this: The scope is missing\.[\s\S]*The scope claimcheck:clients is needed/,
    )
  })

  it.each([
    ['http://issuer.example', /plain http on another machine/],
    ['ftp://127.0.0.1', /must be an http\(s\) URL/],
    ['https://user:pw@issuer.example', /must not contain a user name/],
    ['nonsense', /must be an http\(s\) URL/],
  ])('would travel to %s stay here', async (issuer, why) => {
    const bench = createToolBench()
    onTestFinished(() => bench.close())
    const { code, stderr } = await bench.run(['login', '--issuer', issuer, '--client-id', 'x'], {
      stdin: 's3cr3t',
    })
    expect(code).toBe(2)
    expect(stderr).toMatch(why)
    expect(stderr).not.toContain('s3cr3t')
  })
})

describe('a status', () => {
  it('tells which service is not there, and ends with 3', async () => {
    const issuer = await scripted((_request, response) => {
      replyJson(response, 503, { status: 'not_ready', checks: { redis: 'down' } })
    })
    const { code, stdout, stderr } = await benchFor(issuer.url).run(['status'])
    expect(code).toBe(3)
    expect(stdout).toMatch(/state +not ready/)
    expect(stdout).toMatch(/redis +down/)
    expect(stderr).toMatch(/is not ready/)
  })
})

describe('files that', () => {
  it.each([
    [['role', 'import', 'absent'], /cannot read absent: there is no such file/],
    [['role', 'import', '.'], /it is a directory/],
    [['revoke', '--from-file', 'absent'], /there is no such file/],
    [['subject', 'claims', 'a', '--from-file', 'list.json'], /list\.json is not a JSON object/],
    [['client', 'put', 'a', '--from-file', 'binary'], /binary is not UTF-8 text/],
    [['client', 'put', 'a', '--from-file', 'huge'], /huge is larger than 1 MiB/],
  ])('cannot be used are named: %j', async (args, why) => {
    const bench = benchFor('http://127.0.0.1:9')
    bench.file('list.json', '[1]')
    bench.file('binary', Buffer.from([0xff, 0xfe, 0x00]))
    bench.file('huge', Buffer.alloc(1_100_000, 0x20))
    const { code, stderr } = await bench.run(args)
    expect(code).toBe(2)
    expect(stderr).toMatch(why)
  })
})

/**
 * Bulk work over connections that break, against an issuer that records its requests: every line is applied at least once,
 * what is reported as done is done, and a resumed run skips what is done.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { waitFor } from '../fixture/wait-for.ts'
import {
  type Answer,
  beginLines,
  type ScriptedIssuer,
  startScriptedIssuer,
} from './scripted-issuer.ts'
import { createToolBench, type ToolBench } from './tool.ts'

const ADMIN = { client_id: 'admin', client_secret: 'sesame-open-wide' }
const WINDOW = 500
interface Bench {
  readonly bench: ToolBench
  readonly issuer: ScriptedIssuer
  /** Subjects in the order they were applied. */
  readonly applied: string[]
}

/** What a request does after so many windows; the number of requests so far counts from 1. */
type Break = (windows: number, requests: number) => 'cut' | 'give-up' | 'hang' | undefined

/** An issuer that applies lines in windows, and breaks off when it is told to. */
async function importing(breaks: Break = () => undefined): Promise<Bench> {
  const applied: string[] = []
  let requests = 0
  const answer: Answer = (request, response, body) => {
    requests += 1
    const say = beginLines(response)
    const lines = body.split('\n').filter((line) => line !== '')
    let [assigned, failed] = [0, 0]
    for (let from = 0; from < lines.length; from += WINDOW) {
      const fault = breaks(from / WINDOW, requests)
      // What was said before is on its way.
      if (fault === 'cut') return void response.write('\n', () => request.socket.destroySoon())
      if (fault === 'give-up') {
        say({ done: false, error: 'temporarily-unavailable', through: from })
        return void response.end()
      }
      if (fault === 'hang') return
      lines.slice(from, from + WINDOW).forEach((line, n) => {
        const { subject, role } = JSON.parse(line)
        if (role === 'nope') {
          failed += 1
          say({ line: from + n + 1, error: 'unknown-role', detail: 'No such role.' })
        } else {
          assigned += 1
          applied.push(subject)
        }
      })
      say({ through: Math.min(lines.length, from + WINDOW), assigned, failed })
    }
    say({ done: true, lines: lines.length, assigned, failed })
    response.end()
  }
  const issuer = await startScriptedIssuer(answer)
  const bench = createToolBench({ issuer: issuer.url, admin: ADMIN })
  onTestFinished(() => bench.close())
  onTestFinished(() => issuer.close())
  return { bench, issuer, applied }
}

const line = (n: number) =>
  JSON.stringify({
    op: 'assign',
    subject: `s${n}`,
    context: 'course:1',
    role: n % 1_000 === 7 ? 'nope' : 'student',
  })
const LINES = 25_000
const FILE = Array.from({ length: LINES }, (_, n) => line(n)).join('\n')
const good = Array.from({ length: LINES }, (_, n) => n)
  .filter((n) => n % 1_000 !== 7)
  .map((n) => `s${n}`)

describe('an import', () => {
  it('travels in requests of bounded size, in order', async () => {
    const { bench, issuer, applied } = await importing()
    const { code, stdout, stderr } = await bench.run(['role', 'import', bench.file('f', FILE)])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^24,975 assigned/)
    expect(stderr).toMatch(
      /^line 8: No such role\.$[\s\S]*^line 19008: .*\n… further lines are only counted\.\nclaimcheck: 25 lines were refused/m,
    )
    expect(applied).toEqual(good)
    expect(issuer.requests).toHaveLength(2)
  })

  it.each([
    ['cut', 'cut'],
    ['given up', 'give-up'],
  ] as const)(
    'that is %s again and again goes on where it was, and counts each line once',
    async (_what, how) => {
      // Every request manages three windows, then breaks.
      const { bench, applied } = await importing((windows) => (windows === 3 ? how : undefined))
      const { code, stdout } = await bench.run(['role', 'import', bench.file('f', FILE)])
      expect(code).toBe(1)
      expect(stdout).toMatch(/^24,975 assigned/)
      expect(applied).toEqual(good)
    },
  )

  it('that cannot go on says how far it came, and the same command goes on from there', async () => {
    let isBroken = true
    const { bench, applied } = await importing((windows, requests) =>
      isBroken && (windows === 4 || requests > 1) ? 'cut' : undefined,
    )
    const file = bench.file('f', FILE)
    const stopped = await bench.run(['role', 'import', file])
    expect(stopped.code).toBe(3)
    expect(stopped.stderr).toMatch(
      /2,000 lines are done and stay done\. Give the same command again to resume/,
    )
    expect(applied).toEqual(good.slice(0, 1_998))

    isBroken = false
    const { code, stdout, stderr } = await bench.run(['role', 'import', file])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Resuming after 2,000 lines/)
    expect(stdout).toMatch(/^24,975 assigned/)
    expect(applied).toEqual(good)
    const again = await bench.run(['role', 'import', file])
    expect(again.stderr).not.toMatch(/Resuming/)
  })

  it('starts from the beginning when told to, and when the file has changed', async () => {
    let isBroken = true
    const { bench, applied } = await importing((windows, requests) =>
      isBroken && (windows === 1 || requests > 1) ? 'cut' : undefined,
    )
    const file = bench.file('f', FILE)
    expect((await bench.run(['role', 'import', file])).code).toBe(3)
    isBroken = false
    expect((await bench.run(['role', 'import', file, '--from-start'])).stderr).not.toMatch(
      /Resuming/,
    )
    expect(applied.filter((subject) => subject === 's0')).toHaveLength(2)

    isBroken = true
    await bench.run(['role', 'import', file])
    isBroken = false
    bench.file('f', `${line(0)}\n${line(1)}`)
    const { code, stderr } = await bench.run(['role', 'import', file])
    expect(code).toBe(0)
    expect(stderr).not.toMatch(/Resuming/)
  })

  it('stopped by Ctrl-C ends at once with 130, keeps counts alone, and goes on', async () => {
    let isHanging = true
    const { bench, applied } = await importing((windows) =>
      isHanging && windows === 6 ? 'hang' : undefined,
    )
    const file = bench.file('f', FILE)
    const { child, ended } = bench.start(['role', 'import', file])
    await waitFor(() => applied.length >= 2_997)
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect(code).toBe(130)
    expect(stderr).toMatch(/stopped\n[\d,]+ lines are done and stay done/)
    const folder = join(bench.home, 'state', 'claimcheck', 'resume')
    const [kept = ''] = readdirSync(folder)
    const { items, bytes, counts, ...rest } = JSON.parse(readFileSync(join(folder, kept), 'utf8'))
    const failed = Math.ceil((items - 7) / 1_000)
    expect({ ...rest, ...counts }).toEqual({ assigned: items - failed, failed })
    expect(bytes).toBeGreaterThan(items * 50)
    isHanging = false
    expect((await bench.run(['role', 'import', file])).stdout).toMatch(/^24,975 assigned/)
    expect([...new Set(applied)]).toEqual(good)
  })

  it('is finished even if its output is not read', async () => {
    const { bench, applied } = await importing()
    const { child, ended } = bench.start(['role', 'import', '--json', bench.file('f', FILE)])
    child.stdout?.destroy()
    expect((await ended).code).toBe(1)
    expect(applied).toEqual(good)
  })
})

describe('a reader that goes away', () => {
  it('ends a command that only reads, quietly, with 141', async () => {
    const records = Array.from({ length: 500 }, (_, n) => ({
      id: `${n}`,
      at: n,
      action: 'x'.repeat(500),
    }))
    const issuer = await startScriptedIssuer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ records, next_cursor: 'more', follow_cursor: 'c0-0' }))
    })
    const bench = createToolBench({ issuer: issuer.url, admin: ADMIN })
    onTestFinished(() => bench.close())
    onTestFinished(() => issuer.close())
    const { child, ended } = bench.start(['audit', '--follow', '--json'])
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' })
  })
})

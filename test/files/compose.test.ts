// docker-compose.yml is held to what it names, as no engine is at hand to run it: files, services,
// secrets, settings; and the commands of its own header are run.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { ROOT } from '../../scripts/setup.mjs'
import { parseSettings, SETTING_NAMES } from '../../settings/settings.ts'

interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')
const compose = parse(text, { merge: true }) as Compose // its shape is what is tested
const services = Object.entries(compose.services)
const ours = services.filter(([, service]) => service.build !== undefined)

it('is Redis, an issuer and two introspection nodes, each with a health check', () => {
  expect(services.map(([name]) => name)).toEqual([
    'redis',
    'issuer',
    'introspect-1',
    'introspect-2',
  ])
  for (const [name, service] of services) {
    expect(service.healthcheck?.test[0], name).toBe('CMD')
  }
})

it('keeps the data of Redis in an append-only file on a volume', () => {
  const { command, volumes } = compose.services.redis ?? {}
  expect(command?.join(' ')).toContain('--appendonly yes')
  const names = volumes?.map((volume) => volume.split(':')[0])
  expect(names).toEqual(Object.keys(compose.volumes))
})

it('builds from a Dockerfile that is there and runs files that are there', () => {
  for (const [name, { build = '', command = [] }] of ours) {
    expect(existsSync(join(ROOT, build, 'Dockerfile')), name).toBe(true)
    expect(command, name).toHaveLength(1)
    expect(existsSync(join(ROOT, command[0] ?? '')), name).toBe(true)
  }
})

it('waits for services that exist until they are healthy', () => {
  for (const [name, service] of ours) {
    expect(service.depends_on, name).toEqual({ redis: { condition: 'service_healthy' } })
  }
})

it('checks health by a program that Node understands', () => {
  for (const [name, { healthcheck }] of ours) {
    const [, node, flag, program = ''] = healthcheck?.test ?? []
    expect([node, flag], name).toEqual(['node', '-e'])
    expect(() => new Function(program), name).not.toThrow()
  }
})

it('names only settings that exist', () => {
  const known = new Set<string>(SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`]))
  const files = ['docker-compose.yml', 'Dockerfile'].map((path) =>
    readFileSync(join(ROOT, path), 'utf8'),
  )
  const named = files.join('\n').match(/CLAIMCHECK_[A-Z_]+/g) ?? []
  expect(named.filter((name) => !known.has(name))).toEqual([])
})

it('gives each service secrets that are declared and settings that are accepted', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-compose-'))
  try {
    const commands = text.match(/^# {3}(mkdir|secret|echo).*$/gm)?.map((line) => line.slice(4))
    expect(commands).toHaveLength(4)
    execFileSync('sh', ['-e'], { cwd: folder, input: commands?.join('\n') })
    for (const [name, { environment = {}, secrets = [] }] of ours) {
      const readSecret = (path: string): string => {
        const secret = path.replace('/run/secrets/', '')
        expect(secrets, name).toContain(secret)
        return readFileSync(join(folder, compose.secrets[secret]?.file ?? ''), 'utf8')
      }
      const env = { NODE_ENV: 'production', CLAIMCHECK_HOST: '0.0.0.0', ...environment }
      expect(() => parseSettings(env, readSecret), name).not.toThrow()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('gives the admin secret to the issuer alone', () => {
  const holders = services.filter(([, service]) => service.secrets?.includes('admin-secret'))
  expect(holders.map(([name]) => name)).toEqual(['issuer'])
})

it('keeps the secrets out of the image and the repository', () => {
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
  for (const { file } of Object.values(compose.secrets)) {
    expect(ignored).toContain(`${file.split('/')[0]}/`)
  }
})

it('opens ports to this machine alone, each once', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? [])
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:400[01]$/)
  expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(3)
})

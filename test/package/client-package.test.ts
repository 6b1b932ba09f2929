/** The client library as npm delivers it: built, packed, and installed alone in an empty project. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CHECKS,
  commentsOf,
  examplesIn,
  type Installed,
  installPackage,
} from '../../scripts/check-package.ts'

let installed: Installed

beforeAll(async () => {
  installed = await installPackage()
})

afterAll(() => installed?.remove())

describe('the package', () => {
  it.each(Object.entries(CHECKS))('%s', async (_what, check) => {
    expect(await check(installed)).toEqual([])
  })
})

describe('its check', () => {
  it('notices an import of another package, in code and in types', async () => {
    const file = 'dist/offender.js'
    await writeFile(join(installed.home, file), `import Koa from "koa"\nimport 'node:fs'\n`)
    const check = CHECKS['imports nothing but itself and uses no global of Node']
    expect(await check?.({ ...installed, files: [file] })).toEqual([
      'dist/offender.js imports koa',
      'dist/offender.js imports node:fs',
    ])
  })

  it('finds examples in doc comments and in Markdown', () => {
    expect(examplesIn('/**\n * ```ts\n * a()\n *   b()\n * ```\n */')).toEqual(['a()\n  b()\n'])
    expect(examplesIn('text\n```ts\nc()\n```\n```sh\nd\n```\n')).toEqual(['c()\n'])
  })

  it('notices what is not documented', () => {
    const text = '/** Says a. */\nexport type A = 1\nexport type B = 2\n'
    expect(commentsOf(text, /^export type (\w+)/)).toEqual([
      ['A', '/** Says a. */'],
      ['B', ''],
    ])
  })
})

/** What is held, turned into what a token resolves to: order, dormant roles, completeness, views and assumed roles. */
import { describe, expect, it } from 'vitest'
import {
  compileRoleSchema,
  type HeldRoles,
  type RoleDefinitions,
  resolveRoles,
} from '../../../store/roles/resolve.ts'

const DEFINITIONS: RoleDefinitions = {
  teacher: { permissions: ['write', 'read'], assumable: ['student'] },
  student: { permissions: ['read'], assumable: ['guest'] },
  guest: { permissions: [], assumable: ['guest'] },
  ta: { permissions: ['read', 'grade'], assumable: ['gone', 'student'] },
}
const BOOK = compileRoleSchema(DEFINITIONS)

function held(...lines: readonly string[]): HeldRoles {
  return { lines: lines.join('\n'), isComplete: true }
}

describe('a role book', () => {
  it('has the roles of the schema and no other name', () => {
    expect(['teacher', 'gone', '', 'constructor'].map((role) => BOOK.has(role))).toEqual([
      ...[true, false, false, false],
    ])
    expect(compileRoleSchema({}).has('teacher')).toBe(false)
  })

  it('tells what roles allow together, each once and sorted', () => {
    expect(BOOK.permissionsOf(['ta', 'teacher'])).toEqual(['grade', 'read', 'write'])
    expect(BOOK.permissionsOf(['teacher', 'ta'])).toEqual(['grade', 'read', 'write'])
    expect(BOOK.permissionsOf(['guest'])).toEqual([])
    expect(BOOK.permissionsOf([])).toEqual([])
    expect(BOOK.permissionsOf(['gone', 'student', 'constructor'])).toEqual(['read'])
  })

  it('tells the same however many sets of roles it has met', () => {
    const names = Array.from({ length: 60 }, (_, n) => `role-${n}`)
    const schema = compileRoleSchema(
      Object.fromEntries(names.map((name) => [name, { permissions: [name], assumable: [] }])),
    )
    for (let round = 0; round < 2; round++) {
      for (const one of names) {
        for (const other of names) {
          const expected = [...new Set([one, other])].sort()
          expect(schema.permissionsOf([one, other])).toEqual(expected)
        }
      }
    }
  })

  it('lets a role be assumed that a held one lists and the schema has', () => {
    expect(BOOK.mayAssume(['teacher'], 'student')).toBe(true)
    expect(BOOK.mayAssume(['guest', 'ta'], 'student')).toBe(true)
    expect(BOOK.mayAssume(['student'], 'teacher')).toBe(false)
    expect(BOOK.mayAssume(['teacher'], 'guest')).toBe(false)
    expect(BOOK.mayAssume(['teacher'], 'teacher')).toBe(false)
    expect(BOOK.mayAssume(['ta'], 'gone')).toBe(false)
    expect(BOOK.mayAssume(['gone'], 'student')).toBe(false)
    expect(BOOK.mayAssume([], 'student')).toBe(false)
  })
})

describe('a token without a view', () => {
  it('resolves to nothing when nothing is held', () => {
    const empty = { roles: [], context_roles_complete: true, permissions: {}, context_roles: {} }
    expect(resolveRoles(held(), 'all', BOOK)).toEqual(empty)
    expect(resolveRoles(held(), [], BOOK)).toEqual({ ...empty, context_roles_complete: false })
    expect(resolveRoles(held(), ['course:1'], BOOK)).toEqual({
      ...empty,
      context_roles_complete: false,
      context_roles: { 'course:1': [] },
      permissions: { 'course:1': [] },
    })
  })

  it('resolves to all that was read, `*` apart', () => {
    const lines = held('* guest', '* teacher', 'course:1 student', 'course:1 ta', 'course:2 guest')
    expect(resolveRoles(lines, 'all', BOOK)).toEqual({
      roles: ['guest', 'teacher'],
      context_roles: { 'course:1': ['student', 'ta'], 'course:2': ['guest'] },
      context_roles_complete: true,
      permissions: {
        '*': ['read', 'write'],
        'course:1': ['grade', 'read'],
        'course:2': [],
      },
    })
  })

  it('names exactly the contexts asked for, in their order, and never `*`', () => {
    const lines = held('* guest', 'course:1 student', 'course:2 ta')
    const facts = resolveRoles(lines, ['school:9', 'course:2', '*'], BOOK)
    expect(Object.keys(facts.context_roles)).toEqual(['school:9', 'course:2'])
    expect(Object.keys(facts.permissions)).toEqual(['*', 'school:9', 'course:2'])
    expect(facts.context_roles).toEqual({ 'school:9': [], 'course:2': ['ta'] })
  })

  it('has no permissions for `*` when it has no role there', () => {
    const facts = resolveRoles(held('course:1 student'), 'all', BOOK)
    expect(facts.permissions).toEqual({ 'course:1': ['read'] })
    expect(facts.roles).toEqual([])
  })

  it('is complete when everything was asked for and read, and never about named contexts', () => {
    for (const isComplete of [true, false]) {
      const lines = { ...held('* guest', 'course:1 student'), isComplete }
      const complete = (asked: 'all' | readonly string[]) =>
        resolveRoles(lines, asked, BOOK).context_roles_complete
      expect(complete('all')).toBe(isComplete)
      for (const asked of [[], ['course:1'], ['course:1', 'course:2'], ['*']]) {
        expect(complete(asked), asked.join(' ')).toBe(false)
      }
    }
  })

  it('does not have the roles that the schema lacks', () => {
    const lines = held('* gone', '* guest', 'course:1 gone', 'course:2 gone', 'course:2 ta')
    expect(resolveRoles(lines, 'all', BOOK)).toEqual({
      roles: ['guest'],
      context_roles: { 'course:2': ['ta'] },
      context_roles_complete: true,
      permissions: { '*': [], 'course:2': ['grade', 'read'] },
    })
    expect(resolveRoles(lines, ['course:1'], BOOK).context_roles).toEqual({ 'course:1': [] })
    expect(resolveRoles(lines, 'all', compileRoleSchema({}))).toEqual({
      ...{ roles: [], context_roles: {}, context_roles_complete: true, permissions: {} },
    })
  })
})

describe('an answer that was not asked for contexts', () => {
  const permissions = (count: number) => Array.from({ length: count }, (_, n) => `p:${n}`)

  it('tells as many roles and permissions as fit, and otherwise none of any context', () => {
    const lines = held('* guest', 'course:1 large', 'course:2 large')
    const compiledOf = (count: number) =>
      compileRoleSchema({
        large: { permissions: permissions(count), assumable: [] },
        guest: { permissions: [], assumable: [] },
      })
    const fits = resolveRoles(lines, 'all', compiledOf(2_499))
    expect(fits.context_roles_complete).toBe(true)
    expect(Object.keys(fits.context_roles)).toEqual(['course:1', 'course:2'])
    expect(resolveRoles(lines, 'all', compiledOf(2_500))).toEqual({
      ...{ roles: ['guest'], context_roles: {}, context_roles_complete: false },
      permissions: { '*': [] },
    })
    const asked = resolveRoles(lines, ['course:1', 'course:2'], compiledOf(2_500))
    expect(asked.permissions['course:2']).toHaveLength(2_500)
  })
})

describe('a token with a view', () => {
  const lines = held(
    ...['* ta', 'course:1 student', 'course:1 teacher', 'course:2 teacher', 'course:3 guest'],
  )
  const view = (contexts: readonly string[], ...assumed: readonly string[]) => ({
    contexts,
    assumed,
  })

  it('has no roles everywhere, and in its contexts what is held there or everywhere', () => {
    expect(resolveRoles(lines, 'all', BOOK, view(['course:1', 'course:9']))).toEqual({
      roles: [],
      context_roles: { 'course:1': ['student', 'ta', 'teacher'], 'course:9': ['ta'] },
      context_roles_complete: true,
      permissions: { 'course:1': ['grade', 'read', 'write'], 'course:9': ['grade', 'read'] },
    })
  })

  it('names a role once that is held there and everywhere', () => {
    const twice = held('* ta', 'course:1 ta')
    const facts = resolveRoles(twice, 'all', BOOK, view(['course:1']))
    expect(facts.context_roles).toEqual({ 'course:1': ['ta'] })
  })

  it('has nothing in other contexts, whatever is asked for', () => {
    const facts = resolveRoles(lines, ['course:2', 'course:1', '*'], BOOK, view(['course:1']))
    expect(facts.context_roles).toEqual({
      'course:2': [],
      'course:1': ['student', 'ta', 'teacher'],
    })
    expect(facts.permissions).toEqual({
      'course:2': [],
      'course:1': ['grade', 'read', 'write'],
    })
  })

  it('is complete when everything was asked for, whatever else is held, and never otherwise', () => {
    const partial = { ...lines, isComplete: false }
    const seen = view(['course:1', 'course:2'])
    const complete = (asked: 'all' | readonly string[]) =>
      resolveRoles(partial, asked, BOOK, seen).context_roles_complete
    expect(complete('all')).toBe(true)
    expect(complete(['course:2', 'course:1'])).toBe(false)
    expect(complete(['course:2', 'course:1', 'course:7'])).toBe(false)
    expect(complete(['course:1'])).toBe(false)
    expect(complete([])).toBe(false)
  })

  it('has exactly the assumed role where a held one lists it, and none where none does', () => {
    const seen = view(['course:1', 'course:3'], 'student')
    expect(resolveRoles(lines, 'all', BOOK, seen)).toEqual({
      roles: [],
      // Everywhere a teaching assistant, who may be a student.
      context_roles: { 'course:1': ['student'], 'course:3': ['student'] },
      context_roles_complete: true,
      permissions: { 'course:1': ['read'], 'course:3': ['read'] },
    })
    const local = held('course:1 teacher', 'course:3 guest')
    expect(resolveRoles(local, 'all', BOOK, seen).context_roles).toEqual({
      'course:1': ['student'],
      'course:3': [],
    })
  })

  it('goes through a chain of assumed roles, each listed by the one before', () => {
    const seen = (...assumed: readonly string[]) =>
      resolveRoles(lines, 'all', BOOK, view(['course:2'], ...assumed)).context_roles['course:2']
    expect(seen('student', 'guest')).toEqual(['guest'])
    expect(seen('student', 'guest', 'guest')).toEqual(['guest'])
    expect(seen('guest')).toEqual([])
    expect(seen('guest', 'student')).toEqual([])
    expect(seen('student', 'teacher')).toEqual([])
  })

  it('assumes nothing that the schema lacks, nor by a role that it lacks', () => {
    const seen = (schema: RoleDefinitions, role: string) =>
      resolveRoles(held('course:1 ta'), 'all', compileRoleSchema(schema), view(['course:1'], role))
        .context_roles
    expect(seen(DEFINITIONS, 'gone')).toEqual({ 'course:1': [] })
    const { ta: _, ...without } = DEFINITIONS
    expect(seen(without, 'student')).toEqual({ 'course:1': [] })
  })
})

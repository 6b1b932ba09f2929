/** Queries of admin routes: known parameters only, each once. Ignoring a misspelt `dry_run` would carry out the change. */
import { ProblemError } from '../../http/errors/problem.ts'
import type { RouteContext } from '../../http/pipeline/request-context.ts'

/** @throws {ProblemError} 400 for a repeated or unknown parameter */
export function readQuery<Name extends string>(
  ctx: Pick<RouteContext, 'querystring'>,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const searchParams = new URLSearchParams(ctx.querystring)
  const isKnown = (name: string): boolean => (names as readonly string[]).includes(name)
  for (const name of searchParams.keys()) {
    if (!isKnown(name)) throw badQuery(`The query may have ${listed(names)}.`)
    if (searchParams.getAll(name).length > 1)
      throw badQuery(`The parameter ${name} is given twice.`)
  }
  return Object.fromEntries(searchParams) as Partial<Record<Name, string>>
}

/** The refusal of a query. */
export function badQuery(detail: string): ProblemError {
  return new ProblemError('invalid-request', detail)
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'no parameters' : `only ${names.join(', ')}`
}

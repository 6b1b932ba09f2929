/**
 * Holds the manifest and the tests together: what is claimed is tested, what is tested is claimed. It reads sources, so
 * that a test file that was never run cannot hide.
 */
import type { Requirement } from './requirements/requirement.ts'

const CITATION = /\bverifies\(\s*\[([^\]]*)\]/g
const ID = /'([^']+)'/g
const COMMENT_LINE = /^\s*(?:\/\/|\/\*|\*).*$/gm

/** The ids a test source cites; a commented-out test cites nothing. */
export function citedIds(source: string): readonly string[] {
  const code = source.replace(COMMENT_LINE, '')
  return [...code.matchAll(CITATION)].flatMap(([, list = '']) =>
    [...list.matchAll(ID)].map(([, id = '']) => id),
  )
}

/** What is wrong, one line each; empty when manifest and tests agree. `citations` holds the ids cited by each file. */
export function gateProblems(
  requirements: Readonly<Record<string, Requirement>>,
  citations: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const problems: string[] = []
  for (const [file, ids] of Object.entries(citations)) {
    for (const id of ids) {
      const requirement = Object.hasOwn(requirements, id) ? requirements[id] : undefined
      if (requirement === undefined)
        problems.push(`${file} cites ${id}, which is not in the manifest`)
      else if (requirement.status !== 'covered')
        problems.push(`${file} cites ${id}, which is declined`)
    }
  }
  const cited = new Set(Object.values(citations).flat())
  for (const [id, { status }] of Object.entries(requirements)) {
    if (status === 'covered') {
      if (!cited.has(id)) problems.push(`${id} is claimed but no test cites it`)
    } else if (status.declined.trim() === '') {
      problems.push(`${id} is declined without a reason`)
    }
  }
  return problems
}

/**
 * What the store must be asked to answer some evaluations: about each subject as seldom as possible, however many of them
 * there are. What one evaluation needs is always in one inquiry, so each decision is true of one moment.
 */
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { TokenState } from '../../store/grants/introspect.ts'
import type { SubjectRoles } from '../../store/roles/of-subject.ts'
import type { Store } from '../../store/store.ts'
import { MAX_ASKED_CONTEXTS } from '../context-parameter.ts'
import type { AccessRequest, EvaluationSubject } from './evaluation-request.ts'

/** One call of the store. */
export interface Inquiry {
  readonly subject: Exclude<EvaluationSubject, { kind: 'nobody' }>
  readonly contexts: ReadonlySet<string>
}

/** What to ask, and which evaluation waits for which answer. */
export interface InquiryPlan {
  readonly inquiries: readonly Inquiry[]
  /** For each item the index of its inquiry; undefined where there is nothing to ask. */
  readonly inquiryOf: readonly (number | undefined)[]
}

/** What the store said. */
export type Finding = TokenState | SubjectRoles

/** Most calls under way for one request: as many as for a batch of introspections. */
const MAX_AT_ONCE = 100

interface OpenInquiry extends Inquiry {
  readonly index: number
  readonly contexts: Set<string>
}

/** Plans the inquiries of a request. */
export function planInquiries(items: AccessRequest['items']): InquiryPlan {
  const inquiries: OpenInquiry[] = []
  const open = new Map<string, OpenInquiry>()

  function inquiryFor(subject: Inquiry['subject'], contexts: readonly string[]): OpenInquiry {
    const key = `${subject.kind} ${subject.id}`
    const last = open.get(key)
    if (last !== undefined && hasRoom(last.contexts, contexts)) return last
    const inquiry = { subject, contexts: new Set<string>(), index: inquiries.length }
    inquiries.push(inquiry)
    open.set(key, inquiry)
    return inquiry
  }

  const inquiryOf = items.map((item) => {
    if (item instanceof OAuthError || item.subject.kind === 'nobody') return undefined
    const inquiry = inquiryFor(item.subject, item.contexts)
    for (const context of item.contexts) inquiry.contexts.add(context)
    return inquiry.index
  })
  return { inquiries, inquiryOf }
}

function hasRoom(taken: ReadonlySet<string>, contexts: readonly string[]): boolean {
  const added = contexts.filter((context) => !taken.has(context)).length
  return taken.size + added <= MAX_ASKED_CONTEXTS
}

/**
 * Asks the store, in order.
 *
 * @throws {StoreUnavailableError} when the truth cannot be had
 */
export async function makeInquiries(
  store: Pick<Store, 'tokens' | 'roles'>,
  inquiries: readonly Inquiry[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  // Part by part, so that after a failure nothing more is asked.
  for (let start = 0; start < inquiries.length; start += MAX_AT_ONCE) {
    const part = inquiries.slice(start, start + MAX_AT_ONCE)
    findings.push(...(await Promise.all(part.map((inquiry) => ask(store, inquiry)))))
  }
  return findings
}

async function ask(
  { tokens, roles }: Pick<Store, 'tokens' | 'roles'>,
  { subject, contexts }: Inquiry,
): Promise<Finding> {
  if (subject.kind !== 'token') return roles.resolve(subject.id, [...contexts], subject.kind)
  const { state } = await tokens.introspect(subject.id, '', [...contexts])
  return state
}

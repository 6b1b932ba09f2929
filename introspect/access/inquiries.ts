/**
 * Plans the store calls for a list of evaluations, and makes them. Evaluations of one subject share a call as far as its
 * limit of contexts allows. All that one evaluation needs comes from one call, so each decision was true at one moment.
 */
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { TokenState } from '../../store/grants/introspect.ts'
import type { SubjectRoles } from '../../store/roles/of-subject.ts'
import type { Store } from '../../store/store.ts'
import { MAX_ASKED_CONTEXTS } from '../introspection-endpoint.ts'
import type { AccessRequest, EvaluationSubject } from './evaluation-request.ts'

/** One call to the store. */
interface Inquiry {
  readonly subject: Exclude<EvaluationSubject, { kind: 'unknown' }>
  readonly contexts: ReadonlySet<string>
}

/** The calls to make, and which evaluation uses which of them. */
interface InquiryPlan {
  readonly inquiries: readonly Inquiry[]
  /** For each item the index of its inquiry; undefined where the store need not be asked. */
  readonly inquiryOf: readonly (number | undefined)[]
}

/** The store's reply to an inquiry. */
export type Finding = TokenState | SubjectRoles

/** Most concurrent calls for one request: as many as for a batch of introspections. */
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
    if (item instanceof OAuthError || item.subject.kind === 'unknown') return undefined
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
 * Makes the calls. Findings come in the order of the inquiries.
 *
 * @throws {StoreUnavailableError} when the primary cannot be read
 */
export async function makeInquiries(
  store: Pick<Store, 'tokens' | 'roles'>,
  inquiries: readonly Inquiry[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  // In parts, so that no further calls follow a failed one.
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

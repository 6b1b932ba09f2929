/** Translates the store's refusals to issue into OAuth errors. */
import { OAuthError } from '../../http/errors/oauth-error.ts'
import type { IssueRefusal } from '../../store/grants/issue.ts'

/** The error that the token endpoint answers for a refusal. */
export function issueRefusal(refusal: IssueRefusal): OAuthError {
  switch (refusal.kind) {
    case 'unknown-target':
      return new OAuthError(
        'invalid_target',
        'the resource is unknown or not allowed for this client',
      )
    case 'client-changed':
    case 'client-gone':
      return new OAuthError('unauthorized_client', 'this client is disabled')
    case 'subject-suspended':
    case 'subject-is-client':
    case 'session-unknown':
    case 'session-foreign':
    case 'session-void':
      return new OAuthError('unauthorized_client', 'nothing may be issued for this subject', {
        detail: refusal.kind,
      })
  }
}

/** RFC 8693, token exchange. */
import type { Requirement } from './requirement.ts'

export const RFC8693 = {
  '8693-1.1-a': {
    source: 'RFC 8693 §1.1',
    behaviour: 'Nobody impersonates: every exchanged token names who acts, at least the client.',
    status: 'covered',
  },
  '8693-2.1-a': {
    source: 'RFC 8693 §2.1',
    behaviour: 'The grant type is the URN; subject_token and subject_token_type are required.',
    status: 'covered',
  },
  '8693-2.1-b': {
    source: 'RFC 8693 §2.1',
    behaviour: 'actor_token and actor_token_type come together or not at all.',
    status: 'covered',
  },
  '8693-2.1-c': {
    source: 'RFC 8693 §2.1',
    behaviour: 'resource is an absolute URI without fragment; resource and audience may repeat.',
    status: 'covered',
  },
  '8693-2.1-d': {
    source: 'RFC 8693 §2.1',
    behaviour:
      'Subject and actor tokens are live access tokens of ours, within reach of the client.',
    status: 'covered',
  },
  '8693-2.1-e': {
    source: 'RFC 8693 §2.1',
    behaviour: 'Only confidential clients that registered for it and prove themselves exchange.',
    status: 'covered',
  },
  '8693-2.1-f': {
    source: 'RFC 8693 §2.1',
    behaviour: 'The subject token stays as it is; what voids it voids what came of it.',
    status: 'covered',
  },
  '8693-2.1.1-a': {
    source: 'RFC 8693 §2.1.1',
    behaviour: 'Scope, target and life never exceed the subject token nor the client.',
    status: 'covered',
  },
  '8693-2.1.1-b': {
    source: 'RFC 8693 §2.1.1',
    behaviour: 'audience and resource decide aud, and so who sees the token as active.',
    status: 'covered',
  },
  '8693-2.2.1-a': {
    source: 'RFC 8693 §2.2.1',
    behaviour: 'The answer has access_token, issued_token_type and token_type Bearer.',
    status: 'covered',
  },
  '8693-2.2.1-b': {
    source: 'RFC 8693 §2.2.1',
    behaviour: 'The answer tells the scope granted and expires_in.',
    status: 'covered',
  },
  '8693-2.2.1-c': {
    source: 'RFC 8693 §2.2.1',
    behaviour: 'There is no refresh token.',
    status: 'covered',
  },
  '8693-2.2.2-a': {
    source: 'RFC 8693 §2.2.2',
    behaviour: 'A bad subject or actor token is invalid_request, in one text for every cause.',
    status: 'covered',
  },
  '8693-2.2.2-b': {
    source: 'RFC 8693 §2.2.2',
    behaviour: 'A target that is unknown or beyond the subject token is invalid_target.',
    status: 'covered',
  },
  '8693-3-a': {
    source: 'RFC 8693 §3',
    behaviour: 'Only access tokens are taken and issued; any other type is invalid_request.',
    status: 'covered',
  },
  '8693-4.1-a': {
    source: 'RFC 8693 §4.1',
    behaviour: 'act is an object of sub, client_id and a prior act.',
    status: 'covered',
  },
  '8693-4.1-b': {
    source: 'RFC 8693 §4.1',
    behaviour: 'What a token resolves to comes from its subject; actors give it nothing.',
    status: 'covered',
  },
  '8693-4.1-c': {
    source: 'RFC 8693 §4.1',
    behaviour: 'Prior actors nest inside, the newest outside, four at most.',
    status: 'covered',
  },
  '8693-4.1-d': {
    source: 'RFC 8693 §4.1',
    behaviour: 'Introspection tells act at the top level.',
    status: 'covered',
  },
  '8693-4.4-a': {
    source: 'RFC 8693 §4.4',
    behaviour: 'may_act limits who may act.',
    status: {
      declined:
        'Who may act is decided where it can be changed at once: by what a client is registered for, what a token is aimed at, and which roles the schema calls assumable. A list fixed in a token at issue would be stale.',
    },
  },
  '8693-6-a': {
    source: 'RFC 8693 §6',
    behaviour: 'No exchange in production without TLS.',
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

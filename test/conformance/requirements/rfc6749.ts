/** RFC 6749, the token endpoint. */
import type { Requirement } from './requirement.ts'

export const RFC6749 = {
  '6749-2.3-a': {
    source: 'RFC 6749 §2.3',
    behaviour: 'Two ways of client authentication at once are invalid_request.',
    status: 'covered',
  },
  '6749-2.3.1-a': {
    source: 'RFC 6749 §2.3.1',
    behaviour: 'A client with a secret may use HTTP Basic.',
    status: 'covered',
  },
  '6749-2.3.1-b': {
    source: 'RFC 6749 §2.3.1',
    behaviour: 'Basic is split at the first colon and each half decoded as a form value.',
    status: 'covered',
  },
  '6749-2.3.1-c': {
    source: 'RFC 6749 §2.3.1',
    behaviour: 'Basic that cannot be decoded is 401 invalid_client.',
    status: 'covered',
  },
  '6749-2.3.1-d': {
    source: 'RFC 6749 §2.3.1',
    behaviour:
      'Credentials may stand in the body; in the URI they count for nothing and are not logged.',
    status: 'covered',
  },
  '6749-2.3.1-e': {
    source: 'RFC 6749 §2.3.1',
    behaviour: 'Failures are slowed down across all endpoints; the right secret is never slowed.',
    status: 'covered',
  },
  '6749-3.2-a': {
    source: 'RFC 6749 §3.2',
    behaviour: 'The endpoint takes POST only.',
    status: 'covered',
  },
  '6749-3.2-b': {
    source: 'RFC 6749 §3.2',
    behaviour: 'Empty is absent, unknown is ignored, twice is refused; only resource may repeat.',
    status: 'covered',
  },
  '6749-3.3-a': {
    source: 'RFC 6749 §3.3',
    behaviour: 'A scope outside the grammar is invalid_scope; letters differ by case.',
    status: 'covered',
  },
  '6749-3.3-b': {
    source: 'RFC 6749 §3.3',
    behaviour: 'The answer always names the scope granted.',
    status: 'covered',
  },
  '6749-3.3-c': {
    source: 'RFC 6749 §3.3',
    behaviour: 'No scope asked for means all that the client is registered for.',
    status: 'covered',
  },
  '6749-4.4-a': {
    source: 'RFC 6749 §4.4',
    behaviour: 'A public client gets nothing by client credentials.',
    status: 'covered',
  },
  '6749-4.4.3-a': {
    source: 'RFC 6749 §4.4.3',
    behaviour: 'Client credentials bring no refresh token.',
    status: 'covered',
  },
  '6749-5.1-a': {
    source: 'RFC 6749 §5.1',
    behaviour: 'Success is 200 and JSON with token, type and lifetime in seconds.',
    status: 'covered',
  },
  '6749-5.1-b': {
    source: 'RFC 6749 §5.1',
    behaviour: 'Neither success nor error may be stored.',
    status: 'covered',
  },
  '6749-5.1-c': {
    source: 'RFC 6749 §5.1',
    behaviour: 'The library ignores unknown members and assumes no size of a token.',
    status: 'covered',
  },
  '6749-5.2-a': {
    source: 'RFC 6749 §5.2',
    behaviour: 'Errors are JSON with a code of the list.',
    status: 'covered',
  },
  '6749-5.2-b': {
    source: 'RFC 6749 §5.2',
    behaviour: 'Failed Basic is 401 with a Basic challenge.',
    status: 'covered',
  },
  '6749-5.2-c': {
    source: 'RFC 6749 §5.2',
    behaviour:
      'Dead or foreign grants, grant types not allowed and unknown ones have codes of their own.',
    status: 'covered',
  },
  '6749-5.2-d': {
    source: 'RFC 6749 §5.2',
    behaviour: 'Hostile input leaves error descriptions in their character set and headers whole.',
    status: 'covered',
  },
  '6749-6-a': {
    source: 'RFC 6749 §6',
    behaviour: 'A refresh token works for its own, proved client only.',
    status: 'covered',
  },
  '6749-6-b': {
    source: 'RFC 6749 §6',
    behaviour:
      'More scope than granted is refused without using the token up; none means all of it.',
    status: 'covered',
  },
  '6749-6-c': {
    source: 'RFC 6749 §6',
    behaviour: 'Narrowing one access token does not narrow the next refresh.',
    status: 'covered',
  },
  '6749-4.1.2-a': {
    source: 'RFC 6749 §4.1.2',
    behaviour: 'Authorization codes are used once.',
    status: { declined: 'There is no authorization code flow.' },
  },
  '6749-10.3-a': {
    source: 'RFC 6749 §10.3',
    behaviour: 'Redis neither holds nor ever sees a token or a secret.',
    status: 'covered',
  },
  '6749-10.10-a': {
    source: 'RFC 6749 §10.10',
    behaviour: 'A token has 192 random bits of its own.',
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

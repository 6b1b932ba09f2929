/** RFC 7009, token revocation. */
import type { Requirement } from './requirement.ts'

export const RFC7009 = {
  '7009-2-a': {
    source: 'RFC 7009 §2',
    behaviour: 'Refresh tokens and access tokens can be revoked; the next introspection knows.',
    status: 'covered',
  },
  '7009-2-b': {
    source: 'RFC 7009 §2',
    behaviour: 'Neither the library nor the tool sends a secret or a token to a URL without TLS.',
    status: 'covered',
  },
  '7009-2-c': {
    source: 'RFC 7009 §2',
    behaviour: 'No http URL is published except for a loopback installation.',
    status: 'covered',
  },
  '7009-2.1-a': {
    source: 'RFC 7009 §2.1',
    behaviour: 'The request is a posted form with one token.',
    status: 'covered',
  },
  '7009-2.1-b': {
    source: 'RFC 7009 §2.1',
    behaviour: 'A wrong hint still finds the token.',
    status: 'covered',
  },
  '7009-2.1-c': {
    source: 'RFC 7009 §2.1',
    behaviour:
      'The client is proved first, even if the token is long dead; a public one names itself.',
    status: 'covered',
  },
  '7009-2.1-d': {
    source: 'RFC 7009 §2.1',
    behaviour: "Another client's token stays alive: 400 to a proved client, 200 to a public one.",
    status: 'covered',
  },
  '7009-2.1-e': {
    source: 'RFC 7009 §2.1',
    behaviour: 'A revocation holds at every introspection node when it returns.',
    status: 'covered',
  },
  '7009-2.1-f': {
    source: 'RFC 7009 §2.1',
    behaviour: 'A revoked refresh token takes every access token of its grant with it.',
    status: 'covered',
  },
  '7009-2.1-g': {
    source: 'RFC 7009 §2.1',
    behaviour: 'A revoked access token dies alone; its refresh token lives on.',
    status: 'covered',
  },
  '7009-2.2-a': {
    source: 'RFC 7009 §2.2',
    behaviour: 'Success, unknown, dead and junk are answered alike: 200 and nothing.',
    status: 'covered',
  },
  '7009-2.2-b': {
    source: 'RFC 7009 §2.2',
    behaviour: 'An unknown hint does not matter.',
    status: 'covered',
  },
  '7009-2.2.1-a': {
    source: 'RFC 7009 §2.2.1',
    behaviour: 'A kind of token that cannot be revoked is unsupported_token_type.',
    status: {
      declined: 'Every kind of token there is can be revoked; a JWT is none of ours, hence junk.',
    },
  },
  '7009-2.2.1-b': {
    source: 'RFC 7009 §2.2.1',
    behaviour: 'Without Redis: 503 with Retry-After, which promises nothing; a repeat settles it.',
    status: 'covered',
  },
  '7009-2.2.1-c': {
    source: 'RFC 7009 §2.2.1',
    behaviour: 'A Redis that refuses the write makes no 200.',
    status: 'covered',
  },
  '7009-2.3-a': {
    source: 'RFC 7009 §2.3',
    behaviour: 'There is no JSONP, and CORS is off.',
    status: 'covered',
  },
  '7009-5-a': {
    source: 'RFC 7009 §5',
    behaviour:
      'Hints add no look-ups, and failed authentication is slowed as at the token endpoint.',
    status: 'covered',
  },
  '7009-5-b': {
    source: 'RFC 7009 §5',
    behaviour: "The library checks the endpoint's certificate.",
    status: 'covered',
  },
  '7009-x-a': {
    source: 'RFC 7009 §2.2',
    behaviour: 'Of many parallel revocations of one token all succeed and one is an event.',
    status: 'covered',
  },
  '7009-x-b': {
    source: 'RFC 7009 §2.1',
    behaviour: 'No introspection that starts after a revocation returned is active.',
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

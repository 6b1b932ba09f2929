/** RFC 7662, token introspection: what it asks of the endpoint, and what product rules follow from it. */
import type { Requirement } from './requirement.ts'

export const RFC7662 = {
  '7662-2-a': {
    source: 'RFC 7662 §2',
    behaviour: 'In production the service does not start without TLS, its own or in front of it.',
    status: 'covered',
  },
  '7662-2.1-a': {
    source: 'RFC 7662 §2.1',
    behaviour: 'The library posts a form and keeps the token out of the URL.',
    status: 'covered',
  },
  '7662-2.1-b': {
    source: 'RFC 7662 §2.1, §4',
    behaviour: 'GET is refused with the allowed method named, and its token is not logged.',
    status: 'covered',
  },
  '7662-2.1-c': {
    source: 'RFC 7662 §2.1',
    behaviour: 'A body that is not a form is invalid_request and no verdict.',
    status: 'covered',
  },
  '7662-2.1-d': {
    source: 'RFC 7662 §2.1',
    behaviour: 'A missing or empty token is invalid_request, and not to be stored.',
    status: 'covered',
  },
  '7662-2.1-e': {
    source: 'RFC 7662 §2.1, RFC 6749 §3.2',
    behaviour: 'A parameter sent twice is invalid_request, equal or empty copies included.',
    status: 'covered',
  },
  '7662-2.1-f': {
    source: 'RFC 7662 §2.1',
    behaviour: 'A wrong token_type_hint does not hide an active token.',
    status: 'covered',
  },
  '7662-2.1-g': {
    source: 'RFC 7662 §2.1',
    behaviour: 'An unknown token_type_hint changes nothing.',
    status: 'covered',
  },
  '7662-2.1-h': {
    source: 'RFC 7662 §2.1',
    behaviour: 'A hint, right or wrong, adds no round trip to Redis.',
    status: 'covered',
  },
  '7662-2.1-i': {
    source: 'RFC 7662 §2.1',
    behaviour: 'What cannot be decided without a further parameter is inactive.',
    status: { declined: 'No decision needs more than the token and the caller yet.' },
  },
  '7662-2.1-j': {
    source: 'RFC 7662 §2.1',
    behaviour: 'Unknown parameters are ignored.',
    status: 'covered',
  },
  '7662-2.1-k': {
    source: 'RFC 7662 §2.1',
    behaviour: 'A caller without credentials gets 401 and no verdict.',
    status: 'covered',
  },
  '7662-2.1-l': {
    source: 'RFC 7662 §2.1, RFC 9701 §5',
    behaviour:
      'A public client cannot be registered to introspect, and its bare name opens nothing.',
    status: 'covered',
  },
  '7662-2.1-m': {
    source: 'RFC 7662 §2.1',
    behaviour: 'The token in question is no credential for the question.',
    status: 'covered',
  },
  '7662-2.2-a': {
    source: 'RFC 7662 §2.2',
    behaviour: 'An active token is answered 200, as JSON, with active a boolean.',
    status: 'covered',
  },
  '7662-2.2-b': {
    source: 'RFC 7662 §2.2',
    behaviour: 'The scope is one text with single spaces.',
    status: 'covered',
  },
  '7662-2.2-c': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Times are whole seconds.',
    status: 'covered',
  },
  '7662-2.2-d': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Registered members keep their JWT and OAuth meaning.',
    status: 'covered',
  },
  '7662-2.2-e': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Besides registered members there is one of our own, grant_id, at the top level.',
    status: 'covered',
  },
  '7662-2.2-f': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Each resource server of a token sees its own part of the scope only.',
    status: {
      declined:
        'Scopes are not tied to resources, so all resource servers of a token see the same; who must not is left out of the audience.',
    },
  },
  '7662-2.2-g': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Void, unknown and foreign tokens are all answered 200 with the same bytes.',
    status: 'covered',
  },
  '7662-2.2-h': {
    source: 'RFC 7662 §2.2',
    behaviour:
      'An inactive answer holds nothing but active, and its headers tell no reason either.',
    status: 'covered',
  },
  '7662-2.2-i': {
    source: 'RFC 7662 §2.2, §4',
    behaviour: 'Every inactive answer costs one round trip to Redis, whatever its cause.',
    status: 'covered',
  },
  '7662-2.3-a': {
    source: 'RFC 7662 §2.3',
    behaviour: 'Wrong client credentials are 401 invalid_client with a Basic challenge.',
    status: 'covered',
  },
  '7662-2.3-b': {
    source: 'RFC 7662 §2.3',
    behaviour:
      'A bearer credential is 401 invalid_token with a Bearer challenge, whatever it is worth.',
    status: 'covered',
  },
  '7662-2.3-c': {
    source: 'RFC 7662 §2.3',
    behaviour: 'Garbage in place of a token is inactive, never an error.',
    status: 'covered',
  },
  '7662-2.3-d': {
    source: 'RFC 7662 §2.3',
    behaviour: 'Without Redis there is no verdict: 503 with Retry-After.',
    status: 'covered',
  },
  '7662-4-a': {
    source: 'RFC 7662 §4',
    behaviour: 'Expiry, revocation, authenticity and audience each make a token inactive alone.',
    status: 'covered',
  },
  '7662-4-b': {
    source: 'RFC 7662 §4',
    behaviour: 'An expired token is inactive even while Redis still holds its record.',
    status: 'covered',
  },
  '7662-4-c': {
    source: 'RFC 7662 §4',
    behaviour: 'A token for some resource servers is inactive for all others.',
    status: 'covered',
  },
  '7662-4-d': {
    source: 'RFC 7662 §4',
    behaviour:
      'Only clients registered to introspect may; not even the owner of a token otherwise.',
    status: 'covered',
  },
  '7662-4-e': {
    source: 'RFC 7662 §4',
    behaviour: 'A caller that asks for many unknown tokens is slowed down or locked out.',
    status: {
      declined:
        'Whoever floods a resource server with junk would cut that server off; guessing is hopeless at 192 random bits behind a MAC, which turns junk away before Redis is asked.',
    },
  },
  '7662-4-f': {
    source: 'RFC 7662 §4',
    behaviour: 'The listener speaks TLS 1.2 and 1.3 and nothing older.',
    status: 'covered',
  },
  '7662-4-g': {
    source: 'RFC 7662 §4',
    behaviour: 'A cached answer is not used past exp.',
    status: 'covered',
  },
  '7662-4-h': {
    source: 'RFC 7662 §4',
    behaviour: 'How stale an answer may be is a documented setting.',
    status: 'covered',
  },
  '7662-4-i': {
    source: 'RFC 7662 §4',
    behaviour:
      'Cached answers are kept apart by issuer, caller and contexts, in the memory of one client.',
    status: 'covered',
  },
  '7662-4-j': {
    source: 'RFC 7662 §4',
    behaviour:
      'Inactive answers are cached for the staleness bound, with a feed until a change of our registration; errors never.',
    status: 'covered',
  },
  '7662-4-k': {
    source: 'RFC 7662 §4',
    behaviour: 'A pushed revocation beats the cache.',
    status: 'covered',
  },
  '7662-4-l': {
    source: 'RFC 7662 §4',
    behaviour: 'Sender constraints are checked on cache hits too.',
    status: { declined: 'Sender-constrained tokens do not exist yet.' },
  },
  '7662-5-a': {
    source: 'RFC 7662 §5',
    behaviour: 'Resource servers see different subjects for one user.',
    status: {
      declined:
        'Pairwise subjects do not exist; that a server outside the audience learns nothing is 7662-4-c.',
    },
  },
  '7662-x-a': {
    source: 'RFC 7662 §4, RFC 9449 fig. 11',
    behaviour: 'No answer of the endpoint may be stored.',
    status: 'covered',
  },
  '7662-x-b': {
    source: 'RFC 7662 §4',
    behaviour: 'A refresh token is inactive for every caller.',
    status: 'covered',
  },
  '7662-x-c': {
    source: 'RFC 9470 §6.2, RFC 8693 §4, RFC 9396 §9.2',
    behaviour: 'What is known of the login (acr, amr, auth_time) stands at the top level.',
    status: 'covered',
  },
  '7662-x-d': {
    source: 'RFC 7662 §2.2',
    behaviour: 'Roles have no limit of size.',
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

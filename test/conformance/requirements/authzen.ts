/** OpenID AuthZEN Authorization API 1.0, and its certification scenario. */
import type { Requirement } from './requirement.ts'

const NO_SEARCH = {
  declined:
    'The search endpoints are not offered: who holds what, and where, is asked of the admin API.',
} as const

export const AUTHZEN = {
  'azn-4-a': {
    source: 'AuthZEN 1.0 §4',
    behaviour: 'The endpoints have v1 in their path.',
    status: 'covered',
  },
  'azn-5.1-a': {
    source: 'AuthZEN 1.0 §5.1',
    behaviour:
      'Entities with a member missing or of the wrong type are refused; properties are objects and have no say.',
    status: 'covered',
  },
  'azn-5.5-a': {
    source: 'AuthZEN 1.0 §5.5',
    behaviour: 'A denial is 200 with a decision of false.',
    status: 'covered',
  },
  'azn-5.5-b': {
    source: 'AuthZEN 1.0 §5.5',
    behaviour: 'A decision of false stops the access.',
    status: {
      declined:
        'That is the enforcing side: our client library asks by introspection, not by AuthZEN.',
    },
  },
  'azn-6.1-a': {
    source: 'AuthZEN 1.0 §6.1',
    behaviour: 'Subject, action and resource are required; the context is not.',
    status: 'covered',
  },
  'azn-7.1-a': {
    source: 'AuthZEN 1.0 §7.1',
    behaviour: 'A batch of none is a single evaluation.',
    status: 'covered',
  },
  'azn-7.1.1-a': {
    source: 'AuthZEN 1.0 §7.1.1',
    behaviour:
      'Items override defaults by whole objects, and are filled in where incomplete (X10); what is missing in both denies the item (X12).',
    status: 'covered',
  },
  'azn-7.1.2-a': {
    source: 'AuthZEN 1.0 §7.1.2',
    behaviour:
      'All three semantics; arrays end with the decision that ends the batch; any other semantic is 400.',
    status: 'covered',
  },
  'azn-7.2-a': {
    source: 'AuthZEN 1.0 §7.2',
    behaviour: 'Decisions stand in the order asked, without one above them.',
    status: 'covered',
  },
  'azn-7.2.1-a': {
    source: 'AuthZEN 1.0 §7.2.1',
    behaviour: 'A mistake in an item is a decision of false with the error in its context.',
    status: 'covered',
  },
  'azn-8.1-a': {
    source: 'AuthZEN 1.0 §8.1',
    behaviour: 'What a search finds evaluates to true.',
    status: NO_SEARCH,
  },
  'azn-8.2-a': {
    source: 'AuthZEN 1.0 §8.2',
    behaviour: 'Searches are paged by opaque tokens.',
    status: NO_SEARCH,
  },
  'azn-8.2-b': {
    source: 'AuthZEN 1.0 §8.2',
    behaviour: 'A search without paging ignores the page.',
    status: NO_SEARCH,
  },
  'azn-8.3-a': {
    source: 'AuthZEN 1.0 §8.3',
    behaviour: 'A search finds only what was searched for, and nothing for what is unknown.',
    status: NO_SEARCH,
  },
  'azn-8.4-a': {
    source: 'AuthZEN 1.0 §8.4',
    behaviour: 'A search ignores the id of what is searched for.',
    status: NO_SEARCH,
  },
  'azn-9-a': {
    source: 'AuthZEN 1.0 §9',
    behaviour:
      'The metadata is found with the well-known text between host and path, names the decision point as configured, and holds no empty member.',
    status: 'covered',
  },
  'azn-9.1.3-a': {
    source: 'AuthZEN 1.0 §9.1.3',
    behaviour: 'Signed metadata wins over plain.',
    status: { declined: 'Optional, and nothing is signed yet.' },
  },
  'azn-10.1-a': {
    source: 'AuthZEN 1.0 §10.1',
    behaviour: 'POST with a JSON object alone; another content type is 400 (X9).',
    status: 'covered',
  },
  'azn-10.1.1-a': {
    source: 'AuthZEN 1.0 §10.1.1',
    behaviour: 'Unknown members are ignored.',
    status: 'covered',
  },
  'azn-10.1.2-a': {
    source: 'AuthZEN 1.0 §10.1.2',
    behaviour: 'The body of an error is a message, as a JSON string.',
    status: 'covered',
  },
  'azn-10.1.3-a': {
    source: 'AuthZEN 1.0 §10.1.3',
    behaviour:
      'A request id comes back as sent, if it is 1 to 64 of [A-Za-z0-9._-]; another one takes the place of any other.',
    status: 'covered',
  },
  'azn-11.2-a': {
    source: 'AuthZEN 1.0 §11.2',
    behaviour: 'Callers prove themselves as for introspection; 401 carries a challenge.',
    status: 'covered',
  },
  'azn-11.5-a': {
    source: 'AuthZEN 1.0 §11.5',
    behaviour: 'What is no I-JSON (a name twice, half a character, no UTF-8) is 400.',
    status: 'covered',
  },
  'azn-11.7-a': {
    source: 'AuthZEN 1.0 §11.7',
    behaviour: 'Bodies, nesting, batches and parents are limited.',
    status: 'covered',
  },
  'azn-cert-a': {
    source: 'AuthZEN 1.0 certification scenario, Basic Core and Batch Core (Discovery: azn-9-a)',
    behaviour:
      'A role schema and two assignments are its fixture; every request is answered as it says.',
    status: 'covered',
  },
  'azn-cert-b': {
    source: 'AuthZEN 1.0 certification scenario, Basic Properties and Batch Properties',
    behaviour: 'Decisions go by the properties that come with a request.',
    status: {
      declined:
        'What a subject may do follows from its roles alone; a condition on attributes the caller sends would let the caller decide.',
    },
  },
  'azn-cert-c': {
    source: 'AuthZEN 1.0 certification scenario, Search Core and Search Properties',
    behaviour: 'Searches find what the evaluations permit.',
    status: NO_SEARCH,
  },
} as const satisfies Record<string, Requirement>

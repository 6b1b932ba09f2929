/** RFC 8414, authorization server metadata. */
import type { Requirement } from './requirement.ts'

export const RFC8414 = {
  '8414-2-a': {
    source: 'RFC 8414 §2',
    behaviour:
      'An issuer without https (save loopback), or with query or fragment, does not start.',
    status: 'covered',
  },
  '8414-2-b': {
    source: 'RFC 8414 §2',
    behaviour:
      'The token endpoint is there; what an authorization endpoint needs is left out (X5).',
    status: 'covered',
  },
  '8414-2-c': {
    source: 'RFC 8414 §2',
    behaviour: 'Signing algorithms are listed exactly where a JWT method is; today nowhere.',
    status: 'covered',
  },
  '8414-2-d': {
    source: 'RFC 8414 §2',
    behaviour: 'Introspection and revocation are published with their authentication methods.',
    status: 'covered',
  },
  '8414-2-e': {
    source: 'RFC 8414 §2',
    behaviour: 'Keys say what they are used for.',
    status: { declined: 'No keys are published yet.' },
  },
  '8414-3-a': {
    source: 'RFC 8414 §3',
    behaviour: "The well-known text goes between the issuer's host and path, less a last slash.",
    status: 'covered',
  },
  '8414-3.2-a': {
    source: 'RFC 8414 §3.2',
    behaviour: 'The document is 200, JSON, cacheable, and holds no empty member.',
    status: 'covered',
  },
  '8414-3.3-a': {
    source: 'RFC 8414 §3.3',
    behaviour: 'The issuer is published as configured, so that a strict client finds it identical.',
    status: 'covered',
  },
  '8414-2.1-a': {
    source: 'RFC 8414 §2.1',
    behaviour: 'Signed metadata wins over plain.',
    status: { declined: 'Optional, and nothing is signed yet.' },
  },
  '8414-6-a': {
    source: 'RFC 8414 §6',
    behaviour: 'The document is had over TLS, and not by a client that distrusts the certificate.',
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

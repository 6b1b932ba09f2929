/** RFC 8707, resource indicators. */
import type { Requirement } from './requirement.ts'

export const RFC8707 = {
  '8707-2-a': {
    source: 'RFC 8707 §2',
    behaviour: 'A resource is an absolute URI without fragment, and may be repeated.',
    status: 'covered',
  },
  '8707-2-b': {
    source: 'RFC 8707 §2',
    behaviour: 'The resources named are the audience.',
    status: 'covered',
  },
  '8707-2-c': {
    source: 'RFC 8707 §2',
    behaviour: 'A resource that is unknown or not allowed is invalid_target.',
    status: 'covered',
  },
  '8707-2.2-a': {
    source: 'RFC 8707 §2.2',
    behaviour: 'A refresh may aim at part of the grant; the refresh token keeps all of it.',
    status: 'covered',
  },
  '8707-2.2-b': {
    source: 'RFC 8707 §2.2',
    behaviour: 'The scope shrinks to what the resource understands.',
    status: {
      declined:
        'Scopes are not tied to resources, so the server cannot know which of them a resource understands.',
    },
  },
  '8707-3-a': {
    source: 'RFC 8707 §3',
    behaviour: "One tenant's token is inactive at another tenant of the same host.",
    status: 'covered',
  },
} as const satisfies Record<string, Requirement>

/** The routes of the admin API, each with the scope it requires. */
import { Router } from '@koa/router'
import { EXACT_PATHS, type RequestState } from '../../http/pipeline/request-context.ts'
import type { GrantContext } from '../grants/token-response.ts'
import type { SubjectLoader } from '../loader/subject-loader.ts'
import { readAudit } from './audit.ts'
import { createClientHandlers } from './clients.ts'
import { explainToken } from './explain.ts'
import { createGuard } from './guard.ts'
import { revoke } from './revocations/revocations.ts'
import { changeAssignments } from './roles/assignments.ts'
import { createRoleListings } from './roles/listings.ts'
import { createRoleSchemaHandlers } from './roles/schema.ts'
import { createSubjectHandlers } from './subjects.ts'
import { issueTokens } from './tokens.ts'

/** Makes the router. `prefix` ends in `/admin/v1`; `nowSeconds` returns the time in epoch seconds. */
export function createAdminRouter(
  context: GrantContext,
  loader: SubjectLoader,
  prefix: string,
  nowSeconds: () => number,
): Router<RequestState> {
  const { store, issuer, trail } = context
  const router = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  const needs = createGuard(store, issuer, trail)
  const clients = createClientHandlers(store, issuer, nowSeconds)
  const subjects = createSubjectHandlers(store)
  const roleSchema = createRoleSchemaHandlers(store)
  const roleListings = createRoleListings(store)
  const assertMayRevoke = needs('claimcheck:revoke', async () => undefined)
  const assertManagesRoles = needs('claimcheck:roles', async () => undefined)

  router.post('/tokens', needs('claimcheck:issue', issueTokens(context, loader)))
  router.post('/explain', needs(['claimcheck:revoke', 'claimcheck:audit'], explainToken(store)))
  router.get('/audit', needs('claimcheck:audit', readAudit(store)))
  router.post('/revocations', needs('claimcheck:revoke', revoke(store, assertMayRevoke)))
  router.get('/clients', needs('claimcheck:clients', clients.list))
  router.get('/clients/:id', needs('claimcheck:clients', clients.get))
  router.put('/clients/:id', needs('claimcheck:clients', clients.put))
  router.delete('/clients/:id', needs('claimcheck:clients', clients.remove))
  router.post('/clients/:id/secrets', needs('claimcheck:clients', clients.addSecret))
  router.get('/subjects/:sub', needs('claimcheck:roles', subjects.get))
  router.put('/subjects/:sub', needs('claimcheck:roles', subjects.put))
  router.get('/subjects/:sub/sessions', needs('claimcheck:revoke', subjects.sessions))
  router.get('/subjects/:sub/grants', needs('claimcheck:revoke', subjects.grants))
  router.get('/subjects/:sub/roles', needs('claimcheck:roles', roleListings.ofSubject))
  router.get('/contexts/:context/subjects', needs('claimcheck:roles', roleListings.inContext))
  router.get('/role-schema', needs('claimcheck:roles', roleSchema.get))
  router.put('/role-schema', needs('claimcheck:roles', roleSchema.put))
  router.post(
    '/role-assignments',
    needs('claimcheck:roles', changeAssignments(store, assertManagesRoles)),
  )
  return router
}

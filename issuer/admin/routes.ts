/** The routes of the admin API, each with the scope it takes. */
import { Router } from '@koa/router'
import { EXACT_PATHS, type RequestState } from '../../http/request-state.ts'
import type { SubjectLoader } from '../subject-loader.ts'
import type { GrantContext } from '../token-response.ts'
import { createClientHandlers } from './clients.ts'
import { createGuard } from './guard.ts'
import { revoke } from './revocations.ts'
import { createSubjectHandlers } from './subjects.ts'
import { issueTokens } from './tokens.ts'

/** Makes the router; `prefix` ends in `/admin/v1`, `nowSeconds` is the time in epoch seconds. */
export function createAdminRouter(
  context: GrantContext,
  loader: SubjectLoader,
  prefix: string,
  nowSeconds: () => number,
): Router<RequestState> {
  const { store, issuer } = context
  const router = new Router<RequestState>({ prefix, ...EXACT_PATHS })
  const needs = createGuard(store, issuer)
  const clients = createClientHandlers(store, nowSeconds)
  const subjects = createSubjectHandlers(store)

  router.post('/tokens', needs('claimcheck:issue', issueTokens(context, loader)))
  router.post('/revocations', needs('claimcheck:revoke', revoke(store)))
  router.get('/clients', needs('claimcheck:clients', clients.list))
  router.get('/clients/:id', needs('claimcheck:clients', clients.get))
  router.put('/clients/:id', needs('claimcheck:clients', clients.put))
  router.delete('/clients/:id', needs('claimcheck:clients', clients.remove))
  router.post('/clients/:id/secrets', needs('claimcheck:clients', clients.addSecret))
  router.get('/subjects/:sub', needs('claimcheck:roles', subjects.get))
  router.put('/subjects/:sub', needs('claimcheck:roles', subjects.put))
  router.get('/subjects/:sub/sessions', needs('claimcheck:revoke', subjects.sessions))
  router.get('/subjects/:sub/grants', needs('claimcheck:revoke', subjects.grants))
  return router
}

/**
 * The Koa application both services are built on: the frame around every request, then the routers, then the end for what
 * no route took. Routers are tried in order, so the busy one comes first.
 */

import type { Router } from '@koa/router'
import Koa from 'koa'
import { createFrame, type FrameOptions } from './frame.ts'
import { notFound } from './not-found.ts'
import type { RequestState } from './request-state.ts'

export interface KoaAppOptions extends FrameOptions {
  /** In the order in which they are tried. */
  readonly routers: readonly Router<RequestState>[]
}

/** A Koa application with everything mounted; `callback()` of it goes to `listen`. */
export function createKoaApp(options: KoaAppOptions): Koa<RequestState> {
  const { log, routers } = options
  const app = new Koa<RequestState>({ env: 'production' })
  app.use(createFrame(options))
  for (const router of routers) app.use(router.routes())
  app.use(notFound)
  // Each router adds what it matched to one list on the context, so any of them can tell what is allowed.
  const [first] = routers
  if (first !== undefined) app.use(first.allowedMethods())
  // What Koa reports itself comes after the frame: a socket that failed while the answer was written.
  app.on('error', (err: unknown) => log.debug({ err }, 'response not delivered'))
  return app
}

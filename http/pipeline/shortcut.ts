/**
 * Serves the one route that nearly all requests are for without Koa: making its context and finding the route takes as long
 * as everything an introspection does beside asking Redis. The request goes through the same frame and the same handler as
 * it would with Koa, and whatever is not exactly this route goes there.
 */
import type { RequestListener } from 'node:http'
import { createFrame, type FrameOptions } from './frame.ts'
import type { RequestContext, RequestState } from './request-context.ts'

/** Which route is served without Koa, and by what. */
export interface ShortcutOptions extends FrameOptions {
  readonly method: string
  /** Whole path, without a query; also what the route is called in metrics. */
  readonly path: string
  readonly handle: (context: RequestContext) => Promise<void>
  /** Takes all other requests. */
  readonly others: RequestListener
}

/** Puts a shortcut in front of an application. */
export function createShortcut(options: ShortcutOptions): RequestListener {
  const { log, method, path, handle, others } = options
  const frame = createFrame(options)
  return (req, res) => {
    if (req.url !== path || req.method !== method) {
      others(req, res)
      return
    }
    // The frame sets what a state has to have before anything reads it.
    const state = {} as RequestState
    const context = { req, res, state, method, path, _matchedRoute: path }
    res.on('error', (err) => log.debug({ err }, 'response not delivered'))
    frame(context, () => handle(context)).catch((err: unknown) => {
      log.error({ err }, 'request failed')
      res.destroy()
    })
  }
}

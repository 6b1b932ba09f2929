/**
 * Serves the busiest route of a service without Koa: creating its context and finding the route would take as long as all the
 * rest of an introspection without Redis. The frame and the handler are the same as with Koa, and every request that is not
 * exactly for this route goes to Koa.
 */
import type { RequestListener } from 'node:http'
import { createFrame, type FrameOptions } from './frame.ts'
import type { RequestContext, RequestState } from './request-context.ts'

/** The route that is served without Koa. */
export interface ShortcutOptions extends FrameOptions {
  readonly method: string
  /** The whole path, without a query; also the name of the route in metrics. */
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
    // The frame sets the required members before anything reads them.
    const state = {} as RequestState
    const context = { req, res, state, method, path, _matchedRoute: path }
    res.on('error', (err) => log.debug({ err }, 'response not delivered'))
    frame(context, () => handle(context)).catch((err: unknown) => {
      log.error({ err }, 'request failed')
      res.destroy()
    })
  }
}

/** The audit as it is kept, logged and answered: one shape for the services and whoever reads it. */

/** One thing that happened. It names no token and no secret. */
export interface AuditRecord {
  readonly action: string
  readonly result: 'done' | 'refused'
  /** Subject of the operator's token. */
  readonly actor?: string
  /** Id of the operator's token: who issued it, and to whom, is told by the record of its issue. */
  readonly actor_jti?: string
  /** The client that was used. */
  readonly actor_client?: string
  /** On whom. */
  readonly subject?: string
  readonly client?: string
  /** What else names the thing: level, jti, grant, session, context, role … */
  readonly target?: Readonly<Record<string, string | number | boolean>>
  readonly error?: string
  readonly reason?: string
  /** The caller's address. */
  readonly source?: string
  readonly request_id?: string
  /** How many events this record stands for; absent for one. */
  readonly count?: number
}

/** An audit record, in the one shape in which the services store, log and return it. */

/** One event of the audit. Contains no token and no secret. */
export interface AuditRecord {
  readonly action: string
  readonly result: 'done' | 'refused'
  /** Subject of the operator's token. */
  readonly actor?: string
  /** Id of the operator's token. The record of its issue says who issued it, and to whom. */
  readonly actor_jti?: string
  /** Client that the operator used. */
  readonly actor_client?: string
  /** Subject that was acted on. */
  readonly subject?: string
  /** Client that was acted on. */
  readonly client?: string
  /** Other names of what was acted on: level, jti, grant, session, context, role … */
  readonly target?: Readonly<Record<string, string | number | boolean>>
  readonly error?: string
  readonly reason?: string
  /** Address of the caller. */
  readonly source?: string
  readonly request_id?: string
  /** Number of events that this record summarizes; absent for one. */
  readonly count?: number
}

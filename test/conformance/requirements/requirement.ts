/** What the manifest says about one requirement. Types only; the files beside this one are data only. */

export interface Requirement {
  /** Document and section it comes from. */
  readonly source: string
  /** What Claimcheck does because of it. */
  readonly behaviour: string
  /** Whether a test proves it; declined requirements say why in one sentence. */
  readonly status: 'covered' | { readonly declined: string }
}

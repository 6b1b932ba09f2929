/**
 * The protocol and its broken variants: each leaves out one thing the rules of the freshness protocol ask for. The
 * search must find a late answer in every one of them, or it proves nothing about the whole.
 *
 * Against a node that is behind and sets a client back (rules 9 and 18), either of two things helps. `correct` lets the
 * client void what it had sent before a reset, and nodes start clients wherever they are. `gated` lets nodes start
 * clients as they answer probes, at no position before the heads of the primaries; the client goes by positions alone.
 * That keeps every hit within the bound, but over a change of epoch who joins a lookup may get less than was told.
 */

/** What each variant leaves out; the number is that of the rule. */
export const LEFT_OUT = {
  correct: 'nothing',
  gated: '18: only positions fence a reset; but nodes start nobody behind the heads',
  noguard: '14: a reply is stored whatever was invalidated while it was on its way',
  placeholder: '14: only events that name the token itself spoil its flight',
  nofloor: '14: an evicted mark is forgotten instead of raising the floor',
  joiner: '14: who joined a flight is answered with a reply that is known to be stale',
  oldflight: '14: who joined a flight is answered however late the reply is',
  noepoch: '4, 14, 15: sequence numbers are compared whatever history they belong to',
  nogap: '8, 9, 15: nobody looks whether numbers follow each other',
  flushonly: '18: a reset drops the entries, but fences nothing',
  stepback:
    '18: the fence is the position of the reset alone, which a node that is behind sets back',
  nodeswap: '9: a node vouches for a position it has not read when it takes over a client',
  nodehead: '10: the heads are taken from the reader of the node, not from the primaries',
  noreader: '10: the lease is written before the reader has reached the heads',
  nocursor: '10: the lease overtakes events that are still on their way to the client',
  onepartition: '10: the head of only one partition is looked at',
  oneway: '16: heartbeats that nobody asked for renew the lease, counted from their arrival',
} as const

/** One that holds, or what is broken. */
export type Variant = keyof typeof LEFT_OUT

/** Those that must be found late. */
export type BrokenVariant = Exclude<Variant, 'correct' | 'gated'>

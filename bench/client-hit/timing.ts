/** Times calls in small groups. The arguments of a group are made before it and the answers are checked after it, untimed. */

/** A kind of call. */
export interface Call<Argument, Made, Answer = Made> {
  /** Makes the arguments of the next group. */
  readonly prepare: (count: number) => readonly Argument[]
  readonly make: (argument: Argument) => Made
  /** Throws unless the answer to one of the group is the expected one. */
  readonly check: (answer: Answer, index: number) => void
}

/** Few enough that the arguments are still in the processor caches, as those of a request that has just arrived. */
const GROUP = 100

/** Microseconds of one synchronous call. */
export function timeCalls<Argument, Answer>(calls: number, call: Call<Argument, Answer>): number {
  const { prepare, make, check } = call
  let ms = 0
  for (let left = calls; left > 0; left -= GROUP) {
    const group = prepare(Math.min(GROUP, left))
    const answers: Answer[] = []
    const startedAt = performance.now()
    for (let n = 0; n < group.length; n++) answers[n] = make(group[n] as Argument)
    ms += performance.now() - startedAt
    answers.forEach(check)
  }
  return (ms * 1_000) / calls
}

/** Microseconds of one asynchronous call, by default by a clock; each is awaited before the next. */
export async function timeAwaited<Argument, Answer>(
  calls: number,
  { prepare, make, check }: Call<Argument, Promise<Answer>, Answer>,
  microseconds: () => number = () => performance.now() * 1_000,
): Promise<number> {
  let took = 0
  for (let left = calls; left > 0; left -= GROUP) {
    const group = prepare(Math.min(GROUP, left))
    const answers: Answer[] = []
    const startedAt = microseconds()
    for (let n = 0; n < group.length; n++) answers[n] = await make(group[n] as Argument)
    took += microseconds() - startedAt
    answers.forEach(check)
  }
  return took / calls
}

/** Microseconds of one asynchronous call while `atOnce` run at the same time. */
export async function timeTogether<Argument, Answer>(
  calls: number,
  atOnce: number,
  { prepare, make, check }: Call<Argument, Promise<Answer>, Answer>,
): Promise<number> {
  let ms = 0
  let made = 0
  for (; made < calls; made += atOnce) {
    const group = prepare(atOnce)
    const startedAt = performance.now()
    const answers = await Promise.all(group.map(make))
    ms += performance.now() - startedAt
    answers.forEach(check)
  }
  return (ms * 1_000) / made
}

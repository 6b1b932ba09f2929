/** Times calls in small groups: what a group is asked with is made just before it and judged just after, neither timed. */

/** A kind of call. */
export interface Call<Asked, Made, Answer = Made> {
  /** Makes what the next group is asked with. */
  readonly prepare: (count: number) => readonly Asked[]
  readonly make: (asked: Asked) => Made
  /** Throws when the answer to one of the group is not the one to be expected. */
  readonly check: (answer: Answer, index: number) => void
}

/** Few enough that what was prepared is still near the processor, as what came from a request just now would be. */
const GROUP = 100

/** Microseconds of one synchronous call. */
export function timeCalls<Asked, Answer>(calls: number, call: Call<Asked, Answer>): number {
  const { prepare, make, check } = call
  let ms = 0
  for (let left = calls; left > 0; left -= GROUP) {
    const asked = prepare(Math.min(GROUP, left))
    const answers: Answer[] = []
    const startedAt = performance.now()
    for (let n = 0; n < asked.length; n++) answers[n] = make(asked[n] as Asked)
    ms += performance.now() - startedAt
    answers.forEach(check)
  }
  return (ms * 1_000) / calls
}

/** Microseconds of one asynchronous call; each is awaited before the next. */
export async function timeAwaited<Asked, Answer>(
  calls: number,
  call: Call<Asked, Promise<Answer>, Answer>,
): Promise<number> {
  const { prepare, make, check } = call
  let ms = 0
  for (let left = calls; left > 0; left -= GROUP) {
    const asked = prepare(Math.min(GROUP, left))
    const answers: Answer[] = []
    const startedAt = performance.now()
    for (let n = 0; n < asked.length; n++) answers[n] = await make(asked[n] as Asked)
    ms += performance.now() - startedAt
    answers.forEach(check)
  }
  return (ms * 1_000) / calls
}

/** Microseconds of one asynchronous call where so many are under way at once. */
export async function timeTogether<Asked, Answer>(
  calls: number,
  atOnce: number,
  { prepare, make, check }: Call<Asked, Promise<Answer>, Answer>,
): Promise<number> {
  let ms = 0
  let made = 0
  for (; made < calls; made += atOnce) {
    const asked = prepare(atOnce)
    const startedAt = performance.now()
    const answers = await Promise.all(asked.map(make))
    ms += performance.now() - startedAt
    answers.forEach(check)
  }
  return (ms * 1_000) / made
}

/**
 * Rounds: the contenders take turns, A B C, then C B A. A disturbance of the machine hits all of them, and none always runs
 * on warm caches.
 */

/** Takes one sample of each contender. */
export type Contenders<Name extends string, Sample> = Readonly<Record<Name, () => Promise<Sample>>>

/** The samples of each, in the order of the rounds. */
export type Samples<Name extends string, Sample> = Readonly<Record<Name, readonly Sample[]>>

/** Takes `rounds` samples of each contender, after `warmUps` that do not count. */
export async function interleave<Name extends string, Sample>(
  rounds: number,
  contenders: Contenders<Name, Sample>,
  step: (text: string) => void,
  warmUps = 1,
): Promise<Samples<Name, Sample>> {
  const names = Object.keys(contenders) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Sample[]
  >
  for (let round = 1 - warmUps; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      step(`${round < 1 ? 'warm-up' : `round ${round} of ${rounds}`}: ${name}`)
      const sample = await contenders[name]()
      if (round > 0) samples[name].push(sample)
    }
  }
  return samples
}

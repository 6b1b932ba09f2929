/**
 * Rounds: each contender in turn, A B C, then C B A. Whatever else the machine does meets all of them, and none is always
 * the one that runs on warm caches.
 */

/** Somebody to be measured: one sample a call. */
export interface Contender<Sample> {
  readonly name: string
  readonly sample: () => Promise<Sample>
}

/**
 * Takes `rounds` samples of each, after `warmUps` that do not count.
 *
 * @returns the samples by name, in the order of the rounds
 */
export async function interleave<Sample>(
  rounds: number,
  contenders: readonly Contender<Sample>[],
  tell: (text: string) => void,
  warmUps = 1,
): Promise<Readonly<Record<string, readonly Sample[]>>> {
  const samples: Record<string, Sample[]> = {}
  for (const { name } of contenders) samples[name] = []
  for (let round = 1 - warmUps; round <= rounds; round++) {
    const turn = round % 2 === 0 ? contenders : contenders.toReversed()
    for (const { name, sample } of turn) {
      tell(`${round < 1 ? 'warm-up' : `round ${round} of ${rounds}`}: ${name}`)
      const taken = await sample()
      if (round > 0) samples[name]?.push(taken)
    }
  }
  return samples
}

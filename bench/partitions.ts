/** The partitions of an installation of the bench, for finding out where something stands. */
import { createPartitions } from '../store/partitions.ts'

const COUNT = 64

/** Where what stands. */
export const PARTITIONS = createPartitions(COUNT)

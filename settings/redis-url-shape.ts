/**
 * Whether a text has the shape of one of the Redis URLs that store/ understands. Taking it apart is the store's
 * business; this lets a typing mistake be reported at start with all the other ones.
 */

const SHAPES: readonly RegExp[] = [
  // One server, or a comma list of them, each with or without its scheme repeated.
  /^rediss?:\/\/[^\s,]+(?:,(?:rediss?:\/\/)?[^\s,]+)*$/,
  /^unix:(?:\/\/)?\/\S+$/,
  /^rediss?\+cluster:\/\/[^\s,]+(?:,[^\s,]+)*$/,
  /^rediss?\+sentinel:\/\/(?:\S*@)?[^\s,/@]+(?:,[^\s,/@]+)*\/[^\s/?]+(?:\?db=\d+)?$/,
]

/** Checked by scheme; host names and passwords are not looked into. */
export function isRedisUrl(text: string): boolean {
  return SHAPES.some((shape) => shape.test(text))
}

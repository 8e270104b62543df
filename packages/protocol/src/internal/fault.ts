/**
 * What the parsers of this package return instead of a value, so that they need no exceptions and allocate nothing when
 * all is well; the public modules turn it into their typed error.
 *
 * @since 0.1.0
 */

/** Where in the input something is wrong (an index of UTF-16 code units), what it is and how to mend it. */
export class Fault {
  readonly position: number
  readonly reason: string
  constructor(position: number, reason: string) {
    this.position = position
    this.reason = reason
  }
}

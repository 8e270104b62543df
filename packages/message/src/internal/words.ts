/**
 * Looking at four octets at once. Most of a message is printable ASCII, of which nothing has to be known but that it is; so are
 * the questions here. They are asked of a 32-bit word, whatever the order of its octets.
 */

/** The octets of an array, to be read in words from any offset. */
export const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length)

const one = 0x01010101
const highBits = 0x80808080

/** Whether one of the octets is 13 or less: a line end, NUL, TAB or a control that nobody writes. */
export const hasControl = (word: number): boolean => ((word - one * 14) & ~word & highBits) !== 0

/** How many of the octets are above 127. */
export const countHigh = (word: number): number => Math.imul((word >>> 7) & one, one) >>> 24

/**
 * Whether each of the octets is printable ASCII, the space included, and none of them `=`. Where no octet is above 127, a
 * subtraction takes from the next octet only when it has found one already.
 */
export const isPlain = (word: number): boolean =>
  ((word | (word + one) | (word - one * 32) | ((word ^ (one * 61)) - one)) & highBits) === 0

// The high bit of each octet that is 32, and of no other.
const spaces = (word: number): number => {
  const difference = word ^ (one * 32)
  return ~(((difference & ~highBits) + ~highBits) | difference | ~highBits)
}

/**
 * Whether the octets, the first of which was read first, are neither controls nor two spaces in a row, and the last of them is no
 * space.
 */
export const isSingleSpaced = (word: number): boolean => {
  if (((word - one * 32) & ~word & highBits) !== 0) return false
  const found = spaces(word)
  return (found & ((found << 8) | 0x80)) === 0
}

/** The high bit of each octet that is 32 or less, and perhaps of one that is 33. */
export const blanks = (word: number): number => (word - one * 33) & ~word & highBits

/** Whether one of the octets is a TAB. */
export const hasTab = (word: number): boolean => {
  const difference = word ^ (one * 9)
  return ((difference - one) & ~difference & highBits) !== 0
}

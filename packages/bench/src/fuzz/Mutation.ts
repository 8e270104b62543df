/** Makes inputs: noise, words of the grammar in any order, and what is nearly right. */
import { Random } from "./Random.ts"
import type { Target } from "./Target.ts"

const longest = 4096

const char = (unit: number): string => String.fromCharCode(unit)

const sharpOctets = "\0\t\n\r \"'<>()[]@\\,;:.-=?+%&*/_{}|~!#$^`\x01\x1f\x7f\x80\x85\x9f\xa0\xad\xc3\xe2\xff"
const sharpUnits =
  sharpOctets +
  "\u0130\u0131\u017f\u0301\u034f\u05d0\u0660\u200b\u200d\u200e\u2028\u2060\u212a\u2126\u3002\ud800\udc00\udbff\udfff\ufb01\ufdfa\ufeff\uff0e\uff20\ufffd\uffff"

const noise = (random: Random, wide: boolean): string => {
  let text = ""
  for (let length = random.below(random.once(4) ? 64 : 12); length > 0; length--) text += unit(random, wide)
  return text
}

const unit = (random: Random, wide: boolean): string => {
  if (random.once(2)) return random.pick(wide ? sharp.wide : sharp.narrow)
  return char(random.below(random.once(2) ? 128 : wide ? 65_536 : 256))
}

// Split once; a surrogate is a unit of its own here.
const sharp = { wide: sharpUnits.split(""), narrow: sharpOctets.split("") }

const words = (random: Random, tokens: ReadonlyArray<string>): string => {
  let text = ""
  for (let count = random.below(12); count >= 0; count--) text += random.pick(tokens)
  return text
}

type Change = (text: string, random: Random, target: Target) => string

const splice = (text: string, from: number, to: number, insertion: string): string =>
  text.slice(0, from) + insertion + text.slice(to)

// A place and a short run behind it.
const run = (text: string, random: Random): readonly [number, number] => {
  const from = random.below(text.length)
  return [from, Math.min(text.length, from + 1 + random.below(random.once(3) ? text.length : 6))]
}

const changes: ReadonlyArray<Change> = [
  function replace(text, random, { reads }) {
    const at = random.below(text.length)
    return splice(text, at, at + 1, unit(random, reads === "text"))
  },
  function insert(text, random, { reads }) {
    const at = random.below(text.length + 1)
    return splice(text, at, at, unit(random, reads === "text"))
  },
  function insertWord(text, random, { tokens }) {
    const at = random.below(text.length + 1)
    return splice(text, at, at, random.pick(tokens))
  },
  function flip(text, random) {
    const at = random.below(text.length)
    return splice(text, at, at + 1, char(text.charCodeAt(at) ^ (1 << random.below(8))))
  },
  function remove(text, random) {
    return splice(text, ...run(text, random), "")
  },
  function repeat(text, random) {
    const [from, to] = run(text, random)
    return splice(text, to, to, text.slice(from, to).repeat(1 + random.below(random.once(30) ? 300 : 4)))
  },
  function move(text, random) {
    const [from, to] = run(text, random)
    const rest = splice(text, from, to, "")
    const at = random.below(rest.length + 1)
    return splice(rest, at, at, text.slice(from, to))
  },
  function cross(text, random, { seeds }) {
    const other = random.pick(seeds)
    return text.slice(0, random.below(text.length + 1)) + other.slice(random.below(other.length + 1))
  },
  function cut(text, random) {
    return text.slice(0, random.below(text.length + 1))
  },
  function swapCase(text, random) {
    const [from, to] = run(text, random)
    const part = text.slice(from, to)
    return splice(text, from, to, part === part.toUpperCase() ? part.toLowerCase() : part.toUpperCase())
  }
]

const mutated = (target: Target, random: Random): string => {
  let text = random.pick(target.seeds)
  for (let count = random.below(random.once(8) ? 12 : 4); count > 0; count--) {
    text = random.pick(changes)(text, random, target)
  }
  return text
}

const raw = (target: Target, random: Random): string => {
  const kind = random.below(10)
  if (kind === 0) return noise(random, target.reads === "text")
  return kind < 3 ? words(random, target.tokens) : mutated(target, random)
}

// A change of letter case or a token may hold more than an octet.
const narrow = (text: string): string => (/[^\0-\xff]/.test(text) ? Buffer.from(text).toString("latin1") : text)

/** The input with this index. */
export const input = (target: Target, seed: number, index: number): string => {
  const text = raw(target, new Random(seed, target.name, index)).slice(0, longest)
  return target.reads === "text" ? text : narrow(text)
}

/** The chance that the check of that input may use; not that of its making. */
export const chance = (target: Target, seed: number, index: number): Random =>
  new Random(seed, `${target.name} check`, index)

/** Parsing addresses. */
import { nodemailer, ours, written } from "../Peers.ts"
import type { Scenario } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const count = 1000

const bare = Array.from({ length: count }, (_, i) => `first.last+tag${i}@department.example.com`)
const named = bare.map((address, i) => `"Last ${i}, First" <${address}>`)

type Parse = (input: string) => string

const fail = (input: string): never => {
  throw new Error(`This is no address: ${input}`)
}

const strict = async (): Promise<Parse> => {
  const Address = await import("@effect-mail/protocol/Address")
  const Result = await import("effect/Result")
  return (input) => Result.getOrThrow(Address.parse(input))
}

const lenient = async (): Promise<Parse> => {
  const Address = await import("@effect-mail/protocol/Address")
  const Result = await import("effect/Result")
  return (input) => Result.getOrThrow(Address.parseLenient(input))
}

const addressparser = async (): Promise<Parse> => {
  const { default: parse } = await import("nodemailer/lib/addressparser")
  return (input) => parse(input)[0]?.address ?? fail(input)
}

// What HTML takes for an address, which is what most applications check.
const html = /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i
const angle = /^(?:"[^"]*"|[^"<>]*)\s*<([^<>]+)>$/

const checked: Parse = (input) => (html.test(input) ? input : fail(input))
const unwrapped: Parse = (input) => checked(angle.exec(input)?.[1] ?? fail(input))

const scenario = (
  name: string,
  title: string,
  inputs: ReadonlyArray<string>,
  effectMail: () => Promise<Parse>,
  regex: Parse
): Scenario => {
  const by = (load: () => Promise<Parse>) => ({
    prepare: async () => {
      const parse = await load()
      return work(
        () => inputs.map(parse),
        (found) => found
      )
    }
  })
  return {
    name,
    title,
    unit: "addresses",
    items: count,
    implementations: [
      { ...ours, ...by(effectMail) },
      { ...nodemailer, ...by(addressparser) },
      { ...written("regular expression"), ...by(async () => regex) }
    ]
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("address/bare", "first.last+tag@department.example.com", bare, strict, checked),
  scenario("address/named", '"Last, First" <address>', named, lenient, unwrapped)
]

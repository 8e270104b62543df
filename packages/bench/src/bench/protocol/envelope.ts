/** Encoding an envelope: MAIL, one RCPT, DATA. */
import type { Command } from "@effect-mail/protocol/Command"
import { ours, written } from "../Peers.ts"
import type { Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const count = 1000

const froms = Array.from({ length: count }, (_, i) => `bounces+${i}@mail.example.com`)
const tos = Array.from({ length: count }, (_, i) => `first.last${i}@department.example.org`)

const view = (envelopes: ReadonlyArray<string>) => envelopes

const effectMail = async (): Promise<Work> => {
  const Address = await import("@effect-mail/protocol/Address")
  const Command = await import("@effect-mail/protocol/Command")
  const Result = await import("effect/Result")
  const encode = (command: Command): string => Result.getOrThrow(Command.encode(command))
  const pairs = froms.map((from, i) => [Address.unsafe(from), Address.unsafe(tos[i] ?? "")] as const)
  return work(
    () => pairs.map(([from, to]) => encode(Command.mail(from)) + encode(Command.rcpt(to)) + encode(Command.data)),
    view
  )
}

// No check of anything: a line end in an address is the next command.
const template = async (): Promise<Work> => {
  const pairs = froms.map((from, i) => [from, tos[i] ?? ""] as const)
  return work(() => pairs.map(([from, to]) => `MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`), view)
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "envelope/one-recipient",
    title: "MAIL, one RCPT and DATA as text",
    unit: "envelopes",
    items: count,
    goal: 1_000_000,
    implementations: [
      { ...ours, prepare: effectMail },
      { ...written("template strings"), prepare: template }
    ]
  }
]

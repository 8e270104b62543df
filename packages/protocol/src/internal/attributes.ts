/**
 * How XCLIENT and XFORWARD are said: in as many commands as the limit of a line needs (SMTP-261).
 *
 * @since 0.1.0
 */
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Result from "effect/Result"
import type { Capabilities } from "../Capabilities.ts"
import * as Command from "../Command.ts"
import * as Dialogue from "../Dialogue.ts"
import type { Problem, Unmet } from "../Failure.ts"
import type { Reply } from "../Reply.ts"
import { upperCase } from "./text.ts"

type Named = Readonly<Record<string, string>>

const makers = {
  XCLIENT: { make: Command.xclient, success: 220 },
  XFORWARD: { make: Command.xforward, success: 250 }
} as const

/** Says the attributes; the last reply when every command was carried out. */
export function* tellAttributes(
  verb: "XCLIENT" | "XFORWARD",
  capabilities: Capabilities,
  attributes: Named
): Dialogue.Dialogue<Result.Result<Reply, Problem>> {
  const missing = notOffered(verb, capabilities, attributes)
  if (missing !== undefined) return Result.fail(missing)
  const encoded = Result.all(groups(makers[verb].make, attributes).map(Dialogue.line))
  if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
  return yield* said(encoded.success, makers[verb].success, verb === "XFORWARD" && capabilities.supports("PIPELINING"))
}

const notOffered = (verb: string, capabilities: Capabilities, attributes: Named): Unmet | undefined => {
  const names = new Set(capabilities.parameters(verb).map(upperCase))
  const unknown = Object.keys(attributes).filter((name) => !names.has(upperCase(name)))
  if (capabilities.supports(verb) && unknown.length === 0) return undefined
  return {
    _tag: "Unmet",
    stage: "command",
    requirement: "extension",
    detail: capabilities.supports(verb)
      ? `the server does not take the attributes ${unknown.join(" ").slice(0, 100)} with ${verb}`
      : `the server does not offer ${verb}`
  }
}

// An address makes some servers look up the rest, so it comes last, when the rest is known.
const groups = (make: (attributes: Named) => Command.Attributes, attributes: Named) => {
  const isAddress = ([name]: readonly [string, string]): boolean => upperCase(name) === "ADDR"
  const entries = Object.entries(attributes).toSorted((a, b) => Number(isAddress(a)) - Number(isAddress(b)))
  const all: Array<Command.Attributes> = []
  let group: Named = {}
  for (const [name, value] of entries) {
    const more = { ...group, [name]: value }
    const fits = Result.isSuccess(Command.encode(make(more)))
    if (!fits && Object.keys(group).length > 0) all.push(make(group))
    group = fits ? more : { [name]: value }
  }
  return [...all, make(group)]
}

function* said(
  lines: ReadonlyArray<Dialogue.Line>,
  success: number,
  together: boolean
): Dialogue.Dialogue<Result.Result<Reply, Problem>> {
  let last: Result.Result<Reply, Problem> = Result.fail(Dialogue.nothing("command"))
  const flights = together ? [lines] : lines.map((line) => [line])
  for (const flight of flights) {
    if (!isReadonlyArrayNonEmpty(flight)) continue
    const { lost, replies } = yield Dialogue.flight(flight)
    for (const [index, line] of flight.entries()) {
      const reply = replies[index]
      if (reply === undefined) return Result.fail(lost ?? Dialogue.nothing("command"))
      if (reply.code !== success) return Result.fail(Dialogue.refused("command", reply, line.shown))
      last = Result.succeed(reply)
    }
  }
  return last
}

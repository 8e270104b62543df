/**
 * XCLIENT and XFORWARD as a server obeys them: what a proxy in front of it says about its clients (Postfix XCLIENT_README and
 * XFORWARD_README).
 *
 * @since 0.1.0
 */
import type { AttributeMap } from "../CommandParser.ts"
import * as Reply from "../Reply.ts"
import type { Identity, ServerDialogue } from "../ServerDialogue.ts"
import { announced, type CommandOf, consult, forget, type Next, say, type State, tell } from "./serverState.ts"
import { upperCase } from "./text.ts"

export function* onProxy(state: State, { attributes, verb }: CommandOf<"Proxy">): ServerDialogue<Next> {
  const names = announced(state, verb)
  if (names === undefined) return yield* tell(502, `5.5.1 ${verb} is not offered`)
  if (state.transaction !== undefined) return yield* tell(503, "5.5.1 A transaction is open")
  const allowed = new Set(names.map(upperCase))
  if ([...attributes.keys()].some((name) => !allowed.has(name))) {
    return yield* tell(501, "5.5.4 There is an attribute that is not offered")
  }
  const wrong = [...attributes].find(([name, value]) => forms.get(name)?.test(value) === false)
  if (wrong !== undefined) return yield* tell(501, `5.5.4 The value of ${wrong[0]} cannot be read`)
  const reply = yield* consult({ _tag: "Proxy", verb, attributes })
  if (Reply.isPositive(reply)) (verb === "XCLIENT" ? beginAgain : forward)(state, attributes)
  return yield* say(reply)
}

const unknown = "\\[(?:UNAVAILABLE|TEMPUNAVAIL)\\]"
const port = new RegExp(`^(?:\\d{1,5}|${unknown})$`, "i")
const address = new RegExp(`^(?:[0-9.]{7,15}|IPV6:[0-9A-F:.]{2,45}|${unknown})$`, "i")

const forms: ReadonlyMap<string, RegExp> = new Map([
  ["PORT", port],
  ["DESTPORT", port],
  ["ADDR", address],
  ["DESTADDR", address],
  ["PROTO", new RegExp(`^(?:E?SMTP|${unknown})$`, "i")],
  ["SOURCE", new RegExp(`^(?:LOCAL|REMOTE|${unknown})$`, "i")]
])

// As after the greeting: the client has to say EHLO, and is who the proxy says it is.
const beginAgain = (state: State, attributes: AttributeMap): void => {
  forget(state)
  state.hello = undefined
  state.client = merged(state.client, attributes)
  state.identity = identityOf(state.client.get("LOGIN"))
}

const forward = (state: State, attributes: AttributeMap): void => {
  state.forwarded = merged(state.forwarded, attributes)
}

const merged = (known: AttributeMap | undefined, more: AttributeMap): AttributeMap =>
  new Map([...(known ?? []), ...more])

const identityOf = (login: string | undefined): Identity | undefined =>
  login === undefined || upperCase(login) === "[UNAVAILABLE]" ? undefined : { username: login, authzid: login }

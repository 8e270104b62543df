import * as Failure from "@effect-mail/protocol/Failure"
import * as Effect from "effect/Effect"
import type * as Decider from "@effect-mail/policy/Decider"
import type * as Decision from "@effect-mail/policy/Decision"
import * as Policy from "@effect-mail/policy/Policy"
import * as Duration from "effect/Duration"

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

const where = { host: "mx.example.com", address: "192.0.2.1", port: 25 }

const reply = (stage: Failure.Refused["stage"], code: number, text: string): Failure.Failure => {
  const enhanced = /^[245]\.\d+\.\d+/.exec(text)?.[0]
  return Failure.fromProblem({ _tag: "Refused", stage, reply: { code, enhanced, lines: [text] } }, where)
}

/** 450 to RCPT, with these words. */
export const temp = (text = "4.2.0 Mailbox is busy"): Failure.Failure => reply("rcpt", 450, text)

/** 550 to RCPT. */
export const perm = (text = "5.1.1 No such user"): Failure.Failure => reply("rcpt", 550, text)

/** 554 instead of a greeting (CLASS-18). */
export const refusal = (): Failure.Failure => reply("greeting", 554, "No SMTP service here")

/** The connection was refused. */
export const unreachable = (): Failure.Failure =>
  Failure.fromProblem({ _tag: "Lost", stage: "connect", kind: "closed", detail: "connection refused" }, where)

/** 421 to MAIL: the server asks for less. */
export const busy = (text = "4.7.0 Try again later"): Failure.Failure => reply("mail", 421, text)

/** The connection was lost after the last byte (CLASS-52). */
export const uncertain = (): Failure.Failure =>
  Failure.fromProblem({ _tag: "Lost", stage: "data-end", kind: "timeout", detail: "no reply to the message" }, where)

/** Every host is resting (CLASS-15). */
export const resting = (reason = "every host of example.com is resting"): Failure.Failure =>
  Failure.unreachable({ stage: "policy", scope: "domain", next: "later", enhanced: "4.4.1", reason })

/** This machine cannot open a connection (CLASS-14). */
export const local = (): Failure.Failure =>
  Failure.unreachable({ stage: "connect", scope: "local", next: "later", enhanced: "4.3.0", reason: "EMFILE" })

export interface Course {
  /** When the attempts were made, in minutes since the first one. */
  readonly times: ReadonlyArray<number>
  /** The waits, in milliseconds. */
  readonly waits: ReadonlyArray<number>
  /** What was recorded. */
  readonly history: ReadonlyArray<Decider.Attempt>
  /** The decisions, one for each attempt. */
  readonly decisions: ReadonlyArray<Decision.Decision>
  /** The last decision, which is no retry. */
  readonly end: Decision.Decision | undefined
}

/** Makes attempts that fail as `failing` says, when the policy says, until it does not retry or `limit` is reached. */
export const run = Effect.fnUntraced(function* (
  policy: Policy.Policy,
  failing: (attempt: number, at: number) => Failure.Failure,
  options: Policy.StartOptions & { readonly limit?: number; readonly begin?: number } = {}
) {
  const decider = yield* Policy.start(policy, options)
  const begin = options.begin ?? 0
  const history: Array<Decider.Attempt> = []
  const decisions: Array<Decision.Decision> = []
  const waits: Array<number> = []
  let now = begin
  while (history.length < (options.limit ?? 2000)) {
    const failure = failing(history.length, now - begin)
    history.push({ at: now, failure })
    const decision = yield* decider.decide(failure, now)
    decisions.push(decision)
    if (decision._tag !== "Retry") break
    const wait = Duration.toMillis(decision.after)
    waits.push(wait)
    now += wait
  }
  const last = decisions.at(-1)
  const course: Course = {
    times: history.map(({ at }) => (at - begin) / minute),
    waits,
    history,
    decisions,
    end: last?._tag === "Retry" ? undefined : last
  }
  return course
})

/**
 * A conversation with a server as a value. A dialogue is a generator: it yields what to write and how many replies to
 * await, and is resumed with the replies, so that it reads like the examples in the RFCs and runs without a socket, a
 * clock or an effect. Whoever drives it (a session over a wire, a test with a list of replies) does the rest.
 *
 * A conversation that breaks is an answer, too: the driver resumes the dialogue with the replies that still came and with
 * what ended it, and the dialogue decides what that means for each recipient.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Command from "./Command.ts"
import type { Invalid, Lost, Problem, Refused } from "./Failure.ts"
import type { Reply } from "./Reply.ts"
import type { Compute } from "./SaslExchange.ts"
import type { Stage } from "./Stage.ts"

/**
 * One command, ready to be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly _tag: "Line"
  readonly stage: Stage
  /** The bytes to write, as text that is sent in UTF-8; CR LF included. Redacted when it holds a secret. */
  readonly wire: string | Redacted.Redacted
  /** The command as logs may show it. */
  readonly shown: string
}

/**
 * The message. With `dots` it is dot-stuffed and ended by a lone dot (RFC 5321 section 4.5.2); with `octets` it is written
 * as it is, after the BDAT command that announced its size (RFC 3030); with `none` only the lone dot is written, for a
 * server that wants data although nobody is to get it (RFC 2920 section 3.1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Content {
  readonly _tag: "Content"
  readonly framing: "dots" | "octets" | "none"
}

/**
 * What is written at once, and the stages of the replies that are then awaited, in order (RFC 2920).
 *
 * @category models
 * @since 0.1.0
 */
export interface Flight {
  readonly _tag: "Flight"
  readonly items: ReadonlyArray<Line | Content>
  readonly awaits: NonEmptyReadonlyArray<Stage>
  /**
   * The next message's envelope: lines that go out in the same write, behind the end of this message, and only when all of
   * it goes out. Their replies are awaited by the flight that has them as `written` items (PIPE-006).
   */
  readonly behind?: ReadonlyArray<Line> | undefined
  /** Whether the items have gone out behind the message before, so that only their replies are awaited. */
  readonly written?: boolean | undefined
}

/**
 * The TLS handshake (RFC 3207); resumed with no replies.
 *
 * @category models
 * @since 0.1.0
 */
export interface Upgrade {
  readonly _tag: "Upgrade"
}

/**
 * What a dialogue asks of its driver: to write and await, to shake hands, or to compute something that needs cryptography
 * or chance.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = Flight | Upgrade | Compute

/**
 * What a dialogue is resumed with: a reply for each awaited stage, or fewer and what ended the conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly replies: ReadonlyArray<Reply>
  readonly lost: Lost | undefined
  /** What a computation yields. */
  readonly octets?: Uint8Array | undefined
}

/**
 * A conversation that ends in an `A`.
 *
 * @category models
 * @since 0.1.0
 */
export type Dialogue<A> = Generator<Step, A, Answer>

/**
 * Encodes a command for a flight, or says why it cannot be written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const line = (command: Command.Command): Result.Result<Line, Invalid> => {
  const stage = Command.stage(command)
  const wire = Command.encode(command)
  return Result.isSuccess(wire)
    ? Result.succeed({ _tag: "Line", stage, wire: wire.success, shown: shown(command, wire.success) })
    : Result.fail({ _tag: "Invalid", stage, detail: wire.failure.message })
}

// Only what authenticates has something to hide.
const shown = (command: Command.Command, wire: string): string =>
  command._tag.startsWith("Auth") ? Command.redacted(command) : wire.slice(0, -2)

/**
 * The step that writes lines and awaits one reply for each.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flight = (items: NonEmptyReadonlyArray<Line>): Flight => ({
  _tag: "Flight",
  items,
  awaits: [items[0].stage, ...items.slice(1).map((item) => item.stage)]
})

/**
 * Awaits one reply without writing anything, as at the greeting.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* listen(stage: Stage): Dialogue<Result.Result<Reply, Lost>> {
  return single(yield { _tag: "Flight", items: [], awaits: [stage] }, stage)
}

/**
 * Writes one command and awaits its reply, whatever it is.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* ask(command: Command.Command): Dialogue<Result.Result<Reply, Lost | Invalid>> {
  const encoded = line(command)
  if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
  return single(yield flight([encoded.success]), encoded.success.stage)
}

/**
 * Writes one command and awaits a reply with one of the given codes; any other reply is a problem.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* expect(
  command: Command.Command,
  ...codes: ReadonlyArray<number>
): Dialogue<Result.Result<Reply, Problem>> {
  const reply = yield* ask(command)
  if (Result.isFailure(reply) || codes.includes(reply.success.code)) return reply
  return Result.fail(refused(Command.stage(command), reply.success, Command.redacted(command)))
}

/**
 * A reply that refuses what the dialogue asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refused = (stage: Stage, reply: Reply, command?: string): Refused => ({
  _tag: "Refused",
  stage,
  reply,
  command
})

const single = (answer: Answer, stage: Stage): Result.Result<Reply, Lost> => {
  const reply = answer.replies[0]
  return reply === undefined ? Result.fail(answer.lost ?? nothing(stage)) : Result.succeed(reply)
}

/**
 * The problem of a driver that resumed a dialogue with too few replies and no reason; a driver that keeps the contract
 * never causes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nothing = (stage: Stage): Lost => ({ _tag: "Lost", stage, kind: "closed", detail: "no reply" })

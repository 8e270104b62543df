/**
 * `effect-mail send`: composes a message or takes a ready one, sends it to the recipients' servers or to a relay, and says
 * what became of each recipient.
 *
 * @since 0.1.0
 */
import type * as Message from "@effect-mail/message/Message"
import { type DeliveryEvent, Observer } from "@effect-mail/policy/DeliveryEvent"
import * as Policy from "@effect-mail/policy/Policy"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Mailer from "effect-mail/Mailer"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { CliError } from "./CliError.ts"
import * as ExitStatus from "./ExitStatus.ts"
import { message } from "./internal/message.ts"
import { resolverFlag } from "./internal/resolver.ts"
import * as Server from "./internal/server.ts"
import * as Report from "./Report.ts"

/**
 * The command has ended with an exit status other than 0, and has said why.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendDone extends Data.TaggedError("SendDone")<{ readonly status: number }> {}

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description))

const units = { ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" } as const

// "10s" and "2m" are what people type; a bare number is seconds.
const time = (text: string): Option.Option<Duration.Duration> => {
  const [, amount, unit = "s"] = /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|s|m|h|d)?$/.exec(text.trim()) ?? []
  // The pattern lets no other unit through.
  const parsed = Duration.fromInput(`${Number(amount)} ${units[unit as keyof typeof units]}`)
  return Option.filter(parsed, Duration.isPositive)
}

const count = (text: string): Option.Option<number> =>
  /^\d{1,4}$/.test(text) && Number(text) <= 1000 ? Option.some(Number(text)) : Option.none()

const flags = {
  from: text("from", "ADDRESS", "The sender: the From field and the address that bounces go to"),
  to: text("to", "ADDRESS", "A recipient, or several with commas between them; repeat the flag for more").pipe(
    Flag.atLeast(1)
  ),
  subject: Flag.optional(text("subject", "TEXT", "The subject")),
  text: Flag.optional(text("text", "TEXT", "The text, for every reader")),
  html: Flag.optional(text("html", "HTML", "The text as HTML")),
  attach: text("attach", "FILE", "A file to attach; repeat the flag for more").pipe(Flag.atLeast(0)),
  eml: Flag.optional(text("eml", "FILE", "A ready message, sent as it is (Bcc fields, too); - reads standard input")),
  server: Flag.optional(
    text(
      "server",
      "URL",
      "smtp://[user@]host[:port] or smtps://[user@]host[:port]; without it mail goes to the recipients' own servers. " +
        "The password is taken from EFFECT_MAIL_PASSWORD, or asked for"
    )
  ),
  tls: Flag.Literals("tls", ["opportunistic", "encrypted", "required", "none"]).pipe(
    Flag.withMetavar("WORD"),
    Flag.optional,
    Flag.withDescription(
      "What TLS must reach; required for smtps:// and where there is a user name, else opportunistic. " +
        "encrypted takes any certificate"
    )
  ),
  pin: text(
    "pin",
    "PIN",
    "A key or certificate that the server must show: sha256/BASE64 of the key or SHA-256 of the certificate in " +
      "hexadecimal; repeat the flag for more. With --tls required it must be valid, too"
  ).pipe(Flag.atLeast(0)),
  proxy: Flag.optional(
    text(
      "proxy",
      "URL",
      "socks5://host[:port] or http://host[:port]: the proxy to connect through, instead of that of EFFECT_MAIL_PROXY"
    )
  ),
  ca: Flag.optional(
    text("ca", "FILE", "Certificate authorities that required TLS trusts instead of the well-known ones, in PEM")
  ),
  resolver: resolverFlag,
  ehlo: Flag.optional(text("ehlo", "NAME", "The name this machine introduces itself with")),
  timeout: text(
    "timeout",
    "TIME",
    "The longest wait for an answer, such as 10s or 2m; the verdict on a message is given a minute at least"
  ).pipe(
    Flag.filterMap(time, () => "a time such as 500ms, 10s, 2m or 1h"),
    Flag.optional
  ),
  retries: text(
    "retries",
    "N",
    "How often to try again after a temporary failure, first after 30 seconds; 0 by default"
  ).pipe(
    Flag.filterMap(count, () => "a whole number from 0 to 1000"),
    Flag.withDefault(0)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print one line of JSON per recipient, and nothing else, on standard output")
  ),
  more: Argument.String("recipient").pipe(Argument.variadic(), Argument.withDescription("Further recipients"))
}

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const send = Command.make(
  "send",
  flags,
  Effect.fnUntraced(function* ({ more, ...input }) {
    const mailer = yield* Server.mailer(input)
    const mail = yield* message({ ...input, to: [...input.to, ...more] })
    const format = input.json ? Report.json : Report.line
    const show = Effect.forEach((outcome: Receipt.Outcome) => Console.log(format(outcome)), { discard: true })
    const last = new Map<string, Receipt.Outcome>()
    const receipt = yield* deliver(mail, input.retries, last).pipe(
      Effect.provide(mailer),
      // Who breaks off a wait must still learn who has the message.
      Effect.onInterrupt(() => show(last.values()))
    )
    yield* show(receipt.outcomes)
    const status = ExitStatus.fromReceipt(receipt)
    if (status !== ExitStatus.ok) return yield* new SendDone({ status })
  }, Effect.scoped)
).pipe(
  Command.withDescription("Send a message and say what became of each recipient"),
  Command.withExamples([
    {
      command: 'effect-mail send --from ada@example.com --to bob@example.net --subject Hello --text "Hello Bob"',
      description: "Compose a message and send it to the recipient's own server"
    },
    {
      command:
        "effect-mail send --from ada@example.com --to bob@example.net --eml message.eml --server smtp://localhost:2525",
      description: "Send a ready message through a server nearby"
    }
  ])
)

// `last` gets the outcome of each recipient's last attempt. When the retries are used up, the policy's own verdict is "gave
// up"; that is about this program's patience only, and what the last server said is what its caller can act on.
const deliver = Effect.fnUntraced(function* (
  mail: Message.Message,
  retries: number,
  last: Map<string, Receipt.Outcome>
) {
  const observe = (event: DeliveryEvent): Effect.Effect<void> => {
    if (event._tag === "AttemptEnded")
      for (const outcome of event.outcomes) if (isSaid(outcome)) last.set(outcome.recipient, outcome)
    return event._tag === "Deferred" ? Console.error(`effect-mail: ${Report.waiting(event)}`) : Effect.void
  }
  const receipt = yield* Mailer.deliver(mail).pipe(
    Effect.provideService(Policy.CurrentPolicy, policyFor(retries)),
    Effect.provideService(Observer, observe),
    Effect.mapError(({ message }) => new CliError({ status: ExitStatus.data, message }))
  )
  const outcomes = receipt.outcomes.map((outcome) =>
    isSaid(outcome) ? outcome : (last.get(outcome.recipient) ?? outcome)
  )
  return new Receipt.Receipt({ ...receipt, outcomes })
})

// Not by the policy or its limits.
const isSaid = (outcome: Receipt.Outcome): boolean => outcome._tag === "Delivered" || outcome.failure.stage !== "policy"

const policyFor = (retries: number): Policy.Policy =>
  retries === 0 ? Policy.noRetry : Policy.retries(Policy.transactional, retries)

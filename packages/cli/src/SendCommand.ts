/**
 * `effect-mail send`: composes a message or takes a ready one, sends it to the recipients' servers or to a relay, and says
 * what became of each recipient.
 *
 * @since 0.1.0
 */
import * as NodeMailer from "@effect-mail/node/NodeMailer"
import { type DeliveryEvent, Observer } from "@effect-mail/delivery/DeliveryEvent"
import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import * as Policy from "@effect-mail/policy/Policy"
import * as Address from "@effect-mail/protocol/Address"
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import type { SmtpSettings } from "@effect-mail/transport/SmtpSettings"
import * as Timeouts from "@effect-mail/transport/Timeouts"
import * as Mailer from "effect-mail/Mailer"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { CliError } from "./CliError.ts"
import * as ExitStatus from "./ExitStatus.ts"
import * as Report from "./Report.ts"

/**
 * The command has ended with an exit status other than 0, and has said why.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendDone extends Data.TaggedError("SendDone")<{ readonly status: number }> {}

const flags = {
  from: Flag.String("from").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription("The sender: the From field and the address that bounces go to")
  ),
  to: Flag.String("to").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.atLeast(1),
    Flag.withDescription("A recipient; repeat the flag, or name further recipients at the end")
  ),
  subject: Flag.optional(Flag.String("subject").pipe(Flag.withDescription("The subject"))),
  text: Flag.optional(Flag.String("text").pipe(Flag.withDescription("The text, for every reader"))),
  html: Flag.optional(Flag.String("html").pipe(Flag.withDescription("The text as HTML"))),
  attach: Flag.String("attach").pipe(
    Flag.withMetavar("FILE"),
    Flag.atLeast(0),
    Flag.withDescription("A file to attach; repeat the flag for more")
  ),
  eml: Flag.String("eml").pipe(
    Flag.withMetavar("FILE"),
    Flag.optional,
    Flag.withDescription("A ready message, sent as it is; - reads it from standard input")
  ),
  server: Flag.String("server").pipe(
    Flag.withMetavar("URL"),
    Flag.optional,
    Flag.withDescription(
      "smtp://[user@]host[:port] or smtps://[user@]host[:port]; without it mail goes to the recipients' own servers. " +
        "The password is taken from EFFECT_MAIL_PASSWORD, or asked for"
    )
  ),
  tls: Flag.Literals("tls", ["opportunistic", "required", "none"]).pipe(
    Flag.optional,
    Flag.withDescription("What TLS must reach; required when there is a user name, else opportunistic")
  ),
  ca: Flag.String("ca").pipe(
    Flag.withMetavar("FILE"),
    Flag.optional,
    Flag.withDescription("Certificate authorities to trust instead of the well-known ones, in PEM")
  ),
  ehlo: Flag.String("ehlo").pipe(
    Flag.withMetavar("NAME"),
    Flag.optional,
    Flag.withDescription("The name this machine introduces itself with")
  ),
  timeout: Flag.String("timeout").pipe(
    Flag.withMetavar("DURATION"),
    Flag.optional,
    Flag.withDescription("The longest wait for any answer of a server, such as 10s or 2m")
  ),
  retries: Flag.Int("retries").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))),
    Flag.withDefault(0),
    Flag.withDescription("How often to try again after a temporary failure, waiting longer each time")
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print one line of JSON per recipient")
  ),
  more: Argument.String("recipient").pipe(Argument.variadic(), Argument.withDescription("Further recipients"))
}

type Input = Command.Command.Config.Infer<typeof flags>

const fail = (status: number, message: string): CliError => new CliError({ status, message })

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const send = Command.make(
  "send",
  flags,
  Effect.fnUntraced(function* (input) {
    const recipients = [...input.to, ...input.more]
    const message = yield* Option.isSome(input.eml)
      ? ready(input, recipients, input.eml.value)
      : composed(input, recipients)
    const mailer = yield* mailerFor(input)
    const receipt = yield* Mailer.deliver(message).pipe(
      Effect.provide(mailer),
      Effect.provideService(Policy.CurrentPolicy, policyFor(input.retries)),
      Effect.provideService(Observer, input.json ? () => Effect.void : announce),
      Effect.catchTag("MessageError", (error) => Effect.fail(fail(ExitStatus.data, error.message)))
    )
    yield* Effect.forEach(receipt.outcomes, (outcome) =>
      Console.log(input.json ? Report.json(outcome) : Report.line(outcome))
    )
    const status = ExitStatus.fromReceipt(receipt)
    if (status !== ExitStatus.ok) return yield* new SendDone({ status })
  })
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

const policyFor = (retries: number): Policy.Policy =>
  retries === 0 ? Policy.noRetry : Policy.retries(Policy.transactional, retries)

const announce = (event: DeliveryEvent): Effect.Effect<void> =>
  event._tag === "Waiting"
    ? Console.error(
        `effect-mail: ${event.failure.message}; trying ${event.recipients.join(", ")} again in ${Duration.format(event.after)}`
      )
    : Effect.void

const composed = Effect.fnUntraced(function* (input: Input, recipients: ReadonlyArray<string>) {
  const attachments = yield* Effect.forEach(input.attach, (path) =>
    Effect.mapError(Attachment.file(path), (error) => fail(ExitStatus.data, error.message))
  )
  return Message.make({
    from: input.from,
    to: recipients,
    subject: Option.getOrUndefined(input.subject),
    text: Option.getOrUndefined(input.text) ?? (Option.isNone(input.html) ? "" : undefined),
    html: Option.getOrUndefined(input.html),
    attachments
  })
})

const ready = Effect.fnUntraced(function* (input: Input, recipients: ReadonlyArray<string>, path: string) {
  const composing = [input.subject, input.text, input.html].some(Option.isSome) || input.attach.length > 0
  if (composing) {
    return yield* fail(
      ExitStatus.usage,
      "--eml sends a ready message; leave out --subject, --text, --html and --attach"
    )
  }
  const bytes = yield* path === "-" ? standardInput : file(path, ExitStatus.data)
  return Message.eml(bytes, {
    envelope: { from: yield* bare(input.from), to: yield* Effect.forEach(recipients, bare) }
  })
})

// The envelope of a ready message holds addresses alone, but people write "Ada <ada@example.com>" there, too.
const bare = (text: string) =>
  Effect.mapError(Effect.fromResult(Address.parseLenient(text)), (error) => fail(ExitStatus.data, error.message))

const standardInput = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const chunks = yield* Stream.runCollect(stdio.stdin)
  return new Uint8Array(yield* Effect.promise(() => new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer()))
}).pipe(Effect.catchTag("PlatformError", () => Effect.fail(fail(ExitStatus.data, "Standard input cannot be read"))))

const file = Effect.fnUntraced(function* (path: string, status: number) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* Effect.mapError(fileSystem.readFile(path), (error) =>
    fail(
      status,
      `The file ${JSON.stringify(path)} cannot be read (${error.message}); check its name and its permissions`
    )
  )
})

const mailerFor = Effect.fnUntraced(function* (input: Input) {
  const ca = Option.isSome(input.ca)
    ? new TextDecoder().decode(yield* file(input.ca.value, ExitStatus.configuration))
    : undefined
  const smtp: Partial<SmtpSettings> = {
    ...(Option.isSome(input.ehlo) ? { name: yield* ehloName(input.ehlo.value) } : {}),
    ...(Option.isSome(input.timeout)
      ? { timeouts: Timeouts.atMost(Timeouts.standard, yield* duration(input.timeout.value)) }
      : {})
  }
  const dialer = { ca }
  const tls = Option.map(input.tls, (word) => policies[word])
  if (Option.isNone(input.server)) {
    return NodeMailer.layer({
      smtp,
      dialer,
      routing: { tls: () => Option.getOrElse(tls, () => TlsPolicy.opportunistic) }
    })
  }
  const url = yield* Effect.mapError(Effect.fromResult(ServerUrl.parse(input.server.value)), (error) =>
    fail(ExitStatus.usage, `--server: ${error.message}`)
  )
  if (url.password !== undefined) {
    return yield* fail(
      ExitStatus.usage,
      "--server: a password on the command line can be read by everybody on this machine; put it into EFFECT_MAIL_PASSWORD"
    )
  }
  const endpoint = new Endpoint.Endpoint({ ...url.endpoint, tls: Option.getOrElse(tls, () => url.endpoint.tls) })
  const credentials =
    url.username === undefined
      ? {}
      : { credentials: new Sasl.Password({ username: url.username, password: yield* password }) }
  return NodeMailer.layerRelay([endpoint], { smtp: { ...smtp, ...credentials }, dialer })
})

const policies = {
  opportunistic: TlsPolicy.opportunistic,
  required: TlsPolicy.required,
  none: TlsPolicy.none
} as const

const ehloName = (name: string) =>
  Effect.mapError(Effect.fromResult(Address.parseEhloName(name)), (error) =>
    fail(ExitStatus.configuration, `--ehlo: ${error.message}`)
  )

// "10s" and "2m" are what people type; Effect's own "10 seconds" is understood, too.
const duration = (text: string): Effect.Effect<Duration.Duration, CliError> => {
  const short = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h|d)?$/.exec(text.trim())
  const units = { ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" } as const
  const parsed =
    short === null
      ? Duration.fromInput(text as Duration.Input) // a string that is no duration gives undefined
      : Duration.fromInput(`${Number(short[1])} ${units[(short[2] ?? "s") as keyof typeof units]}`) // the pattern allows these
  return Option.isSome(parsed) && Duration.isGreaterThan(parsed.value, Duration.zero)
    ? Effect.succeed(parsed.value)
    : Effect.fail(
        fail(ExitStatus.usage, `--timeout: ${JSON.stringify(text)} is not a duration; write 500ms, 10s, 2m or 1h`)
      )
}

const password: Effect.Effect<Redacted.Redacted, CliError, Prompt.Environment | Stdio.Stdio> = Effect.gen(function* () {
  const configured = yield* Effect.orDie(Config.option(Config.Redacted("EFFECT_MAIL_PASSWORD")))
  if (Option.isSome(configured)) return configured.value
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal)) {
    return yield* fail(ExitStatus.configuration, "The server needs a password; put it into EFFECT_MAIL_PASSWORD")
  }
  return yield* Effect.mapError(Prompt.run(Prompt.Password({ message: "Password" })), () =>
    fail(ExitStatus.configuration, "No password was given")
  )
})

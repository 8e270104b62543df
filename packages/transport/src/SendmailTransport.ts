/**
 * Hands messages to a local mail program: `sendmail`, or what Postfix, Exim, OpenSMTPD, msmtp and others install under that
 * name. The program is started without a shell, its recipients stand behind `--`, and an address that begins with a hyphen is
 * put in quotation marks, so that no address is ever read as anything else (SEND-003, SEND-004, CVE-2020-7769).
 *
 * A message that breaks off, or whose sending is interrupted, ends the program before it can see an end of the input: half a
 * message is never queued. What we compose is handed over as 7bit, since not every such program encodes it when the next server
 * takes nothing else. Exit code 0 means that the message is queued here; what the program cannot deliver later comes
 * back as mail (SEND-006). One call has one outcome for all its recipients (SEND-008).
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Handover from "./internal/handover.ts"
import * as Outcomes from "./internal/outcomes.ts"
import * as UnixLines from "./internal/unixLines.ts"
import * as Sysexits from "./Sysexits.ts"
import { Transport } from "./Transport.ts"

/**
 * Which program, and how it is called.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendmailSettings {
  /** The program; `/usr/sbin/sendmail`. A name without a slash is looked for in the PATH. */
  readonly path: string
  /** Arguments in front of ours, such as `["-C", "/etc/other.cf"]`; none. */
  readonly args: ReadonlyArray<string>
  /**
   * Whether the program takes `-N`, `-R` and `-V`, the wishes for notifications (RFC 3461), and how it reads the envelope
   * id of `-V`: as it is (`plain`, Postfix) or encoded (`xtext`, Sendmail); false.
   */
  readonly dsn: false | "plain" | "xtext"
  /** What becomes of such a wish when it does not; `omit`. */
  readonly onMissing: "refuse" | "omit"
  /** How long one call may take before the program is ended; 10 minutes, since some programs deliver before they exit. */
  readonly timeout: Duration.Input
}

/**
 * The default settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: SendmailSettings = {
  path: "/usr/sbin/sendmail",
  args: [],
  dsn: false,
  onMissing: "omit",
  timeout: Duration.minutes(10)
}

// Each recipient is an argument of at most 320 octets or so, and an operating system takes about two megabytes of them.
const maxRecipients = 1000

// As much of what the program prints as is kept (SEND-006).
const maxSaid = 65_536

// How long the program has to end itself before it is killed.
const grace = Duration.seconds(2)

/**
 * The arguments with which the program is called for one parcel: `-i`, so that a lone dot ends nothing; `-f` with the
 * reverse-path, `<>` when it is null; what is asked of notifications; `--` and the recipients. An address that begins with a
 * hyphen gets quotation marks around its local part, which is the same mailbox (RFC 5321 section 4.1.2).
 *
 * @category encoding
 * @since 0.1.0
 */
export const argumentsOf = (
  parcel: Parcel.Parcel,
  wishes: {
    readonly ret?: string | undefined
    readonly envelopeId?: string | undefined
    readonly notify?: string | undefined
  } = {}
): ReadonlyArray<string> => {
  const { recipients, reversePath } = parcel.envelope
  return [
    "-i",
    "-f",
    reversePath === "" ? "<>" : noOption(reversePath),
    ...(wishes.ret === undefined ? [] : ["-R", wishes.ret.toLowerCase()]),
    ...(wishes.envelopeId === undefined ? [] : ["-V", wishes.envelopeId]),
    ...(wishes.notify === undefined ? [] : ["-N", wishes.notify.toLowerCase()]),
    "--",
    ...recipients.map(({ address }) => noOption(address))
  ]
}

const noOption = (path: string): string => (path.startsWith("-") ? path.replace(/^(.*)@/, '"$1"@') : path)

/**
 * A transport that calls a local mail program, once for up to 1000 recipients who want the same notifications.
 *
 * It fails when the message cannot be read before anybody has it. Exit codes are read by `Sysexits`. A program that is
 * missing or cannot be started is a permanent fact about this way out (SYS-127), one that takes longer than `timeout` a
 * `TempFailure`, uncertain when it had the whole message. REQUIRETLS, FUTURERELEASE and binary content cannot be asked of a
 * program and are refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  settings?: Partial<SendmailSettings>
): Effect.fn.Return<Transport["Service"], never, ChildProcessSpawner> {
  const spawner = yield* ChildProcessSpawner
  const all = { ...standard, ...settings }
  return { send: (parcel) => Effect.provideService(send(parcel, all), ChildProcessSpawner, spawner) }
})

/**
 * The transport as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (settings?: Partial<SendmailSettings>): Layer.Layer<Transport, never, ChildProcessSpawner> =>
  Layer.effect(Transport, make(settings))

const send = Effect.fnUntraced(function* (parcel: Parcel.Parcel, settings: SendmailSettings) {
  const plan = Handover.plan(parcel, settings.dsn !== false, settings.onMissing)
  const calls = plan.groups.flatMap((group) => {
    const { options } = group.parcel.envelope
    const wishes = { ...group, envelopeId: settings.dsn === "plain" ? options.envelopeId : group.envelopeId }
    return Arr.chunksOf(group.parcel.envelope.recipients, maxRecipients).map((recipients) => ({
      parcel: Parcel.withRecipients(group.parcel, recipients),
      send: (part: Parcel.Parcel) => call(part, argumentsOf(part, wishes), settings)
    }))
  })
  const sent = Outcomes.withOmitted(yield* Outcomes.inTurn(calls), plan.omitted)
  return Outcomes.inOrder(parcel.envelope, [...plan.refused, ...sent])
})

const call = Effect.fnUntraced(function* (
  parcel: Parcel.Parcel,
  args: ReadonlyArray<string>,
  { path, args: before, timeout }: SendmailSettings
) {
  // Whether the program has got the message to its end.
  let handed = false
  const body = Stream.onEnd(
    UnixLines.stream(parcel.body),
    Effect.sync(() => (handed = true))
  )
  const command = ChildProcess.make(path, [...before, ...args], { forceKillAfter: grace })
  const result = yield* Effect.timeoutOption(run(command, body), timeout)
  if (Option.isNone(result)) return Outcomes.allFailed(parcel, tooSlow(path, Duration.fromInputUnsafe(timeout), handed))
  return Option.match(verdict(path, result.value, handed), {
    onNone: () => Outcomes.delivered(parcel, `Queued by ${path}`),
    onSome: (failure) => Outcomes.allFailed(parcel, failureFor(parcel, failure))
  })
})

// How a program ended.
type Ended =
  | { readonly _tag: "NotStarted"; readonly error: PlatformError }
  | { readonly _tag: "Killed" }
  | { readonly _tag: "Exited"; readonly code: number; readonly read: boolean; readonly said: string }

/*
 * The program must not see the end of its input unless the message has ended, or it would take half a message for a whole
 * one. So the fiber that writes lives longer than the program: whatever goes wrong, the program is ended first.
 */
const run = Effect.fnUntraced(function* (
  command: ChildProcess.Command,
  body: Stream.Stream<Uint8Array, MessageError>
): Effect.fn.Return<Ended, MessageError, ChildProcessSpawner> {
  const unreadable = yield* Deferred.make<never, MessageError>()
  const source = Stream.catch(body, (error) =>
    Stream.fromEffectDrain(Effect.andThen(Deferred.fail(unreadable, error), Effect.never))
  )
  return yield* Effect.scoped(
    Effect.flatMap(Effect.scope, (outer) =>
      Effect.scoped(
        Effect.gen(function* () {
          const spawned = yield* Effect.result(command)
          if (Result.isFailure(spawned)) return { _tag: "NotStarted", error: spawned.failure } as const
          const program = spawned.success
          const printed = yield* listen(program.all)
          const writing = yield* Effect.forkIn(Stream.run(source, program.stdin), outer)
          const exit = yield* Effect.raceFirst(Effect.result(program.exitCode), Deferred.await(unreadable))
          if (Result.isFailure(exit)) return { _tag: "Killed" } as const
          const code = exit.success
          if (code !== 0) return { _tag: "Exited", code, read: true, said: yield* printed.said } as const
          // It may have left a process behind that delivers; that one is not ours to end.
          yield* Effect.ignore(program.unref)
          return { _tag: "Exited", code: 0, read: yield* ended(writing, unreadable), said: "" } as const
        })
      )
    )
  )
})

// Whether all of the message was written to a program that has ended: if so, it is known at once.
const ended = (writing: Fiber.Fiber<void, unknown>, unreadable: Deferred.Deferred<never, MessageError>) =>
  Effect.map(Fiber.await(writing), Exit.isSuccess).pipe(
    Effect.raceFirst(Effect.as(Effect.exit(Deferred.await(unreadable)), false)),
    Effect.timeoutOption("5 seconds"),
    Effect.map(Option.getOrElse(() => false))
  )

// Reads what the program prints, so that it never waits for us. A process that it left behind may keep the pipe open, so
// that `said` waits for the end no longer than a second.
const listen = Effect.fnUntraced(function* (output: Stream.Stream<Uint8Array, PlatformError>) {
  const decoder = new TextDecoder()
  let said = ""
  const keep = (chunk: Uint8Array) =>
    Effect.sync(() => {
      if (said.length < maxSaid) said += decoder.decode(chunk, { stream: true }).slice(0, maxSaid - said.length)
    })
  const reading = yield* Effect.forkScoped(Stream.runForEach(output, keep))
  return { said: Effect.map(Effect.timeoutOption(Fiber.await(reading), "1 second"), () => said) }
})

const verdict = (program: string, ended: Ended, handed: boolean): Option.Option<Failure.Failure> => {
  switch (ended._tag) {
    case "NotStarted":
      return Option.some(notStarted(program, ended.error))
    case "Killed":
      return Option.some(killed(program, handed))
    case "Exited":
      if (ended.code !== 0) {
        return Option.some(Sysexits.failure(ended.code, { program, said: ended.said, uncertain: handed }))
      }
      return ended.read ? Option.none() : Option.some(notRead(program))
  }
}

// What is said of one recipient holds for the whole call when there are more, and nobody knows of whom it was said.
const failureFor = (parcel: Parcel.Parcel, failure: Failure.Failure): Failure.Failure =>
  failure._tag === "PermFailure" && failure.scope === "recipient" && parcel.envelope.recipients.length > 1
    ? Failure.perm({ ...failure, scope: "message" })
    : failure

const notStarted = (program: string, { reason }: PlatformError) => {
  // The error's own text holds the whole command line, and so every recipient.
  const temporary = !["NotFound", "PermissionDenied", "BadArgument", "BadResource"].includes(reason._tag)
  const base = { stage: "connect" as const, reason: `${program} cannot be started (${reason._tag})` }
  return temporary
    ? Failure.temp({ ...base, scope: "host", next: "host", enhanced: "4.3.0" })
    : Failure.perm({
        ...base,
        scope: "host",
        next: "host",
        enhanced: "5.3.5",
        hint: "Install a mail program there, or set the path"
      })
}

// Whoever did it: what it had of the message may be queued.
const killed = (program: string, uncertain: boolean) =>
  Failure.temp({
    stage: "data-end",
    scope: "host",
    next: "later",
    enhanced: "4.3.0",
    reason: `${program} was killed by a signal`,
    uncertain
  })

const notRead = (program: string) =>
  Failure.temp({
    stage: "data-end",
    scope: "message",
    next: "later",
    enhanced: "4.3.0",
    reason: `${program} said that it took the message, but did not read it to its end`,
    uncertain: true
  })

const tooSlow = (program: string, timeout: Duration.Duration, uncertain: boolean) =>
  Failure.temp({
    stage: "data-end",
    scope: "host",
    next: "later",
    enhanced: "4.4.2",
    reason: `${program} did not end within ${Duration.format(timeout)}`,
    uncertain
  })

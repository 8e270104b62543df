/** The entries of an mbox file, and how they are appended. */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Files from "./files.ts"
import * as Mboxrd from "./mboxrd.ts"

const encoder = new TextEncoder()
const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const two = (n: number, fill: string): string => n.toString().padStart(2, fill)

// The form of asctime, in UTC: `Thu Jan  1 00:00:00 1970`.
const asctime = (millis: number): string => {
  const date = new Date(millis)
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((n) => two(n, "0")).join(":")
  const day = `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${two(date.getUTCDate(), " ")}`
  return `${day} ${time} ${date.getUTCFullYear()}`
}

// Readers look for the date behind the first space.
const senderOf = (reversePath: string): string =>
  reversePath === "" ? "MAILER-DAEMON" : reversePath.replace(/[\u0000-\u0020\u007f]/g, "-")

/** A message with LF line ends as it stands in an mbox. */
export const entry = <E>(
  reversePath: string,
  millis: number,
  lines: Stream.Stream<Uint8Array, E>
): Stream.Stream<Uint8Array, E> =>
  Stream.suspend(() => {
    const quoter = Mboxrd.make()
    const end = Stream.suspend(() => {
      const { lineEnded, rest } = quoter.end()
      return Stream.make(rest, encoder.encode(lineEnded ? "\n" : "\n\n"))
    })
    return Stream.succeed(encoder.encode(`From ${senderOf(reversePath)} ${asctime(millis)}\n`)).pipe(
      Stream.concat(Stream.map(lines, (chunk) => quoter.push(chunk))),
      Stream.concat(end)
    )
  })

/** Somebody else holds the lock of the mailbox. */
export class Locked extends Data.TaggedError("MailboxLocked")<{ readonly failure: Failure.Failure }> {}

const locked = (lock: string) =>
  new Locked({
    failure: Failure.temp({
      stage: "data-end",
      scope: "host",
      next: "later",
      enhanced: "4.2.0",
      reason: `the mailbox is locked: ${lock} is there`,
      hint: "Remove it when no program uses the mailbox"
    })
  })

const lockFor = (file: string, mode: number) => {
  const lock = `${file}.lock`
  const take = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFile(lock, new Uint8Array(), { flag: "wx", mode })
  })
  const isTaken = (error: PlatformError) => error.reason._tag === "AlreadyExists"
  const patient = Effect.retry(take, { while: isTaken, schedule: Schedule.spaced("100 millis"), times: 300 })
  return Effect.acquireRelease(
    Effect.catchIf(patient, isTaken, () => Effect.fail(locked(lock))),
    () => Files.removeQuietly(lock),
    { interruptible: true }
  )
}

// A message begins behind an empty line, whatever another program left there.
const separator = Effect.fnUntraced(function* (file: FileSystem.File, size: bigint) {
  if (size === 0n) return ""
  const tail = new Uint8Array(2)
  const count = yield* file.read(tail, { position: size > 2n ? size - 2n : 0n })
  if (tail[count - 1] !== 10) return "\n\n"
  return count === 2 && tail[0] !== 10 ? "\n" : ""
})

/** Appends a file that holds an entry to an mbox, under its lock; takes back what was appended when that fails. */
export const append = (spool: string, target: string, mode: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* lockFor(target, mode)
      const file = yield* fs.open(target, { flag: "a+", mode })
      const before = (yield* file.stat).size
      const gap = yield* separator(file, BigInt(before.toString()))
      const path = yield* Path.Path
      const write = Stream.succeed(encoder.encode(gap)).pipe(
        Stream.concat(fs.stream(spool)),
        Stream.runForEach((chunk) => file.writeAll(chunk)),
        Effect.andThen(file.sync),
        // The file may be new.
        Effect.andThen(Files.syncFolder(path.dirname(target)))
      )
      yield* Effect.uninterruptible(
        Effect.onError(write, () => Effect.ignore(Effect.andThen(file.truncate(Number(before)), file.sync)))
      )
    })
  )

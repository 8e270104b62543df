/** Files that appear whole, synced and under names of their own, or not at all. */
import type { Parcel } from "@effect-mail/message/Parcel"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

const encoder = new TextEncoder()

let counter = 0

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, "0")

/** A name that no other message gets: the time, chance, and a counter of this process. */
export const uniqueName = Effect.fnUntraced(function* () {
  const millis = yield* Clock.currentTimeMillis
  const [high, low] = [yield* Random.nextIntBetween(0, 0xffff_ffff), yield* Random.nextIntBetween(0, 0xffff_ffff)]
  const seconds = Math.floor(millis / 1000)
  return `${seconds}.M${(millis % 1000) * 1000}Q${++counter}_R${hex(high, 8)}${hex(low, 8)}`
})

/** A host as it may stand in a file name of a Maildir: `/` and `:` as the convention has it, others as `_`. */
export const escapeHost = (host: string): string =>
  host
    .replaceAll("/", "\\057")
    .replaceAll(":", "\\072")
    .replace(/[^A-Za-z0-9._\\-]/g, "_")
    .slice(0, 200)

/** Makes a folder and those above it; whoever may read its files may enter it. */
export const makeFolder = Effect.fnUntraced(function* (folder: string, mode: number) {
  const fs = yield* FileSystem.FileSystem
  // A folder can be entered with x wherever its files can be read with r.
  yield* fs.makeDirectory(folder, { recursive: true, mode: mode | ((mode & 0o444) >> 2) })
})

/** Removes a file of ours; that it is gone already is fine. */
export const removeQuietly = Effect.fnUntraced(function* (path: string) {
  yield* Effect.ignore((yield* FileSystem.FileSystem).remove(path, { force: true }))
})

/** What the last server puts in front of a message. */
export const trace = ({ envelope }: Parcel, wanted: boolean, newline: string): Stream.Stream<Uint8Array> => {
  if (!wanted) return Stream.empty
  const fields = [
    `Return-Path: <${envelope.reversePath}>`,
    ...envelope.recipients.map(({ address }) => `Delivered-To: ${address}`)
  ]
  return Stream.succeed(encoder.encode(fields.map((field) => `${field}${newline}`).join("")))
}

/** Writes a file that is not there yet and syncs it; of one that cannot be finished nothing stays. */
export const writeNew = <E>(path: string, content: Stream.Stream<Uint8Array, E>, mode: number) =>
  Effect.scoped(
    // An interruption between the opening and the writing would leave the file behind.
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = yield* fs.open(path, { flag: "wx", mode })
        const written = Stream.runForEach(content, (chunk) => file.writeAll(chunk))
        yield* Effect.onExit(restore(Effect.andThen(written, file.sync)), (exit) =>
          exit._tag === "Failure" ? removeQuietly(path) : Effect.void
        )
      })
    )
  )

/** What was put into a folder is only there for good once the folder is synced. Some systems cannot open one for it. */
export const syncFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const sync = Effect.scoped(Effect.flatMap(fs.open(folder, { flag: "r" }), (file) => file.sync))
  yield* Effect.catchIf(
    sync,
    ({ reason }) => reason._tag === "PermissionDenied" || reason._tag === "BadResource",
    () => Effect.void
  )
})

/** Writes a file under one name, and links it to another where nothing may be yet. */
export const writeVia = Effect.fnUntraced(function* <E>(
  draft: string,
  target: string,
  content: Stream.Stream<Uint8Array, E>,
  mode: number
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* writeNew(draft, content, mode)
  const put = Effect.gen(function* () {
    yield* fs.link(draft, target)
    yield* Effect.onError(syncFolder(path.dirname(target)), () => removeQuietly(target))
  })
  yield* Effect.uninterruptible(Effect.ensuring(put, removeQuietly(draft)))
})

const permanent = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG", "EISDIR", "ELOOP", "ENOENT"])

const codeOf = ({ reason }: PlatformError): string | undefined => {
  const { cause } = reason
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined
}

/** What a disk's trouble means (SEND-014): for good when we may not write there, else for now. */
export const failure = (error: PlatformError): Failure.Failure => {
  const code = codeOf(error)
  const base = { stage: "data-end" as const, scope: "host" as const, reason: error.message }
  const known = code ?? error.reason._tag
  return permanent.has(known) || ["PermissionDenied", "BadResource", "BadArgument"].includes(error.reason._tag)
    ? Failure.perm({ ...base, next: "host", enhanced: "5.3.5", hint: "Check the path and who may write there" })
    : Failure.temp({ ...base, next: "later", enhanced: known === "ENOSPC" || known === "EDQUOT" ? "4.3.1" : "4.3.0" })
}

/**
 * Keeps messages in files: one `.eml` each, an mbox, or a Maildir. For archives and development, and for the last step of a
 * local delivery.
 *
 * A message becomes visible as a whole or not at all: it is written beside its place, synced to the disk and then put there.
 * Nothing that is there is ever overwritten, and a name is made of the time, chance and a counter, never of what a message
 * says. Accepted means that the file and its folder were synced. Text in files is 8bit where `Encoding.CurrentWidest` allows it; nothing
 * that we composed is binary, since lines are all that a mailbox can hold.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import { bodyFor, type Parcel } from "@effect-mail/message/Parcel"
import type { Outcome } from "@effect-mail/protocol/Receipt"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Files from "./internal/files.ts"
import * as Mbox from "./internal/mbox.ts"
import * as Outcomes from "./internal/outcomes.ts"
import * as UnixLines from "./internal/unixLines.ts"
import { Transport } from "./Transport.ts"

/**
 * How files are made.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileSettings {
  /**
   * Whether `Return-Path` and a `Delivered-To` for each recipient are put in front (RFC 5321 section 4.4, RFC 9228), as the
   * last server does; false. The envelope is lost without, and it tells of recipients that the message may not name.
   */
  readonly trace: boolean
  /** The permissions of new files, in octal; `0o600`. New folders can be entered, too, by whoever can read their files. */
  readonly mode: number
  /** What stands for this machine in the names of a Maildir; `localhost`. Characters that mean something there are escaped. */
  readonly host: string
}

/**
 * The default settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: FileSettings = { trace: false, mode: 0o600, host: "localhost" }

type Needs = FileSystem.FileSystem | Path.Path
type Write = (parcel: Parcel) => Effect.Effect<string, PlatformError | MessageError | Mbox.Locked, Needs>

const transport = Effect.fnUntraced(function* (write: Write): Effect.fn.Return<Transport["Service"], never, Needs> {
  const services = yield* Effect.context<Needs>()
  const send = Effect.fnUntraced(function* (parcel: Parcel): Effect.fn.Return<ReadonlyArray<Outcome>, MessageError> {
    return yield* write(parcel).pipe(
      Effect.map((name) => Outcomes.delivered(parcel, `Kept in ${name}`)),
      Effect.catchTags({
        PlatformError: (error) => Effect.succeed(Outcomes.allFailed(parcel, Files.failure(error))),
        MailboxLocked: ({ failure }) => Effect.succeed(Outcomes.allFailed(parcel, failure))
      }),
      Effect.provideContext(services)
    )
  })
  return { send }
})

// Where a message is written, and where it is put once it is there.
interface Place {
  readonly folders: ReadonlyArray<string>
  readonly draft: string
  readonly target: string
}

interface Layout {
  readonly newline: "\r\n" | "\n"
  /** For a message with a name that no other one gets. */
  readonly place: (unique: string, path: Path.Path) => Place
}

// A file for each message.
const oneEach = (layout: Layout, { mode, trace }: FileSettings): Effect.Effect<Transport["Service"], never, Needs> =>
  transport(
    Effect.fnUntraced(function* (parcel) {
      const { draft, folders, target } = layout.place(yield* Files.uniqueName(), yield* Path.Path)
      for (const folder of folders) yield* Files.makeFolder(folder, mode)
      const body = bodyFor(parcel, "8bit")
      const lines = layout.newline === "\n" ? UnixLines.stream(body) : body.stream
      yield* Files.writeVia(draft, target, Stream.concat(Files.trace(parcel, trace, layout.newline), lines), mode)
      return target
    })
  )

/**
 * Writes each message to a file `<unique>.eml` in a folder, octet for octet with CRLF line ends. The folder is made when it
 * is missing.
 *
 * Sending fails when the message cannot be read. A disk that is full or broken is a `TempFailure`, a place where we may not
 * write a `PermFailure` of the host (SEND-014), for all recipients alike.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeEml = (
  folder: string,
  settings?: Partial<FileSettings>
): Effect.Effect<Transport["Service"], never, Needs> => {
  const place: Layout["place"] = (unique, path) => ({
    folders: [folder],
    draft: path.join(folder, `.${unique}.eml.part`),
    target: path.join(folder, `${unique}.eml`)
  })
  return oneEach({ newline: "\r\n", place }, { ...standard, ...settings })
}

/**
 * Delivers each message to a Maildir: written to `tmp`, then put into `new`, with LF line ends (SEND-013). The folders are
 * made when they are missing. Fails and answers as `makeEml` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMaildir = (
  folder: string,
  settings?: Partial<FileSettings>
): Effect.Effect<Transport["Service"], never, Needs> => {
  const all = { ...standard, ...settings }
  const place: Layout["place"] = (unique, path) => {
    const name = `${unique}.${Files.escapeHost(all.host)}`
    return {
      folders: ["tmp", "new", "cur"].map((part) => path.join(folder, part)),
      draft: path.join(folder, "tmp", name),
      target: path.join(folder, "new", name)
    }
  }
  return oneEach({ newline: "\n", place }, all)
}

/**
 * Appends each message to an mbox, quoted as mboxrd, with LF line ends (SEND-011). The message is first written beside the
 * file, so that one which breaks off never touches it; then it is appended under a lock (`<file>.lock`, and in turn within
 * this transport), and what was appended is taken back when that fails. Only a crash of the machine in that moment can leave
 * a part of a message; a Maildir has not even that.
 *
 * Fails and answers as `makeEml` does; a lock that others hold for 30 seconds is a `TempFailure`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMbox = (
  file: string,
  settings?: Partial<FileSettings>
): Effect.Effect<Transport["Service"], never, Needs> => {
  const all = { ...standard, ...settings }
  const turns = Semaphore.makeUnsafe(1)
  return transport(
    Effect.fnUntraced(function* (parcel) {
      const path = yield* Path.Path
      yield* Files.makeFolder(path.dirname(file), all.mode)
      const unique = yield* Files.uniqueName()
      const spool = path.join(path.dirname(file), `.${path.basename(file)}.${unique}.part`)
      const lines = Stream.concat(Files.trace(parcel, all.trace, "\n"), UnixLines.stream(bodyFor(parcel, "8bit")))
      const entry = Mbox.entry(parcel.envelope.reversePath, yield* Clock.currentTimeMillis, lines)
      yield* Effect.ensuring(
        Effect.andThen(
          Files.writeNew(spool, entry, all.mode),
          Semaphore.withPermit(turns, Mbox.append(spool, file, all.mode))
        ),
        Files.removeQuietly(spool)
      )
      return file
    })
  )
}

/**
 * `makeEml` as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEml = (folder: string, settings?: Partial<FileSettings>): Layer.Layer<Transport, never, Needs> =>
  Layer.effect(Transport, makeEml(folder, settings))

/**
 * `makeMaildir` as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMaildir = (folder: string, settings?: Partial<FileSettings>): Layer.Layer<Transport, never, Needs> =>
  Layer.effect(Transport, makeMaildir(folder, settings))

/**
 * `makeMbox` as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMbox = (file: string, settings?: Partial<FileSettings>): Layer.Layer<Transport, never, Needs> =>
  Layer.effect(Transport, makeMbox(file, settings))

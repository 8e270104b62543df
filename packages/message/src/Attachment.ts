/**
 * What is attached to a message: content with a name and a type. Content is bytes or text that the caller holds, a stream
 * that is run when the message is sent, or a file opened on purpose by `file`; nothing is ever fetched or opened because a
 * string looked like a path or a URL.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { mediaTypeOf } from "./internal/mediaTypes.ts"
import * as MessageError from "./MessageError.ts"

/**
 * Bytes that are produced each time the message is sent, and never held as a whole. A message is sent as often as its
 * delivery is tried, and read once more for a DKIM signature: the stream must give the same bytes each time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streamed {
  /** A piece need stay as it is only until the next is asked for, so that one buffer can do for all of them. */
  readonly stream: Stream.Stream<Uint8Array, MessageError.MessageError>
  /** How many octets it gives, when that is known: a stream that gives more or less fails with `bad-attachment`. */
  readonly size?: number | undefined
}

/**
 * An attachment as an application gives it; it is checked when the message is rendered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachment {
  /** The bytes, text that is sent as UTF-8, or a stream of bytes; see `stream`. */
  readonly content: Uint8Array | string | Streamed
  /** The file name to suggest; a directory in front of it is left out. */
  readonly name?: string | undefined
  /** The media type, parameters allowed, such as `text/csv; header=present`; by default it follows from the name. */
  readonly type?: string | undefined
  /** Whether readers show it in place or offer it for saving (RFC 2183); `attachment` by default. */
  readonly disposition?: "attachment" | "inline" | undefined
  /** Content-ID without angle brackets, to which HTML refers as `cid:...` (RFC 2392). */
  readonly cid?: string | undefined
}

/**
 * What can be said of a file besides where it is.
 *
 * @category models
 * @since 0.1.0
 */
export type FileOptions = Omit<Attachment, "content">

/**
 * The media type that a file name suggests, `application/octet-stream` when it suggests none.
 *
 * @category getters
 * @since 0.1.0
 */
export const typeOf = (name: string): string => mediaTypeOf(name)

/**
 * The last segment of a path, whichever slashes it has.
 *
 * @category getters
 * @since 0.1.0
 */
export const baseName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)

/**
 * An attachment whose bytes come from a stream, which is run each time the message is sent. Give the `size` in octets when
 * it is known: a server can then refuse the message before it is sent. When the stream fails, sending fails with
 * `unreadable-stream`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <E>(
  stream: Stream.Stream<Uint8Array, E>,
  options?: FileOptions & { readonly size?: number | undefined }
): Attachment => {
  const { size, ...rest } = options ?? {}
  return { ...rest, content: { stream: Stream.mapError(stream, MessageError.unreadableStream), size } }
}

const unreadableFile =
  (path: string) =>
  (error: PlatformError.PlatformError): MessageError.MessageError =>
    MessageError.make("unreadable-file", error.message, {
      field: path,
      hint: "Check that the file exists and that this process may read it"
    })

// A larger file costs memory for as long as the message waits.
const heldFileSize = 65_536

// Octets that are read at once. Each read is a turn of the platform, and each buffer is litter until the collector comes: few reads
// into one buffer cost half of what many into new ones do.
const readSize = 262_144

const piecesOf = (fs: FileSystem.FileSystem, path: string): Stream.Stream<Uint8Array, PlatformError.PlatformError> =>
  Stream.unwrap(
    Effect.map(fs.open(path), (file) => {
      const buffer = new Uint8Array(readSize)
      const next = Effect.flatMap(file.read(buffer), (size) =>
        size === 0 ? Cause.done() : Effect.succeed(Arr.of(buffer.subarray(0, size)))
      )
      return Stream.fromPull(Effect.succeed(next))
    })
  )

const contentOf = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, path: string) {
  const { size, type } = yield* fs.stat(path)
  if (type !== "File" || size <= heldFileSize) return yield* fs.readFile(path)
  return { stream: Stream.mapError(piecesOf(fs, path), unreadableFile(path)), size: Number(size) }
})

/**
 * The content of a file, named after it unless `options` say otherwise. A file of at most 64 KiB is read now; a larger one
 * is read each time the message is sent, must stay as it is until then, and is never held as a whole. Fails with
 * `unreadable-file` when the file system does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (
  path: string,
  options?: FileOptions
): Effect.Effect<Attachment, MessageError.MessageError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    contentOf(fs, path).pipe(
      Effect.map((content): Attachment => ({ name: baseName(path), ...options, content })),
      Effect.mapError(unreadableFile(path))
    )
  )

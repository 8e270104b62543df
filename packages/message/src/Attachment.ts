/**
 * What is attached to a message: content with a name and a type. Content is bytes or text that the caller holds, or a
 * file read on purpose by `file`; nothing is ever fetched or opened because a string looked like a path or a URL.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { mediaTypeOf } from "./internal/mediaTypes.ts"
import * as MessageError from "./MessageError.ts"

/**
 * An attachment as an application gives it; it is checked when the message is rendered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachment {
  /** The bytes, or text that is sent as UTF-8. */
  readonly content: Uint8Array | string
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
 * Reads a file now, and names the attachment after it unless `options` say otherwise. Fails with `unreadable-file` when
 * the file system does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (
  path: string,
  options?: FileOptions
): Effect.Effect<Attachment, MessageError.MessageError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    fs.readFile(path).pipe(
      Effect.map((content): Attachment => ({ name: baseName(path), ...options, content })),
      Effect.mapError((error) =>
        MessageError.make("unreadable-file", error.message, {
          field: path,
          hint: "Check that the file exists and that this process may read it"
        })
      )
    )
  )

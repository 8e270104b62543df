/** A file system of a few files in memory. */
import { ByteSize, Effect, FileSystem, Option, PlatformError, Stream } from "effect"

const none = Option.none()

const info = (size: number, type: FileSystem.File.Type): FileSystem.File.Info => ({
  type,
  mtime: none,
  atime: none,
  birthtime: none,
  dev: 0n,
  ino: none,
  mode: 0o644,
  nlink: none,
  uid: none,
  gid: none,
  rdev: none,
  size: ByteSize.bytes(size),
  blksize: none,
  blocks: none
})

const missing = (method: string, path: string) =>
  PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method, pathOrDescriptor: path })

/** What `contents` gives for a path, or nothing there. Files are read whole by `readFile` and in pieces by `stream`. */
export const files = (contents: (path: string) => Uint8Array | undefined, type: FileSystem.File.Type = "File") => {
  const find = (method: string, path: string) =>
    Effect.suspend(() => {
      const content = contents(path)
      return content === undefined ? Effect.fail(missing(method, path)) : Effect.succeed(content)
    })
  return FileSystem.layerNoop({
    stat: (path) => Effect.map(find("stat", path), ({ length }) => info(type === "File" ? length : 0, type)),
    readFile: (path) => find("readFile", path),
    stream: (path) =>
      Stream.unwrap(
        Effect.map(find("stream", path), (content) =>
          Stream.fromIterable(
            Array.from({ length: Math.ceil(content.length / 10_000) }, (_, i) =>
              content.subarray(i * 10_000, (i + 1) * 10_000)
            )
          )
        )
      )
  })
}

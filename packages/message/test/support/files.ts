/** A file system of a few files in memory. */
import { ByteSize, Effect, FileSystem, Option, PlatformError } from "effect"

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

const unused = Effect.die("not of these files")

type OnRead = (buffer: Uint8Array) => void

// Gives 10,000 octets at a time, however many are asked for.
const opened = (content: Uint8Array, type: FileSystem.File.Type, onRead: OnRead): FileSystem.File => {
  let at = 0
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.succeed(info(content.length, type)),
    read: (buffer) =>
      Effect.sync(() => {
        onRead(buffer)
        const piece = content.subarray(at, at + Math.min(10_000, buffer.length))
        buffer.set(piece)
        at += piece.length
        return piece.length
      }),
    seek: () => unused,
    sync: unused,
    readAlloc: () => unused,
    truncate: () => unused,
    write: () => unused,
    writeAll: () => unused
  }
}

/**
 * What `contents` gives for a path, or nothing there. Files are read whole by `readFile` and in pieces when opened; `onRead` is told
 * of the buffer of each such read.
 */
export const files = (
  contents: (path: string) => Uint8Array | undefined,
  type: FileSystem.File.Type = "File",
  onRead: OnRead = () => {}
) => {
  const find = (method: string, path: string) =>
    Effect.suspend(() => {
      const content = contents(path)
      return content === undefined ? Effect.fail(missing(method, path)) : Effect.succeed(content)
    })
  return FileSystem.layerNoop({
    stat: (path) => Effect.map(find("stat", path), ({ length }) => info(type === "File" ? length : 0, type)),
    readFile: (path) => find("readFile", path),
    open: (path) => Effect.map(find("open", path), (content) => opened(content, type, onRead))
  })
}

/** Files that are named on the command line, and standard input. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { CliError } from "../CliError.ts"

const because = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "does not exist; check its name"
    case "PermissionDenied":
      return "may not be read; check its permissions"
    case "BadResource":
      return "is not a file"
    default:
      return `cannot be read: ${reason.message}`
  }
}

/** Reads the file that was given for a flag; fails with a `CliError` of this status. */
export const read = Effect.fnUntraced(function* (path: string, flag: string, status: number) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    fileSystem.readFile(path),
    (error) => new CliError({ status, message: `${flag}: ${JSON.stringify(path)} ${because(error)}` })
  )
})

const becauseUnwritten = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "is in a folder that does not exist; check its name"
    case "PermissionDenied":
      return "may not be written; check its permissions"
    case "BadResource":
      return "is not a file"
    default:
      return `cannot be written: ${reason.message}`
  }
}

/** Writes the file that was given for a flag; fails with a `CliError` of this status. */
export const write = Effect.fnUntraced(function* (path: string, text: string, flag: string, status: number) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    fileSystem.writeFileString(path, text),
    (error) => new CliError({ status, message: `${flag}: ${JSON.stringify(path)} ${becauseUnwritten(error)}` })
  )
})

/** Reads standard input to its end; fails with a `CliError` of this status. */
export const standardInput = Effect.fnUntraced(function* (flag: string, status: number) {
  const stdio = yield* Stdio.Stdio
  const chunks = yield* Effect.mapError(
    Stream.runCollect(stdio.stdin),
    (error) => new CliError({ status, message: `${flag}: standard input ${because(error)}` })
  )
  return new Uint8Array(yield* Effect.promise(() => new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer()))
})

/** A temporary folder on the real disk. */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** A folder that is gone with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** All files below a folder, without what is in a folder that is named `cur`. */
export const filesIn = (path: string): ReadonlyArray<string> =>
  Fs.readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.join(entry.parentPath, entry.name))
    .toSorted()

/** What a file holds, in latin1. */
export const read = (path: string): string => Fs.readFileSync(path, "latin1")

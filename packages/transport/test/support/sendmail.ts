/** A mail program for tests: it writes down how it was called and what it read, and ends as it is told. */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { folder } from "./folder.ts"

/** A call of the program that ended well. */
export interface Call {
  readonly args: ReadonlyArray<string>
  /** What it read, in latin1. */
  readonly input: string
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))

/** Installs a program whose last words are these lines of shell; by default it queues what it has read. */
export const program = Effect.fnUntraced(function* (...script: ReadonlyArray<string>) {
  const home = yield* folder
  const path = Path.join(home, "sendmail")
  const queue = Path.join(home, "queue")
  Fs.mkdirSync(queue)
  const queueIt = [
    `draft="$(mktemp ${home}/draft.XXXXXX)"`,
    `printf '%s\\n' "$@" >"$draft.args"`,
    `cat >"$draft"`,
    `mv "$draft.args" "${queue}/$(basename "$draft").args"`,
    `mv "$draft" "${queue}/$(basename "$draft").eml"`
  ]
  // With the trap it waits for the program it has started, which would else be left to whoever collects the dead.
  const lines = ["#!/bin/sh", "trap 'exit 143' TERM", `home='${home}'`, ...(script.length === 0 ? queueIt : script)]
  Fs.writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 })
  const calls = (): ReadonlyArray<Call> =>
    Fs.readdirSync(queue)
      .filter((name) => name.endsWith(".eml"))
      .map((name) => ({
        args: Fs.readFileSync(Path.join(queue, name.replace(/eml$/, "args")), "utf8")
          .split("\n")
          .slice(0, -1),
        input: Fs.readFileSync(Path.join(queue, name), "latin1")
      }))
  const received = () =>
    calls().map(({ args, input }) => ({
      recipients: args.slice(args.indexOf("--") + 1),
      content: latin1(input.replaceAll("\n", "\r\n"))
    }))
  return { path, home, calls, received }
})

/**
 * A folder with Debian's mail servers in it, unpacked by test/tools/mail-servers.sh, in which they run by chroot: with users
 * and files of their own, beside whatever is installed here.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Peers from "../../support/peers.ts"

const unpacked = "/var/cache/effect-mail/mail-servers"

/** Why the servers cannot be used here, or undefined when they can. */
export const missing =
  process.getuid?.() !== 0
    ? "the mail servers need root, for chroot"
    : Fs.existsSync(unpacked)
      ? undefined
      : "the mail servers are not unpacked (run test/tools/mail-servers.sh)"

/** A running copy of the folder. */
export interface Jail {
  readonly root: string
  /** Writes a file, with its folders. */
  readonly write: (path: string, content: string, mode?: number) => void
  /** Makes folders that belong to a user of the jail. */
  readonly own: (user: string, ...paths: ReadonlyArray<string>) => void
  /** Starts a program, which ends with the scope; waits until it listens on these ports. */
  readonly start: (
    command: ReadonlyArray<string>,
    ports: ReadonlyArray<number>
  ) => Effect.Effect<void, never, Scope.Scope>
}

const run = (command: string, ...args: ReadonlyArray<string>): void => {
  ChildProcess.execFileSync(command, args, { stdio: "pipe" })
}

// Whoever still runs in a folder: a server's children outlive it for a moment.
const inhabitants = (root: string): ReadonlyArray<number> =>
  Fs.readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && Fs.readlinkSync(`/proc/${pid}/root`) === root ? [Number(pid)] : []
    } catch {
      return []
    }
  })

const clear = (root: string): void => {
  for (const pid of inhabitants(root)) process.kill(pid, "SIGKILL")
}

// Links to the programs and libraries, which nobody changes; copies where the disk is another one.
const copy = (root: string): void => {
  try {
    run("cp", "-al", Path.join(unpacked, "root"), root)
  } catch {
    Fs.rmSync(root, { recursive: true, force: true })
    run("cp", "-a", Path.join(unpacked, "root"), root)
  }
}

/** A copy of the folder that is gone with the scope, with all who run in it. */
export const make = Effect.gen(function* () {
  const folder = Fs.realpathSync(yield* Peers.folder)
  const root = Path.join(folder, "root")
  copy(root)
  yield* Effect.addFinalizer(() => Effect.sync(() => clear(root)))
  const inside = (path: string): string => Path.join(root, path)
  return {
    root,
    write: (path, content, mode = 0o644) => {
      Fs.mkdirSync(Path.dirname(inside(path)), { recursive: true })
      Fs.rmSync(inside(path), { force: true })
      Fs.writeFileSync(inside(path), content, { mode })
    },
    own: (user, ...paths) => {
      for (const path of paths) {
        Fs.mkdirSync(inside(path), { recursive: true })
        const uid = Number(
          new RegExp(`^${user}:x:(\\d+):`, "m").exec(Fs.readFileSync(inside("/etc/passwd"), "utf8"))?.[1]
        )
        Fs.chownSync(inside(path), uid, uid)
      }
    },
    start: Effect.fnUntraced(function* (command, ports) {
      const { died } = yield* Peers.start("/usr/sbin/chroot", [root, ...command], root)
      for (const port of ports) yield* Effect.raceFirst(Peers.listening(port), died)
    })
  } satisfies Jail
})

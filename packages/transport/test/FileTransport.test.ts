/** Messages in files: what they look like, what they are called, and that a part of one is never seen. */
import { Parcel } from "@effect-mail/message"
import { Envelope, Receipt } from "@effect-mail/protocol"
import { FileTransport } from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Deferred,
  Effect,
  Fiber,
  FileSystem,
  type Path,
  PlatformError,
  Random,
  Result,
  type Scope,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import { filesIn, folder, read } from "./support/folder.ts"
import { bytes, message, parcel, pieces, streamed } from "./support/smtp.ts"

const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | Scope.Scope>) =>
  Effect.scoped(effect).pipe(Effect.provide(NodeServices.layer))

const lf = message.replaceAll("\r\n", "\n")

const named = (path: string): ReadonlyArray<string> => filesIn(path).map((file) => NodePath.relative(path, file))

const words = (outcomes: ReadonlyArray<Receipt.Outcome>): string =>
  outcomes
    .map((o) =>
      o._tag === "Delivered" ? "delivered" : `${Receipt.outcomeWord(o)} ${o.failure.enhanced} ${o.failure.scope}`
    )
    .join(", ")

const from = (reversePath: string, ...to: ReadonlyArray<string>): Parcel.Parcel => ({
  ...parcel(),
  envelope: Result.getOrThrow(Envelope.make({ from: reversePath, to: to.length === 0 ? ["bob@example.org"] : to }))
})

describe("makeEml", () => {
  it.effect("one file for each message, octet for octet, in a folder that it makes", () =>
    run(
      Effect.gen(function* () {
        const path = NodePath.join(yield* folder, "a", "b")
        const { send } = yield* FileTransport.makeEml(path)
        const outcomes = yield* send(parcel("bob@example.org", "carol@example.org"))
        yield* send(parcel())
        assert.strictEqual(words(outcomes), "delivered, delivered")
        assert.deepStrictEqual(filesIn(path).map(read), [message, message])
        assert.isTrue(named(path).every((name) => /^0\.M0Q\d+_R[0-9a-f]{16}\.eml$/.test(name)))
        const [delivered] = outcomes
        assert.strictEqual(delivered?._tag === "Delivered" ? delivered.text : "", `Kept in ${filesIn(path)[0] ?? ""}`)
      })
    )
  )

  it.effect("with `trace`, the envelope stands in front (SEND-012)", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        const { send } = yield* FileTransport.makeEml(path, { trace: true })
        yield* send(from("", "bob@example.org", "carol@example.org"))
        const trace = "Return-Path: <>\r\nDelivered-To: bob@example.org\r\nDelivered-To: carol@example.org\r\n"
        assert.deepStrictEqual(filesIn(path).map(read), [trace + message])
      })
    )
  )

  it.effect("nobody else may read it, unless `mode` says so", () =>
    run(
      Effect.gen(function* () {
        const path = NodePath.join(yield* folder, "mail")
        const modes = () => [path, ...filesIn(path)].map((file) => (Fs.statSync(file).mode & 0o777).toString(8))
        yield* (yield* FileTransport.makeEml(path)).send(parcel())
        assert.deepStrictEqual(modes(), ["700", "600"])
        Fs.rmSync(path, { recursive: true })
        yield* (yield* FileTransport.makeEml(path, { mode: 0o640 })).send(parcel())
        assert.deepStrictEqual(modes(), ["750", "640"])
      })
    )
  )

  it.effect("a name is not made of what the message says", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        const { send } = yield* FileTransport.makeEml(path)
        const body = bytes("Message-ID: <../../../etc/passwd@x.example>\r\nSubject: ../x\r\n\r\n")
        const evil = Result.getOrThrow(
          Parcel.fromBytes(body, from('"../../x"@example.com', '"/etc/x"@example.org').envelope)
        )
        yield* send(evil)
        assert.isTrue(named(path).every((name) => /^[0-9]+\.M[0-9]+Q[0-9]+_R[0-9a-f]+\.eml$/.test(name)))
      })
    )
  )

  it.effect("two that draw the same lot at the same time do not meet", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        for (let i = 0; i < 3; i++) {
          const { send } = yield* FileTransport.makeEml(path)
          yield* send(parcel()).pipe(Random.withSeed("same"))
        }
        assert.strictEqual(filesIn(path).length, 3)
      })
    )
  )
})

describe("makeMaildir (SEND-013)", () => {
  it.effect("written to tmp, put into new, with LF line ends", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        yield* TestClock.setTime(1_700_000_000_123)
        const { send } = yield* FileTransport.makeMaildir(path, { host: "mx/1:x y\n.example" })
        assert.strictEqual(words(yield* send(parcel())), "delivered")
        const [name = ""] = named(path)
        assert.match(name, /^new\/1700000000\.M123000Q\d+_R[0-9a-f]{16}\.mx\\0571\\072x_y_\.example$/)
        assert.deepStrictEqual(filesIn(path).map(read), [lf])
        assert.deepStrictEqual(Fs.readdirSync(path).toSorted(), ["cur", "new", "tmp"])
      })
    )
  )
})

// Real files and the test's clock: it moves on while the transport waits.
const passing = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), Effect.yieldNow), {
    until: () => fiber.pollUnsafe() !== undefined,
    times: 20_000
  })

describe("makeMbox (SEND-011)", () => {
  const mbox = Effect.map(folder, (path) => NodePath.join(path, "sub", "mbox"))

  it.effect("one behind the other, quoted, each with its sender and the time of its coming", () =>
    run(
      Effect.gen(function* () {
        const file = yield* mbox
        const { send } = yield* FileTransport.makeMbox(file)
        yield* TestClock.setTime(Date.UTC(2026, 10, 2, 3, 4, 5))
        yield* send(streamed(pieces("Subject: x\r\n\r\nFrom x\r\n>From y\r\n From z\r\nFro", "m a\r\nFrom")))
        yield* send(from(""))
        yield* send(from('"a b"@example.com'))
        const when = "Mon Nov  2 03:04:05 2026"
        assert.strictEqual(
          read(file),
          `From alice@example.com ${when}\nSubject: x\n\n>From x\n>>From y\n From z\n>From a\nFrom\n\n` +
            `From MAILER-DAEMON ${when}\n${lf}\nFrom "a-b"@example.com ${when}\n${lf}\n`
        )
        assert.deepStrictEqual(Fs.readdirSync(NodePath.dirname(file)), ["mbox"])
      })
    )
  )

  for (const [there, gap] of [
    ["old\n\n", ""],
    ["old\n", "\n"],
    ["old", "\n\n"],
    ["\n", ""],
    ["x", "\n\n"]
  ] as const) {
    it.effect(`a message begins behind an empty line where ${JSON.stringify(there)} was`, () =>
      run(
        Effect.gen(function* () {
          const file = yield* mbox
          Fs.mkdirSync(NodePath.dirname(file))
          Fs.writeFileSync(file, there)
          yield* (yield* FileTransport.makeMbox(file)).send(parcel())
          assert.strictEqual(read(file), `${there}${gap}From alice@example.com Thu Jan  1 00:00:00 1970\n${lf}\n`)
        })
      )
    )
  }

  it.effect("waits for the lock of others, and gives up for now after 30 seconds", () =>
    run(
      Effect.gen(function* () {
        const file = yield* mbox
        const { send } = yield* FileTransport.makeMbox(file)
        Fs.mkdirSync(NodePath.dirname(file))
        Fs.writeFileSync(`${file}.lock`, "")
        const patient = yield* Effect.forkChild(send(parcel()))
        yield* passing(patient)
        assert.strictEqual(words(yield* Fiber.join(patient)), "temp 4.2.0 host")
        assert.isFalse(Fs.existsSync(file))
        const second = yield* Effect.forkChild(send(parcel()))
        Fs.rmSync(`${file}.lock`)
        yield* passing(second)
        assert.strictEqual(words(yield* Fiber.join(second)), "delivered")
        assert.deepStrictEqual(Fs.readdirSync(NodePath.dirname(file)), ["mbox"])
      })
    )
  )
})

describe("the quoting of mboxrd", () => {
  const lines = [
    "From ",
    "From",
    ">From x",
    ">>>From y",
    " From z",
    "F",
    ">",
    ">>",
    "",
    "FFrom ",
    "From From ",
    "Fr>From "
  ]
  // Each line is followed by every other one.
  const text = lines.flatMap((_, i) => [...lines.slice(i), ...lines.slice(0, i)]).join("\r\n")

  for (const width of [1, 2, 3, 4, 5, 6, 7, 11, 4096]) {
    it.effect(`V-111: a line that begins with From gets one > more, cut into pieces of ${width}`, () =>
      run(
        Effect.gen(function* () {
          const file = NodePath.join(yield* folder, "mbox")
          const all = `Subject: x\r\n\r\n${text}\r\n`
          const cut = Array.from({ length: Math.ceil(all.length / width) }, (_, i) =>
            all.slice(i * width, (i + 1) * width)
          )
          yield* (yield* FileTransport.makeMbox(file)).send(streamed(pieces(...cut)))
          const body = read(file)
            .replace(/^From .*\n/, "")
            .replace(/\n$/, "")
          assert.strictEqual(body, all.replaceAll("\r\n", "\n").replace(/^(>*From )/gm, ">$1"))
        })
      )
    )
  }
})

// A disk that fails at its n-th operation, and all those of which it can.
const faulty = (
  fs: FileSystem.FileSystem,
  code: string,
  at: number,
  counted: { count: number }
): FileSystem.FileSystem => {
  const error = PlatformError.systemError({
    _tag: code === "EACCES" ? "PermissionDenied" : "Unknown",
    module: "FileSystem",
    method: "test",
    cause: Object.assign(new Error(code), { code })
  })
  const guard = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend((): Effect.Effect<A, E | PlatformError.PlatformError, R> =>
      counted.count++ === at ? Effect.fail(error) : effect
    )
  return {
    ...fs,
    makeDirectory: (path, options) => guard(fs.makeDirectory(path, options)),
    link: (a, b) => guard(fs.link(a, b)),
    writeFile: (path, data, options) => guard(fs.writeFile(path, data, options)),
    open: (path, options) =>
      Effect.map(guard(fs.open(path, options)), (file) => ({
        ...file,
        stat: guard(file.stat),
        sync: guard(file.sync),
        read: (buffer, readOptions) => guard(file.read(buffer, readOptions)),
        truncate: (length) => file.truncate(length),
        write: (buffer) => guard(file.write(buffer)),
        // Half of it is on the disk when it fails.
        writeAll: (buffer) =>
          Effect.tapError(guard(file.writeAll(buffer)), () =>
            Effect.ignore(file.writeAll(buffer.subarray(0, buffer.length / 2)))
          )
      }))
  }
}

const makers = {
  eml: (path: string) => FileTransport.makeEml(path),
  Maildir: (path: string) => FileTransport.makeMaildir(path),
  mbox: (path: string) => FileTransport.makeMbox(NodePath.join(path, "mbox"))
}

describe("a disk that fails at any moment leaves nothing to be seen (SEND-014)", () => {
  for (const [name, make] of Object.entries(makers)) {
    for (const [code, expected] of [
      ["ENOSPC", "temp 4.3.1 host"],
      ["EDQUOT", "temp 4.3.1 host"],
      ["EIO", "temp 4.3.0 host"],
      ["EROFS", "perm 5.3.5 host"]
    ] as const) {
      it.effect(`${name}: ${code} is ${expected}`, () =>
        run(
          Effect.gen(function* () {
            const path = yield* folder
            const fs = yield* FileSystem.FileSystem
            yield* (yield* make(path)).send(parcel())
            const before = filesIn(path).map((file) => [file, read(file)])
            assert.strictEqual(before.length, 1)
            let failures = 0
            for (let at = 0; ; at++) {
              const counted = { count: 0 }
              const transport = yield* make(path).pipe(
                Effect.provideService(FileSystem.FileSystem, faulty(fs, code, at, counted))
              )
              const said = words(yield* transport.send(parcel()))
              if (said === "delivered") break
              failures++
              assert.strictEqual(said, expected)
              assert.deepStrictEqual(
                filesIn(path).map((file) => [file, read(file)]),
                before
              )
            }
            assert.isAbove(failures, 4)
          })
        )
      )
    }

    it.effect(`${name}: an interruption in the middle leaves nothing`, () =>
      run(
        Effect.gen(function* () {
          const path = yield* folder
          const { send } = yield* make(path)
          let pulled = 0
          const body = Stream.concat(
            pieces(message, message).pipe(Stream.tap(() => Effect.sync(() => pulled++))),
            Stream.never
          )
          const fiber = yield* Effect.forkChild(send(streamed(body)))
          yield* Effect.repeat(Effect.yieldNow, { until: () => pulled === 2 })
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(filesIn(path), [])
        })
      )
    )

    it.effect(`${name}: an interruption while the file is being opened leaves nothing`, () =>
      run(
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const path = yield* folder
          const opened = yield* Deferred.make<void>()
          const goOn = yield* Deferred.make<void>()
          const slow = (file: FileSystem.File) =>
            Effect.uninterruptible(
              Effect.as(Effect.andThen(Deferred.succeed(opened, undefined), Deferred.await(goOn)), file)
            )
          const { send } = yield* make(path).pipe(
            Effect.provideService(FileSystem.FileSystem, {
              ...fs,
              open: (file, options) => Effect.flatMap(fs.open(file, options), slow)
            })
          )
          const fiber = yield* Effect.forkChild(send(parcel()))
          yield* Deferred.await(opened)
          const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
          yield* Deferred.succeed(goOn, undefined)
          yield* Fiber.join(interrupting)
          assert.deepStrictEqual(filesIn(path), [])
        })
      )
    )
  }

  it.effect("what is no folder is a permanent fact about this way out", () =>
    run(
      Effect.gen(function* () {
        const file = NodePath.join(yield* folder, "file")
        Fs.writeFileSync(file, "x")
        for (const make of Object.values(makers)) {
          assert.strictEqual(words(yield* (yield* make(NodePath.join(file, "sub"))).send(parcel())), "perm 5.3.5 host")
        }
      })
    )
  )

  it.effect("nothing that is there is overwritten, even under the name that was chosen", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        const fs = yield* FileSystem.FileSystem
        // Somebody takes each name a moment earlier.
        const racing: FileSystem.FileSystem = {
          ...fs,
          link: (a, b) => Effect.andThen(fs.writeFileString(b, "somebody else's"), fs.link(a, b))
        }
        const transport = yield* FileTransport.makeMaildir(path).pipe(
          Effect.provideService(FileSystem.FileSystem, racing)
        )
        assert.strictEqual(words(yield* transport.send(parcel())), "temp 4.3.0 host")
        assert.deepStrictEqual(filesIn(path).map(read), ["somebody else's"])
      })
    )
  )
})

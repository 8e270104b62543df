import { Mailbox, MailServer } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SocketServer } from "effect/socket"
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"

const run = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(() => promisify(execFile)(command, [...args]))

const python = `
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as smtp:
    smtp.sendmail("alice@example.com", "bob@example.org", "Subject: From smtplib\\r\\n\\r\\nHi\\r\\n")
`

// A real port, chosen by the system, for as long as the test lives.
const server = MailServer.layer().pipe(
  Layer.provideMerge(Mailbox.layer),
  Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))
)

const installed = [["swaks", "--version"] as const, ["python3", "--version"] as const].every(
  ([command, option]) => spawnSync(command, [option]).status === 0
)

it.live.skipIf(!installed)("swaks and smtplib deliver into the mailbox", () =>
  Effect.gen(function* () {
    const { address } = yield* SocketServer.SocketServer
    const port = address._tag === "UnixPathAddress" ? "" : String(address.port)
    const header = ["--header", "Subject: From swaks"]
    yield* run("swaks", "--server", "127.0.0.1", "--port", port, "--to", "bob@example.org", ...header)
    yield* run("python3", "-c", python, port)
    const { waitFor } = yield* Mailbox.Mailbox
    assert.strictEqual((yield* waitFor({ to: "bob@example.org" }, 1)).subject, "From swaks")
    assert.strictEqual((yield* waitFor({ to: "bob@example.org" }, 2)).subject, "From smtplib")
  }).pipe(Effect.provide(server))
)

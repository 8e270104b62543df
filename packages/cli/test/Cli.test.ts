import { Cli } from "@effect-mail/cli"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { run } from "./support/cli.ts"

describe("help", () => {
  it.effect("is printed on standard output when it is asked for", () =>
    Effect.gen(function* () {
      const { err, out, status } = yield* run(["--help"])
      assert.deepStrictEqual([status, err], [0, []])
      assert.include(out.join("\n"), "send")
    })
  )

  it.effect("of send names every flag", () =>
    Effect.gen(function* () {
      const { out, status } = yield* run(["send", "--help"])
      assert.strictEqual(status, 0)
      for (const flag of "from to subject text html attach eml server tls ca ehlo timeout retries json".split(" ")) {
        assert.include(out.join("\n"), `  --${flag}`)
      }
    })
  )

  it.effect("is shown to somebody who gives no command, which is not a success", () =>
    Effect.gen(function* () {
      const { out, status } = yield* run([])
      assert.strictEqual(status, 64)
      assert.include(out.join("\n"), "send")
    })
  )
})

describe("--version", () => {
  it.effect("is the version of the package", () =>
    Effect.gen(function* () {
      const { out, status } = yield* run(["--version"])
      assert.strictEqual(status, 0)
      assert.deepStrictEqual(out, [`effect-mail v${Cli.version}`])
      assert.include(readFileSync(new URL("../package.json", import.meta.url), "utf8"), `"version": "${Cli.version}"`)
    })
  )
})

describe("a wrong command line", () => {
  const from = ["--from", "ada@example.com"]
  const both = [...from, "--to", "bob@example.net"]

  for (const [name, args, sentence] of [
    ["an unknown command", ["sned"], `there is no command "sned" (did you mean send?); see effect-mail --help`],
    ["an unknown flag", ["send", ...both, "--bogus"], "there is no flag --bogus; see effect-mail send --help"],
    [
      "a typing error",
      ["send", "--form", "a"],
      "there is no flag --form (did you mean --from?); see effect-mail send --help"
    ],
    ["an argument that is missing", ["route"], "the domain is missing; see effect-mail route --help"],
    ["no sender", ["send"], "the flag --from is missing; see effect-mail send --help"],
    ["no recipient", ["send", ...from], "the flag --to is missing; see effect-mail send --help"],
    ["a flag without its value", ["send", "--from"], "--from needs a value; see effect-mail send --help"],
    ["a flag twice", ["send", ...both, ...from], "--from may be given only once; see effect-mail send --help"],
    [
      "a word that --tls does not know",
      ["send", ...both, "--tls", "maybe"],
      `--tls: "maybe" cannot be used, expected "opportunistic" | "encrypted" | "required" | "none"; see effect-mail send --help`
    ],
    ...["x", "-1", "1.5", "1001", ""].map(
      (n) =>
        [
          `--retries ${JSON.stringify(n)}`,
          ["send", ...both, "--retries", n],
          n === ""
            ? "--retries needs a value; see effect-mail send --help"
            : `--retries: "${n}" cannot be used, expected a whole number from 0 to 1000; see effect-mail send --help`
        ] as const
    ),
    ...["0", "10x", "1 fortnight", "1e3s", "99999999999s"].map(
      (time) =>
        [
          `--timeout ${time}`,
          ["send", ...both, "--timeout", time],
          `--timeout: "${time}" cannot be used, expected a time such as 500ms, 10s, 2m or 1h; see effect-mail send --help`
        ] as const
    ),
    ...(
      [
        ["localhost", "This is not a URL"],
        ["smpt://localhost", `The scheme "smpt" is not known`],
        ["localhost:25", `The scheme "localhost" is not known`],
        ["smtp://", "The host is missing or not a host name"],
        ["smtp://localhost:99999", "This is not a URL"],
        ["smtp://localhost/inbox", "There is something behind host and port"]
      ] as const
    ).map(
      ([url, what]) =>
        [
          `--server ${url}`,
          ["send", ...both, "--server", url],
          `--server: ${what}; a server is written smtp://[user@]host[:port] or smtps://[user@]host[:port]`
        ] as const
    ),
    [
      "a password on the command line",
      ["send", ...both, "--server", "smtp://ada:s3cr3t@localhost"],
      "--server: everybody on this machine can read a password on the command line; put it into EFFECT_MAIL_PASSWORD"
    ],
    [
      "--tls none with smtps",
      ["send", ...both, "--server", "smtps://localhost", "--tls", "none"],
      "--tls: smtps:// is TLS from the first byte; use smtp:// for a session without"
    ],
    [
      "a ready message with a text",
      ["send", ...both, "--eml", "message.eml", "--text", "Hello"],
      "--eml: a ready message is sent as it is; leave out --subject, --text, --html and --attach"
    ]
  ] as const) {
    it.effect(`${name}: one sentence on standard error, and 64`, () =>
      Effect.gen(function* () {
        const { err, out, status } = yield* run(args)
        assert.deepStrictEqual([status, out, err], [64, [], [`effect-mail: ${sentence}`]])
      })
    )
  }

  it.effect("what a schema expects is said in its words alone", () =>
    Effect.gen(function* () {
      const { err, status } = yield* run(["simulate", "--policy", "standard", "--world", "open", "--messages", "0"])
      assert.strictEqual(status, 64)
      assert.match(
        err.join("\n"),
        /^effect-mail: --messages: "0" cannot be used, expected a value between 1 and \d+; see/
      )
    })
  )
})

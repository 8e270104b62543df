/**
 * Python's `email`, a second opinion, finds in every sample what was put into it. Skipped where there is no python3.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { octets, render } from "./support/render.ts"
import { samples, shown, toMessage } from "./support/samples.ts"
import { bytes } from "./support/texts.ts"

const program = `
import sys, json, base64, email, email.policy
def read(raw):
    m = email.message_from_bytes(base64.b64decode(raw), policy=email.policy.default)
    leaves = [p for p in m.walk() if not p.is_multipart()]
    def text(kind):
        found = [p for p in leaves if p.get_content_type() == kind and p.get_content_disposition() is None]
        return found[0].get_content() if found else ""
    return {
        "subject": str(m["subject"]),
        "from": m["from"].addresses[0].display_name,
        "to": [a.display_name for a in m["to"].addresses],
        "addresses": [a.addr_spec for a in m["to"].addresses],
        "text": text("text/plain"),
        "html": text("text/html"),
        "files": [
            {"name": p.get_filename(), "content": base64.b64encode(p.get_payload(decode=True)).decode(), "cid": p["content-id"]}
            for p in leaves if p.get_content_disposition() is not None
        ],
        "defects": [repr(d) for p in m.walk() for d in p.defects],
    }
print(json.dumps([read(line) for line in sys.stdin.read().split()]))
`

const Answer = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      subject: Schema.String,
      from: Schema.String,
      to: Schema.Array(Schema.String),
      addresses: Schema.Array(Schema.String),
      text: Schema.String,
      html: Schema.String,
      files: Schema.Array(
        Schema.Struct({ name: Schema.String, content: Schema.String, cid: Schema.NullOr(Schema.String) })
      ),
      defects: Schema.Array(Schema.String)
    })
  )
)

const hasPython = spawnSync("python3", ["-c", "import email"]).status === 0
describe.skipIf(!hasPython)("Python's email (skipped where there is no python3) reads", () => {
  it.effect("every sample", () =>
    Effect.gen(function* () {
      const input = yield* Effect.forEach(samples, (sample) =>
        Effect.map(Effect.flatMap(render(toMessage(sample)), octets), (all) => Buffer.from(all).toString("base64"))
      )
      const { stderr, stdout } = spawnSync("python3", ["-c", program], { input: input.join("\n"), encoding: "utf8" })
      assert.strictEqual(stderr, "")
      const answers = yield* Schema.decodeEffect(Answer)(stdout)
      assert.deepStrictEqual(
        answers.map((answer) => ({ ...answer, text: shown(answer.text), html: shown(answer.html) })),
        samples.map((sample) => ({
          subject: sample.subject,
          from: sample.from,
          to: sample.to,
          addresses: sample.to.map((_, i) => `to${i}@example.com`),
          text: shown(sample.text),
          html: shown(sample.html),
          files: sample.files.map(({ cid, content, name }) => ({
            name,
            content: Buffer.from(bytes(content)).toString("base64"),
            cid: cid === undefined ? null : `<${cid}>`
          })),
          defects: []
        }))
      )
    })
  )
})

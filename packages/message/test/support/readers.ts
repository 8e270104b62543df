/** Three readers by other people, and what each finds in a message, said in the same words. */
import { Schema } from "effect"
import { simpleParser } from "mailparser"
import { spawnSync } from "node:child_process"
import PostalMime from "postal-mime"

/** What a reader finds. */
export interface Found {
  readonly subject: string
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly addresses: ReadonlyArray<string>
  readonly text: string
  readonly html: string
  readonly files: ReadonlyArray<{ readonly name: string; readonly content: string; readonly cid: string }>
}

/** Line ends as LF, and none at the end: readers do not agree whether the last line ended. */
export const lines = (text: string): string => text.replace(/\r\n?|\n/g, "\n").replace(/\n*$/, "")

/** Without what readers trim or collapse, each in its own way. */
export const visible = (text: string): string => text.replace(/[\p{C}\p{Z}]+/gu, " ").trim()

const hex = (content: ArrayBuffer | Uint8Array | string): string =>
  (typeof content === "string" ? Buffer.from(content) : Buffer.from(new Uint8Array(content))).toString("hex")

const bare = (cid: string | null | undefined): string => (cid ?? "").replace(/^<|>$/g, "")

export const postalMime = async (message: Uint8Array): Promise<Found> => {
  const email = await PostalMime.parse(message)
  return {
    subject: visible(email.subject ?? ""),
    from: visible(email.from?.name ?? ""),
    to: (email.to ?? []).map(({ name }) => visible(name ?? "")),
    addresses: (email.to ?? []).map(({ address }) => address ?? ""),
    text: lines(email.text ?? ""),
    html: lines(email.html ?? ""),
    files: email.attachments.map(({ content, contentId, filename }) => ({
      name: visible(filename ?? ""),
      content: hex(content),
      cid: bare(contentId)
    }))
  }
}

export const mailparser = async (message: Uint8Array): Promise<Found> => {
  const email = await simpleParser(Buffer.from(message), {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true
  })
  const to = email.to === undefined ? [] : [email.to].flat().flatMap(({ value }) => value)
  return {
    subject: visible(email.subject ?? ""),
    from: visible(email.from?.value[0]?.name ?? ""),
    to: to.map(({ name }) => visible(name ?? "")),
    addresses: to.map(({ address }) => address ?? ""),
    text: lines(email.text ?? ""),
    html: lines(email.html || ""),
    files: email.attachments.map(({ cid, content, filename }) => ({
      name: visible(filename ?? ""),
      content: hex(content),
      cid: bare(cid)
    }))
  }
}

const program = `
import sys, json, base64, email, email.policy
def read(raw):
    m = email.message_from_bytes(base64.b64decode(raw), policy=email.policy.default)
    leaves = [p for p in m.walk() if not p.is_multipart()]
    def text(kind):
        found = [p for p in leaves if p.get_content_type() == kind and p.get_content_disposition() is None]
        return found[0].get_content() if found else ""
    return {
        "subject": str(m["subject"] or ""),
        "from": m["from"].addresses[0].display_name,
        "to": [a.display_name for a in m["to"].addresses],
        "addresses": [a.addr_spec for a in m["to"].addresses],
        "text": text("text/plain"),
        "html": text("text/html"),
        "files": [
            {"name": p.get_filename() or "", "content": p.get_payload(decode=True).hex(), "cid": p["content-id"] or ""}
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
      files: Schema.Array(Schema.Struct({ name: Schema.String, content: Schema.String, cid: Schema.String })),
      defects: Schema.Array(Schema.String)
    })
  )
)

export const hasPython = spawnSync("python3", ["-c", "import email"]).status === 0
if (!hasPython) process.stderr.write("Python's email reads nothing: install python3\n")

/**
 * What Python says, word for word, and what it finds wrong. All messages at once: a process of its own for each would take longer
 * than reading it.
 */
export const pythonAnswers = (messages: ReadonlyArray<Uint8Array>): (typeof Answer)["Type"] => {
  const input = messages.map((message) => Buffer.from(message).toString("base64")).join("\n")
  const { stderr, stdout } = spawnSync("python3", ["-c", program], { input, encoding: "utf8", maxBuffer: 2 ** 28 })
  if (stderr !== "") throw new Error(stderr)
  return Schema.decodeSync(Answer)(stdout)
}

/** What Python finds, in which nothing may be wrong. */
export const python = (messages: ReadonlyArray<Uint8Array>): ReadonlyArray<Found> =>
  pythonAnswers(messages).map(({ defects, ...found }) => {
    if (defects.length > 0) throw new Error(defects.join(", "))
    return {
      subject: visible(found.subject),
      from: visible(found.from),
      to: found.to.map(visible),
      addresses: found.addresses,
      text: lines(found.text),
      html: lines(found.html),
      files: found.files.map(({ cid, content, name }) => ({ name: visible(name), content, cid: bare(cid) }))
    }
  })
